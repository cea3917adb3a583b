"""The key of a Nextcloud server: one of ours, or a text that the administrator chose and servers use already."""

from __future__ import annotations

from contextlib import suppress

from django.conf import settings
from rest_framework.exceptions import Throttled
from rest_framework.request import Request

from clients import services
from clients.authentication import ApiKeyAuthentication
from clients.models import ApiKey, Scope
from compat import chosen_keys

CHOSEN_NAME = "FACEAPP_NEXTCLOUD_KEY"
# The older container's default, and the example of its documentation.
PUBLISHED = {"some-super-secret-api-key", "NZ9ciQuH0djnyyTcsDhNL7so6SVrR01znNnv0iXLrSk="}


class NextcloudKeyAuthentication(ApiKeyAuthentication):
    """A wrong key counts, but is always 401, never 429: the app blames the image for any other status."""

    def count_refusal(self, request: Request) -> None:
        with suppress(Throttled):
            super().count_refusal(request)

    @staticmethod
    def find_key(text: str) -> ApiKey:
        if is_chosen(text):
            name = settings.NEXTCLOUD_CLIENT
            return services.get_or_create_key_row(client_name=name, name=CHOSEN_NAME, scopes=[Scope.NEXTCLOUD])
        return ApiKeyAuthentication.find_key(text)


def is_chosen(text: str) -> bool:
    """Whether this is the key of the settings. A weak one is refused."""
    chosen = settings.NEXTCLOUD_KEY
    return weakness(chosen) is None and chosen_keys.is_same(text, chosen)


def weakness(key: str) -> str | None:
    """Why the chosen key is refused; None if it is accepted."""
    return chosen_keys.weakness(key, published=PUBLISHED)


def key_of(request: Request) -> ApiKey:
    """The key of an authenticated request."""
    key = request.auth
    assert isinstance(key, ApiKey)
    return key
