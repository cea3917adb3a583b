"""Secret access keys: one for each API key that may sign. Nothing readable is stored.

A signature is checked with the secret itself, so a hash would not do. The secret is derived from the client's key in
the vault and from what the row holds: a copy of the database without the master key gives none away.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from audit.types import Action
from clients.exceptions import InactiveClient, RevokedKey
from clients.models import ApiKey
from clients.services import record_key
from compat.rekognition.models import SigningSecret
from vault.keys import secret_of
from walls.current import showing

OVERLAP = timedelta(hours=24)


@transaction.atomic
def make_secret(*, key: ApiKey) -> str:
    """A new secret for signing with this key, which is shown once; the one before counts for another day.

    Raises `RevokedKey`, `InactiveClient` or `MasterKeyUnusable`.
    """
    if key.revoked:
        raise RevokedKey("The key has been revoked.")
    if not key.client.is_active:
        raise InactiveClient("The client is inactive. Activate it before making a secret for it.")
    row, created = SigningSecret.objects.select_for_update(of=["self"]).get_or_create(api_key=key)
    if not created:
        row.number, row.previous_until = row.number + 1, timezone.now() + OVERLAP
        row.save(update_fields=["number", "previous_until"])
    record_key(Action.KEY_MADE, key=key, what="signing_secret")
    return _secret(row, row.number, key.client_id)


@transaction.atomic
def withdraw_secret(*, key: ApiKey) -> bool:
    """Refuse signatures by this key from now on; the key itself stays. False if it had no secret."""
    gone, _ = SigningSecret.objects.filter(api_key=key).delete()
    if gone:
        record_key(Action.KEY_REVOKED, key=key, what="signing_secret")
    return bool(gone)


def secrets_of(*, key: ApiKey) -> Sequence[str]:
    """The secrets that count now: none for a key that may not sign. Raises `MasterKeyUnusable`."""
    with showing(key.client_id):
        row = SigningSecret.objects.filter(api_key=key).first()
        return [_secret(row, number, key.client_id) for number in row.numbers(now=timezone.now())] if row else []


def _secret(row: SigningSecret, number: int, client_id: int) -> str:
    purpose = f"rekognition:{row.api_key_id}:{row.uuid}:{number}"
    return urlsafe_b64encode(secret_of(client_id, purpose)).decode().rstrip("=")
