"""The token of a caller is an API key: `Authorization: Bearer <key>`. None is needed in networks that the settings
name.
"""

from __future__ import annotations

from django.conf import settings
from rest_framework.authentication import get_authorization_header
from rest_framework.request import Request

from clients import services
from clients.authentication import (
    AnonymousClientAuthentication,
    ApiKeyAuthentication,
    ClientUser,
    path_token_of,
    require_usable,
)
from clients.models import ApiKey, Scope
from clients.networks import contains
from clients.throttling import FailedKeyThrottle

KEYWORD = "bearer"
WITHOUT_TOKEN = "FACEAPP_DEEPFACE_API_CLIENT"  # noqa: S105  the name of the key of callers who send none
SCOPES = (Scope.DETECT, Scope.EMBEDDINGS, Scope.PEOPLE_READ, Scope.PEOPLE_SEARCH, Scope.PEOPLE_WRITE)


class BearerAuthentication(ApiKeyAuthentication):
    """A key as bearer token, in any way that the native API takes one, or, where the settings allow it, none.

    Callers without one act by a key of their client that is known to nobody, and can be revoked. Pages of other sites
    are no such callers: an employee who opens one would call for it.
    """

    def authenticate(self, request: Request) -> tuple[ClientUser, ApiKey] | None:
        if path_token_of(request._request) is not None or self.read_key(request) is not None:
            return super().authenticate(request)
        if not is_trusted(request):
            return None
        key = services.get_or_create_key_row(
            client_name=settings.DEEPFACE_API_CLIENT, name=WITHOUT_TOKEN, scopes=SCOPES
        )
        require_usable(key, None)
        return self.enter(request, key)

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

    @staticmethod
    def read_key(request: Request) -> str | None:
        """Of `Bearer` exactly one word is a token; anything else is an empty one, which nobody has."""
        word, *rest = get_authorization_header(request).decode("latin-1").split() or [""]
        if word.lower() == KEYWORD:
            return rest[0] if len(rest) == 1 else ""
        return ApiKeyAuthentication.read_key(request)


def is_trusted(request: Request) -> bool:
    """Whether a call without a token is served."""
    if not (settings.DEEPFACE_API_CLIENT and AnonymousClientAuthentication.is_own_origin(request)):
        return False
    return contains(settings.DEEPFACE_API_NETWORKS, FailedKeyThrottle().get_ident(request))
