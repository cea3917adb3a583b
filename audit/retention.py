"""Erasing rows whose time is over. Their seals stay without the lists of rows, and a signed checkpoint says so."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from audit.canonical import text_of_checkpoint
from audit.models import Checkpoint
from audit.signing import sign


@transaction.atomic
def purge() -> int:
    """Erase the rows of seals that were made more than `AUDIT_DAYS` ago. Returns how many rows there were.

    The function `audit_purge` of the database alone may delete rows, and only those older than 182 days.
    """
    before = timezone.now() - timedelta(days=settings.AUDIT_DAYS)
    with connection.cursor() as cursor:
        cursor.execute("SELECT client_id, seal_number, seal_hash, records FROM audit_purge(%s)", [before])
        erased = cursor.fetchall()
    for client_id, number, hash_of_seal, records in erased:
        checkpoint = Checkpoint(client_id=client_id, seal_number=number, seal_hash=hash_of_seal, records=records)
        checkpoint.made_at = timezone.now()
        checkpoint.signature = sign(text_of_checkpoint(checkpoint))
        checkpoint.save(force_insert=True)
    return sum(records for *_, records in erased)
