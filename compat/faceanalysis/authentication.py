"""HTTP Basic with a user name and password, or with a token instead of the name."""

from __future__ import annotations

import base64
import binascii

from django.conf import settings
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from clients.authentication import (
    AnonymousClientAuthentication,
    ApiKeyAuthentication,
    ClientUser,
    path_token_of,
    set_client,
)
from clients.models import ApiKey
from compat.faceanalysis import accounts
from compat.faceanalysis.models import Account
from compat.faceanalysis.throttling import Attempt
from telemetry.actors import ActorKind, identify

REALM = "faceapp"


class AccountAuthentication(BaseAuthentication):
    """`request.auth` is the account, the key whose token is in the path, or None for a caller without one in open mode.

    Browsers repeat Basic credentials on their own, so pages of other sites are refused.
    """

    def authenticate(self, request: Request) -> tuple[ClientUser, Account | ApiKey | None] | None:
        if path_token_of(request._request) is not None:
            return ApiKeyAuthentication().authenticate(request)
        if not AnonymousClientAuthentication.is_own_origin(request):
            raise AuthenticationFailed("This page may not call the service.")
        account = self.account_of(request)
        if account is None and not settings.FACEANALYSIS_OPEN:
            return None
        client = account.client if account else accounts.own_client()
        if not client.is_active:
            raise AuthenticationFailed("The client is inactive.")
        set_client(request, client)
        if account:
            identify(ActorKind.USER, f"faceanalysis:{account.pk}")
        return ClientUser(client), account

    def authenticate_header(self, request: Request) -> str:
        return f'Basic realm="{REALM}"'

    @staticmethod
    def account_of(request: Request) -> Account | None:
        """None without credentials, and in open mode also with wrong ones.

        Raises `AuthenticationFailed`, or `Throttled` after too many wrong passwords.
        """
        sent = read_basic(request)
        if sent is None:
            return None
        username, password = sent
        account = accounts.account_of_token(username)
        if account is None:
            attempt = Attempt(request, username)
            attempt.count()
            account = accounts.account_of_password(username=username, password=password)
            if account:
                attempt.was_right()
        if account is None and not settings.FACEANALYSIS_OPEN:
            raise AuthenticationFailed("Unknown user, wrong password, or a token that no longer counts.")
        return account


def read_basic(request: Request) -> tuple[str, str] | None:
    """User and password as sent; None for any other header. Raises `AuthenticationFailed` for a broken one."""
    scheme, _, text = get_authorization_header(request).partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        username, _, password = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise AuthenticationFailed("The credentials cannot be read.") from None
    return username, password
