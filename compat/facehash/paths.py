"""Which requests are this dialect's."""

from __future__ import annotations

import re

from django.http import HttpRequest

from faceapp.middleware import KEY_IN_PATH

PATHS = re.compile(rf"/+(?:train|recognize)?/*\Z|{KEY_IN_PATH}", re.ASCII)


def is_facehash(request: HttpRequest) -> bool:
    """A POST to one of its paths, or a browser's question whether it may: `GET /` is the service's welcome."""
    method = request.headers.get("Access-Control-Request-Method") if request.method == "OPTIONS" else request.method
    return method == "POST" and PATHS.match(request.path_info) is not None
