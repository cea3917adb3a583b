"""The key of a caller: in the path, in a header, or in the form; none where the deployment names a client for that."""

from __future__ import annotations

from django.conf import settings
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from clients import services
from clients.authentication import ApiKeyAuthentication, ClientUser
from clients.models import ApiKey
from compat.facehash.forms import Form


class FaceHashKeyAuthentication(ApiKeyAuthentication):
    """Path and header are looked at first: then an unknown key costs not even the reading of the form."""

    def authenticate(self, request: Request) -> tuple[ClientUser, ApiKey | None]:  # type: ignore[override]
        found = super().authenticate(request)
        return found if found is not None else _keyless(request)

    def read_key(self, request: Request) -> str | None:  # type: ignore[override]  # there a static method
        in_path: str | None = (request.parser_context or {}).get("kwargs", {}).get("key")
        in_header = ApiKeyAuthentication.read_key(request)
        return in_path or in_header or (form_of(request).texts.get("API_KEY", "").strip() or None)


def form_of(request: Request) -> Form:
    """The form; an empty one where no body came."""
    return request.data if isinstance(request.data, Form) else Form()


def _keyless(request: Request) -> tuple[ClientUser, None]:
    if not settings.FACEHASH_CLIENT:
        raise AuthenticationFailed("A key is needed.", code="auth.required")
    client = services.get_or_create_client(name=settings.FACEHASH_CLIENT)
    if not client.is_active:
        raise AuthenticationFailed("The client for requests without a key is inactive.", code="auth.inactive_client")
    request._request.client = client  # type: ignore[attr-defined]
    return ClientUser(client), None
