"""Whether some rows are what their seals say, for pages that show them. `audit.verification` checks whole chains."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from audit.canonical import digest_of, hash_of_record, hash_of_seal
from audit.models import Record, Seal, Unsealed
from audit.signing import is_signed
from audit.verification import HASH_BYTES, TOLERANCE

MOST_SEALS = 100  # that are read for one page


class Proof(StrEnum):
    """`UNKNOWN`: the row is not waiting, and its seal is not among those that were read."""

    WAITING = "waiting"
    INTACT = "intact"
    BROKEN = "broken"
    UNKNOWN = "unknown"


def waiting_among(records: Sequence[Record]) -> set[int]:
    """The keys of those that no seal holds yet."""
    return set(Unsealed.objects.filter(pk__in=[record.pk for record in records]).values_list("pk", flat=True))


def check_rows(*, client_id: int | None, records: Sequence[Record]) -> dict[int, Proof]:
    """What can be said of these rows of one client (None: the deployment's), by their keys.

    Rows that lie close together are compared with their seals, whose signatures are checked as well. That the chain of
    seals is whole is not checked.
    """
    waiting = waiting_among(records)
    proofs = {record.pk: Proof.WAITING if record.pk in waiting else Proof.UNKNOWN for record in records}
    sealed = {record.pk: record for record in records if record.pk not in waiting}
    if not sealed:
        return proofs
    for seal in _seals_from(client_id, min(record.at for record in sealed.values())):
        text = bytes(seal.record_hashes)
        hashes = [text[at : at + HASH_BYTES] for at in range(0, len(text), HASH_BYTES)]
        is_whole = _is_whole(seal, hashes)
        for pk, expected in zip(seal.record_ids, hashes, strict=False):
            if record := sealed.pop(pk, None):
                proofs[pk] = Proof.INTACT if is_whole and hash_of_record(record) == expected else Proof.BROKEN
        if not sealed:
            break
    return proofs


def _seals_from(client_id: int | None, moment: datetime) -> Iterable[Seal]:
    """The first seals that can hold a row of this moment and later ones. Their times rise with their numbers."""
    own = Seal.objects.of_client(client_id)
    last = own.last_of(client_id)
    if last is None:
        return []

    def sealed_at(number: int) -> datetime:
        found = own.filter(number=number).values_list("sealed_at", flat=True).first()
        return found or last.sealed_at  # a seal is missing; whole chains are verified elsewhere

    numbers = range(1, last.number + 1)
    first = numbers[min(bisect_left(numbers, moment - TOLERANCE, key=sealed_at), len(numbers) - 1)]
    return own.filter(number__gte=first).order_by("number")[:MOST_SEALS]


def _is_whole(seal: Seal, hashes: Sequence[bytes]) -> bool:
    is_listed = len(hashes) == len(seal.record_ids) == seal.count and digest_of(hashes) == seal.digest
    return is_listed and hash_of_seal(seal) == seal.hash and is_signed(bytes.fromhex(seal.hash), seal.signature)
