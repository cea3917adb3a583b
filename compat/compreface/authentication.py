"""The key of a caller in `x-api-key`: one of ours, or the UUID that an earlier server gave out."""

from __future__ import annotations

from uuid import UUID

from rest_framework.request import Request

from clients.authentication import ApiKeyAuthentication, ClientUser, path_token_of, unknown_key
from clients.models import ApiKey
from compat.compreface.exceptions import BadKey, MissingKey
from compat.compreface.services import key_of_uuid

SHORTEST = 36  # characters, of a UUID as it is usually written; ours have 41


class ServiceKeyAuthentication(ApiKeyAuthentication):
    def authenticate(self, request: Request) -> tuple[ClientUser, ApiKey]:
        found = super().authenticate(request)
        if found is None:
            raise MissingKey("Missing header: x-api-key")
        request._request.service_key = found[1]  # type: ignore[attr-defined]
        return found

    def authenticate_header(self, request: Request) -> str:
        return ""  # errors of keys are no challenges here

    @staticmethod
    def find_key(text: str) -> ApiKey:
        """Raises `BadKey`, or `AuthenticationFailed`."""
        if "." in text:
            return ApiKeyAuthentication.find_key(text)
        try:
            uuid = UUID(text) if len(text) >= SHORTEST else None
        except ValueError:
            uuid = None
        if uuid is None:
            raise BadKey("Service API key should be UUID")
        key = key_of_uuid(str(uuid))
        if key is None:
            raise unknown_key()
        return key


class PathKeyAuthentication(ServiceKeyAuthentication):
    """The key is a part of the path."""

    @staticmethod
    def read_key(request: Request) -> str | None:
        if path_token_of(request._request) is not None:
            return None
        key: str | None = (request.parser_context or {}).get("kwargs", {}).get("key")
        return key
