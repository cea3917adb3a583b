"""Registering, passwords and tokens."""

from __future__ import annotations

import hashlib
import re

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core import signing
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.utils.crypto import salted_hmac
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from audit.services import record
from audit.types import Action
from clients.models import Client
from clients.services import get_or_create_client
from compat.faceanalysis.exceptions import BadName, RegistrationClosed, UserExists
from compat.faceanalysis.models import Account

SALT = "compat.faceanalysis.token"
LONGEST_NAME = 32
LONGEST_PASSWORD = 1024
REMEMBERED_SECONDS = 300  # a password that was right; each check of one costs a good part of a second


def own_client() -> Client:
    """The client of accounts that register themselves, and of every caller in open mode."""
    return get_or_create_client(name=settings.FACEANALYSIS_CLIENT)


def register(*, username: str, password: str) -> Account:
    """A new account, at the request of its user. Raises `RegistrationClosed`, `BadName` or `UserExists`."""
    check_open()
    return create_account(client=own_client(), username=username, password=password)


def check_open() -> None:
    """Raise `RegistrationClosed` where the administrator makes the accounts."""
    if not settings.FACEANALYSIS_REGISTRATION:
        raise RegistrationClosed("Registration is closed here. Ask the administrator for an account.")


def create_account(*, client: Client, username: str, password: str) -> Account:
    """A new account of a client. Raises `BadName` or `UserExists`."""
    check_username(username)
    if len(password) > LONGEST_PASSWORD:
        raise BadName(f"A password has at most {LONGEST_PASSWORD} characters.")
    account = Account(client=client, username=username)
    account.set_password(password)
    try:
        with transaction.atomic():
            account.save()
            record(Action.CREATE, client_id=client.pk, objects=[f"faceanalysis:{account.pk}"])
    except IntegrityError as error:
        raise UserExists("User already registered") from error
    return account


def check_username(username: str) -> None:
    """Raises `BadName`: HTTP Basic ends a user name at the first colon, and no control character is part of one."""
    if not username.strip() or len(username) > LONGEST_NAME or re.search(r"[:\x00-\x1f\x7f]", username):
        raise BadName(f"A user name has 1 to {LONGEST_NAME} characters, no colon and no control characters.")


def account_of_password(*, username: str, password: str) -> Account | None:
    """The account, if it may be used and this is its password. Unknown names take as long as known ones."""
    account: Account | None = None
    if "\0" not in username and len(username) <= LONGEST_NAME:
        account = Account.objects.usable().filter(username=username).first()
    if account is None:
        make_password(password)
        return None
    if cache.get(_proof(account, password)) or account.check_password(password):
        cache.set(_proof(account, password), True, REMEMBERED_SECONDS)
        return account
    return None


def _proof(account: Account, password: str) -> str:
    """The cache key under which a right password is remembered; it reveals neither password nor hash."""
    digest = salted_hmac(SALT, f"{account.password}\n{password}", algorithm="sha256").hexdigest()
    return f"faceanalysis-login-{account.pk}-{digest}"


def token_of(account: Account) -> str:
    """A signed text without colons that stands for the account, for a while and until its password changes.

    It is readable, so it has the user's own name instead of a row's number, by which accounts could be counted.
    """
    return _signer().sign(f"{urlsafe_base64_encode(account.username.encode())}-{_fingerprint(account)}")


def account_of_token(token: str) -> Account | None:
    """The account of a token that has neither expired nor been tampered with."""
    try:
        value = _signer().unsign(token, max_age=settings.FACEANALYSIS_TOKEN_SECONDS)
    except signing.BadSignature:
        return None
    name, _, fingerprint = value.rpartition("-")
    username = urlsafe_base64_decode(name).decode()
    account: Account | None = Account.objects.usable().filter(username=username).first()
    return account if account and _fingerprint(account) == fingerprint else None


def _signer() -> signing.TimestampSigner:
    return signing.TimestampSigner(salt=SALT, sep=".")


def _fingerprint(account: Account) -> str:
    return hashlib.sha256(account.password.encode()).hexdigest()[:16]
