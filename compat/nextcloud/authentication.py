"""The key of a Nextcloud server: one of ours, or a text that the administrator chose and servers use already."""

from __future__ import annotations

import hmac
from contextlib import suppress

from django.conf import settings
from rest_framework.exceptions import Throttled
from rest_framework.request import Request

from clients import services
from clients.authentication import ApiKeyAuthentication
from clients.models import ApiKey, Scope

CHOSEN_NAME = "FACEAPP_NEXTCLOUD_KEY"
MIN_CHOSEN = 16  # characters
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
    return weakness(chosen) is None and hmac.compare_digest(text.encode(), chosen.encode())


def weakness(key: str) -> str | None:
    """Why the chosen key is refused; None if it is accepted."""
    if len(key) < MIN_CHOSEN:
        return f"It has less than {MIN_CHOSEN} characters."
    if len(set(key)) < MIN_CHOSEN // 2:
        return "It hardly varies."
    if not (key.isascii() and key.isprintable()):
        return "It has characters that no HTTP header carries."
    return "It was published with the older container." if key in PUBLISHED else None


def key_of(request: Request) -> ApiKey:
    """The key of an authenticated request."""
    key = request.auth
    assert isinstance(key, ApiKey)
    return key
