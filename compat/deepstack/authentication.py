"""The key of a caller: in a header, in the path or in the form. Cameras without one act by the key of the settings."""

from __future__ import annotations

from django.conf import settings
from rest_framework.request import Request

from clients.authentication import AnonymousClientAuthentication, ApiKeyAuthentication, unknown_key
from clients.lookups import key_of_prefix
from clients.models import ApiKey
from clients.networks import contains
from clients.throttling import FailedKeyThrottle

FIELDS = ("api_key", "admin_key")
OF_SETTINGS = ""  # stands for the key that the settings name; a caller cannot send it


class DeepStackKeyAuthentication(ApiKeyAuthentication):
    """Looks at path and header first, so that the form is not even read for an unknown key."""

    def read_key(self, request: Request) -> str | None:  # type: ignore[override]  # there a static method
        sent = ApiKeyAuthentication.read_key(request) or _in_form(request)
        if sent:
            return sent
        return OF_SETTINGS if settings.DEEPSTACK_KEY and is_trusted(request) else None

    @staticmethod
    def find_key(text: str) -> ApiKey:
        if text != OF_SETTINGS:
            return ApiKeyAuthentication.find_key(text)
        key = key_of_prefix(settings.DEEPSTACK_KEY) if settings.DEEPSTACK_KEY.isalnum() else None
        if key is None:
            raise unknown_key()
        return key


def is_trusted(request: Request) -> bool:
    """Whether a caller without a key is a program in one of the networks, or a page of ours: any other page that
    somebody there opens could have people trained.
    """
    address = FailedKeyThrottle().get_ident(request)
    return contains(settings.DEEPSTACK_NETWORKS, address) and AnonymousClientAuthentication.is_own_origin(request)


def _in_form(request: Request) -> str:
    form = request.data if hasattr(request.data, "get") else {}
    return next((text for name in FIELDS if (text := str(form.get(name) or "").strip())), "")
