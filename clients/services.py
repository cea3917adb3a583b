"""Making and revoking API keys. Keys are made by the command and in the admin: there is no API for that.

A client may have any number of live keys, because it may run several applications, and each should have its own.
`clients.rotation` replaces a key.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from audit.services import record
from audit.types import Action
from clients.exceptions import InactiveClient, InvalidClient, InvalidKeyOptions
from clients.keys import WARNING
from clients.models import ApiKey, Client, Scope
from clients.networks import validate_network
from clients.path_tokens import make_path_token, withdraw_path_token
from clients.rotation import rotate_api_key
from clients.scopes import ALL, expand
from walls.current import EVERYONE, showing

__all__ = [
    "create_api_key", "default_expiry", "get_client", "get_or_create_client",
    "get_or_create_key_row", "make_path_token", "record_use", "revoke_api_key", "rotate_api_key", "save_client",
    "save_new_key", "warn_of_expiry", "withdraw_path_token",
]  # fmt: skip

log = logging.getLogger(__name__)

MAX_EXPIRY_DAYS = 36_500
NEVER = "never"


def create_api_key(
    *,
    client_name: str,
    name: str = "",
    scopes: Iterable[str] = (ALL,),
    expires_in_days: int | Literal["never"] | None = None,
    networks: Sequence[str] = (),
) -> tuple[ApiKey, str]:
    """Make a key, and its client unless it exists; returns the row and the key's only copy.

    `scopes` are names of scopes and of presets (`clients.scopes`). The key expires after `expires_in_days`, which may
    be `NEVER`; None: after `KEY_DAYS`, or never if it is for Nextcloud alone. Raises `InvalidClient`, `InactiveClient`
    or `InvalidKeyOptions`.
    """
    row = ApiKey(name=(name or client_name)[:50], scopes=expand(scopes), networks=list(networks))
    if expires_in_days is None:
        row.expiry_date = default_expiry(row.scopes)
    elif isinstance(expires_in_days, int):
        if not 1 <= expires_in_days <= MAX_EXPIRY_DAYS:
            raise InvalidKeyOptions(f"A key expires after 1 to {MAX_EXPIRY_DAYS} days.", code="key.bad_expiry")
        row.expiry_date = timezone.now() + timedelta(days=expires_in_days)
    for network in networks:
        try:
            validate_network(network)
        except ValidationError as error:
            raise InvalidKeyOptions(error.messages[0], code="key.bad_network") from error
    with transaction.atomic():
        row.client = get_or_create_client(name=client_name)
        if not row.client.is_active:
            raise InactiveClient("The client is inactive. Activate it before making a key for it.")
        return row, save_new_key(row=row)


def default_expiry(scopes: Sequence[str]) -> datetime | None:
    """When a new key expires if nobody chooses a time. A Nextcloud server keeps its key: its app cannot replace it."""
    never = not settings.KEY_DAYS or list(scopes) == [Scope.NEXTCLOUD]
    return None if never else timezone.now() + timedelta(days=settings.KEY_DAYS)


def save_new_key(*, row: ApiKey) -> str:
    """Give the unsaved row a key, save it and return the key's only copy; the row keeps prefix and hash."""
    key = row.assign_key()
    with transaction.atomic():
        row.save(force_insert=True)  # never over another key, should two prefixes ever be equal
        record_key(Action.KEY_MADE, key=row)
    return key


def record_key(action: Action, *, key: ApiKey, what: str = "") -> None:
    """Record what is done to a key, or to `what` belongs to it, by its prefix."""
    record(action, client_id=key.client_id, objects=[f"key:{key.prefix}", *([what] if what else [])])


@showing(EVERYONE)
def get_or_create_client(*, name: str) -> Client:
    """The client of this name, made if needed. Raises `InvalidClient` for a name with other characters than allowed."""
    try:
        Client._meta.get_field("name").clean(name, None)
    except ValidationError as error:
        raise InvalidClient(" ".join(error.messages)) from error
    with transaction.atomic():
        client, created = Client.objects.get_or_create(name=name)
        if created:
            record(Action.CREATE, client_id=client.pk, objects=[f"client:{client.pk}"])
    return client


@transaction.atomic
def save_client(*, client: Client, changed: Iterable[str]) -> None:
    """Store a client that has been validated, new or with these fields changed."""
    fields, is_new = list(changed), client._state.adding
    client.save(update_fields=None if is_new else fields)
    action = Action.CREATE if is_new else Action.SETTINGS_CHANGED
    record(action, client_id=client.pk, objects=[f"client:{client.pk}", *(f"setting:{name}" for name in fields)])


def get_client(*, name: str) -> Client:
    """The client of this name. Raises `InvalidClient` if there is none."""
    try:
        return Client.objects.get(name=name)
    except Client.DoesNotExist as error:
        raise InvalidClient(f"There is no client {name!r}.") from error


@showing(EVERYONE)
def get_or_create_key_row(*, client_name: str, name: str, scopes: Sequence[str]) -> ApiKey:
    """The row of a key whose text is chosen by the administrator and known to the settings only.

    The row has everything else that the admin shows of a key: scopes, expiry, last use, revocation. The random key
    whose hash it holds is known to no one.
    """
    named = ApiKey.objects.select_related("client").filter(client__name=client_name, name=name)
    if row := named.first():
        return row
    with transaction.atomic():  # one request makes the row; others at the same time wait for it
        client = Client.objects.select_for_update().get(pk=get_or_create_client(name=client_name).pk)
        if row := named.first():
            return row
        row = ApiKey(name=name, scopes=list(scopes), client=client)
        save_new_key(row=row)
    return row


@transaction.atomic
def revoke_api_key(*, key: ApiKey) -> None:
    """Refuse the key from now on. This cannot be undone; revoking twice changes nothing."""
    key.revoked = True
    key.save(update_fields=["revoked"])
    record_key(Action.KEY_REVOKED, key=key)


def record_use(*, key: ApiKey) -> None:
    """Record that the key was used, at most once a minute."""
    if not key.used_recently:
        ApiKey.objects.filter(pk=key.pk).not_used_recently().update(last_used_at=timezone.now())


def warn_of_expiry() -> None:
    """Log how many keys expire soon, without saying which."""
    if count := ApiKey.objects.expiring().count():
        log.warning("API keys that expire within %s days: %s. The admin lists them.", WARNING.days, count)
