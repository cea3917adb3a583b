from typing import Any

from corsheaders.signals import check_request_enabled
from django.conf import settings
from django.http import HttpRequest

from compat.dialect import DialectConfig, is_stray


class FaceHashConfig(DialectConfig):
    name = "compat.facehash"
    verbose_name = "FaceHash"

    def ready(self) -> None:
        super().ready()
        check_request_enabled.connect(self.allows_origin, dispatch_uid="facehash.allows_origin")

    def allows_origin(self, sender: Any, request: HttpRequest, **_: Any) -> bool:
        """Whether a page of this origin may post. The origin of pages opened from a disk is `null`."""
        asked = request.headers.get("Access-Control-Request-Method") if request.method == "OPTIONS" else request.method
        allowed = settings.FACEHASH_ORIGINS
        of_ours = asked == "POST" and (self.dialect.serves(request.path_info) or is_stray(request))
        return of_ours and ("*" in allowed or request.headers.get("Origin") in allowed)
