"""Checking the chains: every row against its seal, every seal against the one before, and all seals' signatures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import Min

from audit.canonical import FIRST, digest_of, hash_of_record, hash_of_seal, text_of_checkpoint
from audit.models import Checkpoint, Record, Seal, Unsealed
from audit.sealing import seal_all, sealed
from audit.signing import is_signed
from audit.types import Finding, Verified

HASH_BYTES = 32
TOLERANCE = timedelta(seconds=1)  # between the clocks of the database and a worker
ALL = -1


def verify(*, client_id: int | None = ALL, known: Sequence[str] = ()) -> Verified:
    """Seal what can be sealed, then check all chains, or that of one client (None: the deployment's own).

    `known` are hashes of seals that were noted before: they must still be there. One snapshot of the database is
    checked, while others go on recording.
    """
    seal_all()
    seals, records, waiting = Seal.objects.all(), Record.objects.all(), Unsealed.objects.all()
    if client_id != ALL:
        seals, records = seals.of_client(client_id), records.of_client(client_id)
        waiting = waiting.filter(client_id=client_id)
    nested = connection.in_atomic_block
    with transaction.atomic():
        if not nested:
            connection.cursor().execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        findings, heads, count = list[Finding](), dict[int | None, str](), 0
        for owner in seals.order_by("client_id").values_list("client_id", flat=True).distinct():
            chain = _Chain(owner)
            findings += chain.check()
            heads[owner], count = chain.previous, count + chain.number
        findings += [
            Finding(one.client_id, "inserted", f"row {one.pk} is in no seal")
            for one in records.in_no_seal().order_by("pk").only("client_id")
        ]
        there = set(seals.filter(hash__in=known).values_list("hash", flat=True))
        findings += [Finding(None, "missing seal", hash_) for hash_ in known if hash_ not in there]
        return Verified(
            records=records.count(),
            seals=seals.count(),
            unsealed=waiting.count(),
            heads=heads,
            findings=tuple(findings),
            oldest_unsealed=records.filter(pk__in=waiting.values("pk")).aggregate(oldest=Min("at"))["oldest"],
        )


class _Chain:
    """One client's seals, from the first on."""

    def __init__(self, client_id: int | None) -> None:
        self.client_id, self.number, self.previous = client_id, 0, FIRST
        self.erased_up_to = 0

    def check(self) -> Iterator[Finding]:
        yield from self._check_checkpoints()
        seals = Seal.objects.of_client(self.client_id).order_by("number", "pk")
        before: Seal | None = None
        for seal, records in sealed(seals):
            yield from self._check_seal(seal, before)
            yield from self._check_records(seal, records)
            before = seal

    def _check_checkpoints(self) -> Iterator[Finding]:
        checkpoints = list(Checkpoint.objects.of_client(self.client_id).order_by("pk"))
        numbers = [checkpoint.seal_number for checkpoint in checkpoints]
        seals = Seal.objects.of_client(self.client_id).filter(number__in=numbers)
        hashes = dict(seals.values_list("number", "hash"))
        for checkpoint in checkpoints:
            if not is_signed(text_of_checkpoint(checkpoint), checkpoint.signature):
                yield self._found("checkpoint changed", f"{checkpoint.pk} is not signed by the service's key")
            elif hashes.get(checkpoint.seal_number) != checkpoint.seal_hash:
                yield self._found("checkpoint changed", f"{checkpoint.pk} is about another seal")
            else:
                self.erased_up_to = max(self.erased_up_to, checkpoint.seal_number)

    def _check_seal(self, seal: Seal, before: Seal | None) -> Iterator[Finding]:
        if seal.number == self.number:
            yield self._found("forked seal", f"there are several seals {seal.number}")
        elif seal.number != self.number + 1:
            missing = f"{self.number + 1} to {seal.number - 1}" if seal.number > self.number + 2 else seal.number - 1
            yield self._found("missing seal", str(missing))
        if seal.previous != self.previous:
            yield self._found("broken chain", f"seal {seal.number} does not follow the one before it")
        if hash_of_seal(seal) != seal.hash:
            yield self._found("changed seal", str(seal.number))
        elif not is_signed(bytes.fromhex(seal.hash), seal.signature):
            yield self._found("unsigned seal", f"{seal.number} is not signed by the service's key")
        if before is not None and seal.sealed_at < before.sealed_at:
            text = f"seal {seal.number} has an earlier time than the one before it"
            yield self._found("clock jumped back", text, is_note=True)
        self.number, self.previous = seal.number, seal.hash

    def _check_records(self, seal: Seal, records: dict[int, Record]) -> Iterator[Finding]:
        text = bytes(seal.record_hashes)
        hashes = [text[at : at + HASH_BYTES] for at in range(0, len(text), HASH_BYTES)]
        if not (seal.record_ids or text) and seal.number <= self.erased_up_to:
            return
        if len(hashes) != seal.count or len(seal.record_ids) != seal.count or digest_of(hashes) != seal.digest:
            yield self._found("changed seal", f"{seal.number}: the list of its rows")
        yield from self._compare(seal, hashes, records)

    def _compare(self, seal: Seal, hashes: Sequence[bytes], records: dict[int, Record]) -> Iterator[Finding]:
        for pk, expected in zip(seal.record_ids, hashes, strict=False):
            record = records.get(pk)
            if record is None:
                yield self._found("removed", f"row {pk} of seal {seal.number}")
            elif hash_of_record(record) != expected:
                yield self._found("changed", f"row {pk} of seal {seal.number}")
            elif record.at > seal.sealed_at + TOLERANCE:
                text = f"row {pk} has a later time than seal {seal.number}"
                yield self._found("clock jumped back", text, is_note=True)

    def _found(self, kind: str, text: str, *, is_note: bool = False) -> Finding:
        return Finding(self.client_id, kind, text, is_note)
