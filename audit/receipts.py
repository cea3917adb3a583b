"""Receipts of erasures: made with the erasure, then signed and filed where a restored backup does not reach them.

A receipt names what went by HMACs of ids, with the deployment's secret key: it tells nobody who was erased, and it
recognises the same rows in a restored backup.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac

from audit.canonical import canonical
from audit.models import Receipt
from audit.signing import is_signed, sign
from audit.types import Erased

SALT = "audit.receipts"
FILING = 0x7265_6365  # key of an advisory lock
BATCH = 500
SIGNED = ("id", "erased_at", "client", "kind", "of", "objects", "taken", "remaining")  # of a document


def hashed(kind: str, identity: object) -> str:
    """What a receipt calls a row, such as `person` and its UUID. Ids that are given twice must not be used."""
    return _hashed(kind, identity, settings.SECRET_KEY)


def hashes(kind: str, identity: object) -> set[str]:
    """The names of a row in receipts, those by `FORMER_SECRET_KEYS` included."""
    return {_hashed(kind, identity, key) for key in (settings.SECRET_KEY, *settings.FORMER_SECRET_KEYS)}


def named(kind: str, rows: QuerySet[Any], *identity: str, wanted: frozenset[str]) -> list[int]:
    """The keys of the rows that `wanted` names. `identity`: fields, whose values a receipt joins with colons."""
    found = rows.values_list("pk", *identity).iterator()
    return [pk for pk, *values in found if hashes(kind, ":".join(map(str, values))) & wanted]


def _hashed(kind: str, identity: object, key: str) -> str:
    return salted_hmac(SALT, f"{kind} {identity}", secret=key, algorithm="sha256").hexdigest()


def add(
    kind: Erased,
    *,
    client_id: int,
    objects: Iterable[str],
    taken: Mapping[str, int],
    remaining: Sequence[Mapping[str, Any]] = (),
    of: UUID | None = None,
    uuid: UUID | None = None,
) -> Receipt:
    """A receipt in the transaction that erases. `objects`: hashes; `taken`: how many of each kind; `of`: see the model.

    `remaining`: objects with `what`, `why`, `count` (null: not counted) and `days` (null: until somebody erases it).
    """
    return Receipt.objects.create(
        uuid=uuid or uuid4(),
        at=timezone.now(),
        client_id=client_id,
        client_hashed=hashed("client", client_id),
        kind=kind,
        of=of,
        objects_hashed=sorted(set(objects)),
        taken={name: count for name, count in taken.items() if count},
        remaining=list(remaining),
    )


def document(receipt: Receipt) -> dict[str, Any]:
    """The receipt as callers get it and as it is filed. The signature covers what is `SIGNED`."""
    return {
        "id": str(receipt.uuid),
        "erased_at": receipt.at.isoformat(timespec="microseconds"),
        "client": receipt.client_hashed,
        "kind": receipt.kind,
        "of": str(receipt.of) if receipt.of else None,
        "objects": receipt.objects_hashed,
        "taken": receipt.taken,
        "remaining": receipt.remaining,
        "signature": receipt.signature or None,
    }


def is_genuine(document: Mapping[str, Any]) -> bool:
    """Whether the service's key has signed this document, and nothing of it was changed."""
    return is_signed(signed_text(document), str(document.get("signature") or ""))


def signed_text(document: Mapping[str, Any]) -> bytes:
    """What the signature of a document covers."""
    return canonical({name: document.get(name) for name in SIGNED})


# ---- signing and filing -----------------------------------------------------------------------------------------
def file_all() -> int:
    """Sign what is unsigned and append it to the file, in this order: what is signed has been written to the disk."""
    total = 0
    while count := _file_batch():
        total += count
    return total


@transaction.atomic
def _file_batch() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [FILING])
    receipts = list(Receipt.objects.unsigned()[:BATCH])
    if not receipts:
        return 0
    for receipt in receipts:
        receipt.signature = sign(signed_text(document(receipt)))
    _append(settings.ERASURES_FILE, [document(receipt) for receipt in receipts])
    Receipt.objects.bulk_update(receipts, ["signature"])
    return len(receipts)


def _append(file: Path, documents: Sequence[Mapping[str, Any]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as handle:
        flock(handle, LOCK_EX)
        handle.write(b"".join(canonical(dict(document)) + b"\n" for document in documents))
        handle.flush()
        os.fsync(handle.fileno())


def read_file(file: Path) -> Iterator[dict[str, Any]]:
    """The documents of a file of receipts. A line that a crash cut off is skipped. Raises OSError."""
    with file.open("rb") as handle:
        for line in handle:
            try:
                read = json.loads(line)
            except ValueError:
                continue
            if isinstance(read, dict):
                yield read
