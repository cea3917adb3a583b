"""Keys as a part of the address, for programs that can be told nothing but a base URL: `/k/<token>/search`."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse

from faceapp.middleware import is_api_path

PREFIX = re.compile(r"/+k/+([^/]*)(.*)\Z", re.DOTALL)
IN_REFERER = re.compile(r"/k/+[^/?#]*")
HIDDEN = "/k/-"  # what logs see instead of prefix and token


class PathTokenMiddleware:
    """Takes the prefix off the path and keeps the token for the authentication; only the API is found behind it.

    The token must be seen by nobody else. Django logs the paths that it refuses, and the server writes its access log
    from the dictionary that is the request's META, so both get the path without it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if referer := request.META.get("HTTP_REFERER"):
            request.META["HTTP_REFERER"] = IN_REFERER.sub(HIDDEN, referer)
        found = PREFIX.match(request.path_info)
        if found is None:
            return self.get_response(request)
        take_off(request, token=found[1], rest=found[2])
        response = self.get_response(request)
        response.headers["Referrer-Policy"] = "no-referrer"
        return response


def take_off(request: HttpRequest, *, token: str, rest: str) -> None:
    """Let the request be one for `rest`; the token is found in `path_token_of`."""
    request.path_token = token  # type: ignore[attr-defined]
    root = request.path.removesuffix(request.path_info)
    rest = rest or "/"
    served = is_api_path(rest) or (request.method == "POST" and not rest.strip("/"))
    request.path_info = rest if served else HIDDEN + rest
    request.path = root + request.path_info
    request.META["PATH_INFO"] = request.path_info
    query = request.META.get("QUERY_STRING", "")
    for name in {"RAW_URI", "REQUEST_URI"} & set(request.META):
        request.META[name] = HIDDEN + quote(rest) + (f"?{query}" if query else "")


def path_token_of(request: HttpRequest) -> str | None:
    """The token that came with the path, which may be empty; None where the path had none."""
    token: str | None = getattr(request, "path_token", None)
    return token
