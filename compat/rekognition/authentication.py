"""Callers sign with the prefix of an API key as access key id, and a secret of its own (`secrets.py`)."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from clients import services
from clients.authentication import (
    ApiKeyAuthentication,
    ClientUser,
    require_network,
    require_usable,
    set_client,
)
from clients.lookups import key_of_prefix
from clients.models import ApiKey, Scope
from compat.rekognition.exceptions import (
    ImageTooLarge,
    IncompleteSignature,
    NotSigned,
    UnknownAccessKey,
    WrongSignature,
)
from compat.rekognition.secrets import secrets_of
from compat.rekognition.signing import Call, Signed, check_scope, check_signature, read_authorization
from rest.bodies import announced_length
from rest.parsers import check_length
from telemetry.actors import ActorKind, identify
from vision import sources

MOST_BODY = 15 * 1024 * 1024  # bytes: two images of 5 MB as base64
UNKNOWN = "The security token included in the request is invalid."


class SignatureAuthentication(ApiKeyAuthentication):
    """AWS Signature Version 4 and nothing else. The body is read once the key is known and its length allowed."""

    def authenticate(self, request: Request) -> tuple[ClientUser, ApiKey]:
        call = call_of(request._request)
        signed = read_authorization(call.headers.get("authorization"))
        try:
            key = self._key_of(signed, call, request)
        except (IncompleteSignature, UnknownAccessKey, WrongSignature):
            self.count_refusal(request)
            raise
        set_client(request, key.client)
        services.record_use(key=key)
        identify(ActorKind.KEY, key.prefix)
        sources.may_refer.set(Scope.REFERENCES in key.scopes)
        request._request.signature = signed.signature  # type: ignore[attr-defined]
        request._request.key_ends_at = key.ends_at()  # type: ignore[attr-defined]
        return ClientUser(key.client), key

    def _key_of(self, signed: Signed, call: Call, request: Request) -> ApiKey:
        key = key_of_prefix(signed.access_key) if signed.access_key.isalnum() else None
        secrets = secrets_of(key=key) if key else []
        if key is None or not secrets or "x-amz-security-token" in call.headers:
            raise UnknownAccessKey(UNKNOWN)
        check_scope(signed, call, region=settings.REKOGNITION_REGION, now=timezone.now())
        check_length(request.parser_context)
        if announced_length(request.META) > MOST_BODY:
            raise ImageTooLarge(f"The request has more than {MOST_BODY} bytes.")
        check_signature(signed, call, request._request.body, secrets=secrets)
        try:
            require_network(key, request)
            require_usable(key, None)
        except AuthenticationFailed as error:
            raise UnknownAccessKey(UNKNOWN) from error
        return key

    def authenticate_header(self, request: Request) -> str:
        return ""


def call_of(request: HttpRequest) -> Call:
    """What the caller has signed. `path` is that before slashes are mended."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Call(str(request.method), request.path, request.META.get("QUERY_STRING", ""), headers)


def signature_of(request: Request) -> str:
    """Of an authenticated call."""
    found: str | None = getattr(request._request, "signature", None)
    if found is None:
        raise NotSigned("Missing Authentication Token")
    return found
