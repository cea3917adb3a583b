"""Erasing again what a restored backup has brought back, by the receipts of what was erased."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from audit import receipts
from audit.models import Receipt
from audit.services import record
from audit.types import Action
from clients import erasure as clients
from clients.idempotency import forget_answers
from clients.models import Client
from people import erasure as people


@dataclass(frozen=True)
class Report:
    """How many receipts there were, those whose signature is not the service's, and what was erased, by kind."""

    receipts: int
    refused: tuple[str, ...] = ()
    erased: Counter[str] = field(default_factory=Counter)


def reapply(*, file: Path, trust: bool = False) -> Report:
    """Erase whatever the receipts of the database and of a file name. Doing it twice changes nothing.

    Receipts that the database lacks are added to it. `trust`: those too whose signature cannot be checked, as after the
    loss of the key. Raises OSError, or `Unavailable` when a file cannot be deleted; what was erased before stays so.
    """
    filed = {str(document["id"]): document for document in receipts.read_file(file)} if file.exists() else {}
    genuine = {name: one for name, one in filed.items() if trust or receipts.is_genuine(one)}
    known = {str(receipt.uuid): receipts.document(receipt) for receipt in Receipt.objects.iterator()}
    documents = list((known | genuine).values())
    wanted = frozenset(name for document in documents for name in document["objects"])
    erased = clients.again(documents)
    for erase_again in (people.again, *(holder.again for holder in people.holders())):
        erased += erase_again(wanted)
    _restore([document for name, document in genuine.items() if name not in known])
    if erased:
        record(Action.ERASE, client_id=None, objects=["backup"], results=erased.total())
        for client in Client.objects.all():
            forget_answers(client_id=client.pk)
    return Report(len(documents), tuple(sorted(filed.keys() - genuine.keys())), erased)


def _restore(documents: list[Mapping[str, Any]]) -> None:
    """Add receipts that the backup did not have yet, under the client that they name, if it is there."""
    by_name = {name: pk for pk in Client.objects.values_list("pk", flat=True) for name in receipts.hashes("client", pk)}
    Receipt.objects.bulk_create(
        Receipt(
            uuid=UUID(document["id"]),
            at=datetime.fromisoformat(document["erased_at"]),
            client_id=by_name.get(document["client"]),
            client_hashed=document["client"],
            kind=document["kind"],
            of=document["of"] and UUID(document["of"]),
            objects_hashed=document["objects"],
            taken=document["taken"],
            remaining=document["remaining"],
            signature=document["signature"] or "",
        )
        for document in documents
    )
