"""The key of a caller: in the path, in a header or in the form. None is needed if the settings name a client."""

from __future__ import annotations

from django.conf import settings
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from clients import services
from clients.authentication import (
    AnonymousClientAuthentication,
    ApiKeyAuthentication,
    ClientUser,
    path_token_of,
    require_network,
    require_usable,
    set_client,
)
from clients.models import ApiKey, Scope
from clients.networks import contains
from clients.throttling import FailedKeyThrottle
from compat import chosen_keys
from compat.facehash.forms import Form

CHOSEN_NAME = "FACEAPP_FACEHASH_KEY"
CHOSEN_CLIENT = "facehash"  # unless the settings name one
PUBLISHED = {"API_KEY_TEST_1"}  # of the older program's page


class FaceHashKeyAuthentication(ApiKeyAuthentication):
    """Looks at path and header first, so that the form is not even read for an unknown key.

    Without a key only programs and pages of sites that the settings name are served: any other page that an employee
    opens could have people trained.
    """

    def authenticate(self, request: Request) -> tuple[ClientUser, ApiKey | None]:  # type: ignore[override]
        if key := self.chosen(request):
            require_network(key, request)
            require_usable(key, None)
            return self.enter(request, key)
        if found := super().authenticate(request):
            return found
        if not settings.FACEHASH_CLIENT:
            raise AuthenticationFailed("A key is needed.", code="auth.required")
        if not (AnonymousClientAuthentication.is_own_origin(request) or is_named_origin(request)):
            raise AuthenticationFailed("This page needs a key.", code="auth.required")
        client = services.get_or_create_client(name=settings.FACEHASH_CLIENT)
        if not client.is_active:
            message = "The client for requests without a key is inactive."
            raise AuthenticationFailed(message, code="auth.inactive_client")
        set_client(request, client)
        return ClientUser(client), None

    def chosen(self, request: Request) -> ApiKey | None:
        """The row of the key that the settings name, if the caller has sent that one. A weak one counts only in the
        networks that are named for it.
        """
        text = self.read_key(request) if path_token_of(request._request) is None else None
        if text is None or not chosen_keys.is_same(text, settings.FACEHASH_KEY):
            return None
        address = FailedKeyThrottle().get_ident(request)
        if weakness(text) and not contains(settings.FACEHASH_KEY_NETWORKS, address):
            return None
        name = settings.FACEHASH_CLIENT or CHOSEN_CLIENT
        scopes = [Scope.PEOPLE_SEARCH, Scope.PEOPLE_WRITE]
        return services.get_or_create_key_row(client_name=name, name=CHOSEN_NAME, scopes=scopes)

    def read_key(self, request: Request) -> str | None:  # type: ignore[override]  # there a static method
        in_path: str | None = (request.parser_context or {}).get("kwargs", {}).get("key")
        in_header = ApiKeyAuthentication.read_key(request)
        return in_path or in_header or (form_of(request).texts.get("API_KEY", "").strip() or None)


def weakness(key: str) -> str | None:
    """Why the chosen key needs networks; None if it does not."""
    return chosen_keys.weakness(key, published=PUBLISHED)


def is_named_origin(request: Request) -> bool:
    """Whether the page that sent this is of a site that the settings name: `*` names none."""
    return request.headers.get("Origin") in {*settings.FACEHASH_ORIGINS} - {"*"}


def form_of(request: Request) -> Form:
    """The form; an empty one if there was no body."""
    return request.data if isinstance(request.data, Form) else Form()
