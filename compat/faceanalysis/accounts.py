"""Registering, passwords and tokens."""

from __future__ import annotations

import hashlib
import re

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core import signing
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.crypto import salted_hmac
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from audit.services import record
from audit.types import Action
from clients.models import Client
from clients.services import get_or_create_client
from compat.faceanalysis.exceptions import BadName, BadPassword, RegistrationClosed, UserExists
from compat.faceanalysis.models import Account
from walls.current import EVERYONE, showing

SALT = "compat.faceanalysis.token"
LONGEST_NAME = 32
LONGEST_LOGIN = 133  # with the name of a client and a slash
LONGEST_PASSWORD = 1024
REMEMBERED_SECONDS = 300  # a password that was right; each check of one costs a good part of a second


def own_client() -> Client:
    """The client of accounts that register themselves, and of every caller in open mode."""
    return get_or_create_client(name=settings.FACEANALYSIS_CLIENT)


def register(*, username: str, password: str) -> Account:
    """A new account, at the request of its user.

    Raises `RegistrationClosed`, `BadName`, `BadPassword` or `UserExists`.
    """
    check_open()
    if not settings.FACEANALYSIS_ANY_PASSWORD:
        check_password(username, password)
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
        with showing(client.pk), transaction.atomic():
            account.save()
            record(Action.CREATE, client_id=client.pk, objects=[f"faceanalysis:{account.pk}"])
    except IntegrityError as error:
        raise UserExists("User already registered") from error
    return account


def check_username(username: str) -> None:
    """Raises `BadName`: HTTP Basic ends a user name at the first colon, and a slash ends the name of the client."""
    if not username.strip() or len(username) > LONGEST_NAME or re.search(r"[:/\x00-\x1f\x7f]", username):
        raise BadName(f"A user name has 1 to {LONGEST_NAME} characters, no colon, no slash and no control characters.")


def check_password(username: str, password: str) -> None:
    """Raises `BadPassword` for a password that Django's validators refuse."""
    try:
        validate_password(password, Account(username=username))  # type: ignore[arg-type]  # they read attributes
    except ValidationError as error:
        raise BadPassword(" ".join(error.messages)) from error


@showing(EVERYONE)
def find_account(name: str) -> Account | None:
    """The usable account of this name, `name` or `client/name`. The name alone is that of the oldest account with it.

    Names are unique within a client only, so that nobody learns who has accounts with others.
    """
    if "\0" in name or len(name) > LONGEST_LOGIN:
        return None
    oldest = Account.objects.filter(username=name).order_by("pk").first()
    client, _, own_name = name.partition("/")
    chosen = Q(pk=oldest.pk) if oldest else Q(client__name=client, username=own_name)
    found: Account | None = Account.objects.usable().filter(chosen).first()
    return found


def account_of_password(*, username: str, password: str) -> Account | None:
    """The account, if it may be used and this is its password. Unknown names take as long as known ones."""
    account = find_account(username)
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

    It is readable, so it has the names of client and user instead of a row's number, by which accounts could be
    counted.
    """
    name = f"{account.client.name}/{account.username}"
    return _signer().sign(f"{urlsafe_base64_encode(name.encode())}-{_fingerprint(account)}")


@showing(EVERYONE)
def account_of_token(token: str) -> Account | None:
    """The account of a token that has neither expired nor been tampered with."""
    try:
        value = _signer().unsign(token, max_age=settings.FACEANALYSIS_TOKEN_SECONDS)
    except signing.BadSignature:
        return None
    name, _, fingerprint = value.rpartition("-")
    client, _, username = urlsafe_base64_decode(name).decode().partition("/")
    account: Account | None = Account.objects.usable().filter(client__name=client, username=username).first()
    return account if account and _fingerprint(account) == fingerprint else None


def _signer() -> signing.TimestampSigner:
    return signing.TimestampSigner(salt=SALT, sep=".")


def _fingerprint(account: Account) -> str:
    return hashlib.sha256(account.password.encode()).hexdigest()[:16]
