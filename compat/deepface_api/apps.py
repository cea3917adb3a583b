from typing import Any

from corsheaders.signals import check_request_enabled
from django.conf import settings
from django.http import HttpRequest

from compat.dialect import DialectConfig


class DeepFaceApiConfig(DialectConfig):
    name = "compat.deepface_api"
    verbose_name = "DeepFace API"

    def ready(self) -> None:
        super().ready()
        check_request_enabled.connect(self.allows_origin, dispatch_uid="deepface_api.allows_origin")

    def allows_origin(self, sender: Any, request: HttpRequest, **_: Any) -> bool:
        """Whether a page of this origin may call; without a token it is refused all the same."""
        allowed, path = settings.DEEPFACE_API_ORIGINS, request.path_info
        of_ours = bool(path.strip("/")) and self.dialect.serves(path)
        return of_ours and ("*" in allowed or request.headers.get("Origin") in allowed)
