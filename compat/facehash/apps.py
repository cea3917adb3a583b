from typing import Any

from corsheaders.signals import check_request_enabled
from django.apps import AppConfig
from django.conf import settings
from django.http import HttpRequest

from compat.facehash.paths import is_facehash


class FaceHashConfig(AppConfig):
    name = "compat.facehash"
    label = "facehash"
    verbose_name = "FaceHash"

    def ready(self) -> None:
        from compat.facehash import checks  # noqa: F401  registers the system checks

        check_request_enabled.connect(allows_origin, dispatch_uid="facehash.allows_origin")


def allows_origin(sender: Any, request: HttpRequest, **_: Any) -> bool:
    """Whether a page of this origin may read the answer. Pages opened from a disk have the origin `null`."""
    allowed = settings.FACEHASH_ORIGINS
    return is_facehash(request) and ("*" in allowed or request.headers.get("Origin") in allowed)
