"""Replacing the secret of a key while its callers move to the new one."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from audit.services import record
from audit.types import Action
from clients import keys
from clients.exceptions import InactiveClient, InvalidKeyOptions, RevokedKey, RotatedKey
from clients.models import ApiKey

OVERLAP_HOURS = 24
LONGEST_OVERLAP = 30 * 24  # hours


def rotate_api_key(
    *, key: ApiKey, overlap_hours: int = OVERLAP_HOURS, presented: str = "", idempotency_key: str = ""
) -> tuple[str, bool]:
    """Give a key a new secret. Returns the new key's only copy, and whether it is the one of an earlier call.

    The former secret is accepted for `overlap_hours` more, and one before that no longer. A key that expires will do so
    after as long as it was made for; it keeps all else. `presented` is the text by which a caller who rotates its own
    key was authenticated. With an `idempotency_key` the new secret follows from both, so that a repetition finds it and
    nothing has to be stored. Raises `RotatedKey` for a caller whose key was replaced by another call, `RevokedKey`,
    `InactiveClient`, or `InvalidKeyOptions` (`key.bad_overlap`).
    """
    if not 0 <= overlap_hours <= LONGEST_OVERLAP:
        message = f"The former key is accepted for 0 to {LONGEST_OVERLAP} hours."
        raise InvalidKeyOptions(message, code="key.bad_overlap")
    seed = f"{presented}\n{idempotency_key}" if presented and idempotency_key else ""
    with transaction.atomic():
        row = ApiKey.objects.select_for_update(of=["self"]).select_related("client").get(pk=key.pk)
        new = keys.with_new_secret(row.prefix, seed)
        if row.revoked:
            raise RevokedKey("The key has been revoked.")
        if not row.client.is_active:
            raise InactiveClient("The client is inactive. Activate it before replacing its keys.")
        if seed and row.is_valid(new):
            return new, True
        if presented and not row.is_valid(presented):
            raise RotatedKey("This key has been replaced already. Use the new one.")
        _replace(row, new, timedelta(hours=overlap_hours))
    return new, False


def _replace(row: ApiKey, new: str, overlap: timedelta) -> None:
    now = timezone.now()
    row.previous_until = min(end for end in (now + overlap, row.expiry_date) if end is not None)
    if row.expiry_date is not None:
        row.expiry_date = now + (row.expiry_date - (row.rotated_at or row.created))
    row.previous_hash, row.hashed_key, row.rotated_at = row.hashed_key, keys.hash_of(new), now
    record(Action.KEY_ROTATED, client_id=row.client_id, objects=[f"key:{row.prefix}"])
    row.save(update_fields=["previous_hash", "previous_until", "hashed_key", "rotated_at", "expiry_date"])
