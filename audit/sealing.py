"""Sealing rows into chains, one for each client, so that a row that is changed, removed or added later is noticed.

Whoever records waits for nobody: a row is inserted by itself, and a recurring task seals whatever has been committed.
Ids are not committed in their order, so a row waits until no transaction is open any more that began to write before
its own did.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice

from django.db import connection, transaction
from django.utils import timezone

from audit.canonical import FIRST, digest_of, hash_of_record, hash_of_seal
from audit.models import Record, Seal, Unsealed
from audit.querysets import SealQuerySet
from audit.signing import sign

TOGETHER = 20  # seals whose rows are read in one query
SEALING = 0x6175_6469_74  # key of an advisory lock
BATCH = 5000  # rows of one transaction
REMOVED = bytes(32)  # instead of the hash of a row that somebody has removed before it was sealed


def seal_all() -> int:
    """Seal every row that can be sealed now. Returns how many there were."""
    total = 0
    while count := _seal_batch():
        total += count
    return total


@transaction.atomic
def _seal_batch() -> int:
    """One seal for each client of the next rows. Others who seal wait; whoever records does not."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SEALING])
    waiting = list(Unsealed.objects.settled().order_by("transaction", "record_id")[:BATCH])
    by_client: defaultdict[int | None, list[int]] = defaultdict(list)
    for one in waiting:
        by_client[one.client_id].append(one.record_id)
    for client_id, ids in by_client.items():
        _seal(client_id, sorted(ids))
    Unsealed.objects.filter(pk__in=[one.record_id for one in waiting]).delete()
    return len(waiting)


def _seal(client_id: int | None, ids: Sequence[int]) -> Seal:
    last, records = Seal.objects.last_of(client_id), Record.objects.in_bulk(ids)
    hashes = [hash_of_record(records[pk]) if pk in records else REMOVED for pk in ids]
    seal = Seal(
        client_id=client_id,
        number=last.number + 1 if last else 1,
        sealed_at=timezone.now(),
        count=len(ids),
        record_ids=ids,
        record_hashes=b"".join(hashes),
        digest=digest_of(hashes),
        previous=last.hash if last else FIRST,
    )
    seal.hash = hash_of_seal(seal)
    seal.signature = sign(bytes.fromhex(seal.hash))
    seal.save(force_insert=True)
    return seal


def sealed(seals: SealQuerySet) -> Iterator[tuple[Seal, dict[int, Record]]]:
    """Each seal with the rows that are there of those that it holds, by their keys; others may be among them."""
    remaining = seals.iterator(chunk_size=TOGETHER)
    while some := list(islice(remaining, TOGETHER)):
        records = Record.objects.in_bulk([pk for seal in some for pk in seal.record_ids])
        for seal in some:
            yield seal, records
