"""Whatever is changed in the audit afterwards is found and named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from audit.models import Record, Seal, Unsealed
from audit.sealing import seal_all
from audit.services import record
from audit.types import Action, Searched
from audit.verification import verify
from clients.models import Client

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("as_owner")]


@contextmanager
def without_triggers() -> Iterator[None]:
    """As somebody works who may do everything in the database."""
    tables = ("audit_record", "audit_seal", "audit_checkpoint")
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER audit_never_emptied")


def fill(client: Client, rows: int = 3) -> list[Record]:
    """Sealed rows with a value in every column."""
    searched = Searched((1, 2), 17, "abc", "fake", 0.25)
    for number in range(rows):
        record(Action.SEARCH, client_id=client.pk, objects=[f"person:{number}"], searched=searched, results=number)
    seal_all()
    return list(Record.objects.of_client(client.pk).order_by("pk"))


def findings() -> set[tuple[str, str]]:
    return {(finding.kind, finding.text) for finding in verify().findings}


def test_an_audit_that_nobody_touched_is_intact(client_a: Client, client_b: Client) -> None:
    fill(client_a)
    fill(client_b)
    fill(client_a)
    done = verify()
    assert done.is_intact and not done.findings
    assert (done.records, done.seals, done.unsealed) == (9, 3, 0)
    assert verify(client_id=client_b.pk).records == 3
    assert list(verify(client_id=client_b.pk).heads) == [client_b.pk]


def changed(value: Any) -> Any:
    """Another value of the same type, as close as possible."""
    if isinstance(value, list):
        return [changed(value[0]), *value[1:]] if value else ["x"]
    if isinstance(value, float):
        return value + 2**-20
    if isinstance(value, int):
        return value ^ 1
    if isinstance(value, str):
        return value[:-1] + chr(ord(value[-1]) ^ 1) if value else "x"
    if value is None:
        return 0
    return value + timedelta(microseconds=1) if hasattr(value, "microsecond") else type(value)(int=value.int ^ 1)


COLUMNS = [field.attname for field in Record._meta.concrete_fields if not field.primary_key]


@pytest.mark.parametrize("column", COLUMNS)
def test_one_changed_bit_in_any_column_is_found(column: str, client_a: Client) -> None:
    _, row, _ = fill(client_a)
    value = changed(getattr(row, column))
    assert value != getattr(row, column)
    with without_triggers():
        Record.objects.filter(pk=row.pk).update(**{column: value})
    assert ("changed", f"row {row.pk} of seal 1") in findings()


def test_the_primary_key_is_sealed_too(client_a: Client) -> None:
    _, row, _ = fill(client_a)
    with without_triggers():
        Record.objects.filter(pk=row.pk).update(id=row.pk + 1000)
    assert findings() == {("removed", f"row {row.pk} of seal 1"), ("inserted", f"row {row.pk + 1000} is in no seal")}


def test_a_removed_row_is_named(client_a: Client) -> None:
    _, row, _ = fill(client_a)
    with without_triggers():
        Record.objects.filter(pk=row.pk).delete()
    assert findings() == {("removed", f"row {row.pk} of seal 1")}


def test_a_row_that_was_removed_before_it_was_sealed_is_named(client_a: Client) -> None:
    record(Action.SEARCH, client_id=client_a.pk)
    row = Record.objects.get()
    with without_triggers():
        Record.objects.filter(pk=row.pk).delete()
    assert Unsealed.objects.count() == 1
    assert findings() == {("removed", f"row {row.pk} of seal 1")} and not Unsealed.objects.exists()


def test_an_inserted_row_is_named(client_a: Client) -> None:
    fill(client_a)
    with without_triggers():
        row = Record.objects.create(client=client_a, action=Action.SEARCH, actor_kind="key")
    assert findings() == {("inserted", f"row {row.pk} is in no seal")}


def test_rows_that_changed_places_are_named(client_a: Client) -> None:
    first, second, _ = fill(client_a)
    with without_triggers():
        Record.objects.filter(pk=first.pk).update(id=-1)
        Record.objects.filter(pk=second.pk).update(id=first.pk)
        Record.objects.filter(pk=-1).update(id=second.pk)
    assert findings() == {("changed", f"row {row.pk} of seal 1") for row in (first, second)}


def test_a_row_of_another_client_is_a_changed_row(client_a: Client, client_b: Client) -> None:
    _, row, _ = fill(client_a)
    fill(client_b)
    with without_triggers():
        Record.objects.filter(pk=row.pk).update(client=client_b)
    assert findings() == {("changed", f"row {row.pk} of seal 1")}


# ---- seals ------------------------------------------------------------------------------------------------------
def shortened(seal: Seal) -> None:
    """A row and its place in the list are taken out, and the digest is made to fit."""
    Record.objects.filter(pk=seal.record_ids[0]).delete()
    Seal.objects.filter(pk=seal.pk).update(record_ids=seal.record_ids[1:], record_hashes=seal.record_hashes[32:])


def forked(seal: Seal) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_seal DROP CONSTRAINT audit_no_fork")
    seal.pk = None
    seal.save(force_insert=True)


def recomputed(seal: Seal) -> None:
    """By somebody who knows the format, but has no key."""
    from audit.canonical import hash_of_seal

    seal.sealed_at -= timedelta(days=1)
    seal.hash = hash_of_seal(seal)
    Seal.objects.filter(pk=seal.pk).update(sealed_at=seal.sealed_at, hash=seal.hash)


TAMPERED: dict[str, tuple[Callable[[Seal], object], set[tuple[str, str]]]] = {
    "removed": (
        lambda seal: seal.delete(),
        {("missing seal", "2"), ("broken chain", "seal 3 does not follow the one before it")},
    ),
    "forked": (
        forked,
        {("forked seal", "there are several seals 2"), ("broken chain", "seal 2 does not follow the one before it")},
    ),
    "shortened": (shortened, {("changed seal", "2: the list of its rows")}),
    "changed count": (
        lambda seal: Seal.objects.filter(pk=seal.pk).update(count=F("count") + 1),
        {("changed seal", "2"), ("changed seal", "2: the list of its rows")},
    ),
    "changed time": (
        lambda seal: Seal.objects.filter(pk=seal.pk).update(sealed_at=seal.sealed_at + timedelta(microseconds=1)),
        {("changed seal", "2")},
    ),
    "another signature": (
        lambda seal: Seal.objects.filter(pk=seal.pk).update(signature="00" * 64),
        {("unsigned seal", "2 is not signed by the service's key")},
    ),
    "recomputed": (
        recomputed,
        {
            ("unsigned seal", "2 is not signed by the service's key"),
            ("broken chain", "seal 3 does not follow the one before it"),
        },
    ),
}


@pytest.mark.parametrize("kind", TAMPERED)
def test_a_seal_that_was_tampered_with_is_named(kind: str, client_a: Client) -> None:
    for _ in range(3):
        fill(client_a)
    tamper, expected = TAMPERED[kind]
    with without_triggers():
        tamper(Seal.objects.get(number=2))
    done = verify()
    found = {(finding.kind, finding.text) for finding in done.findings if not finding.is_note}
    assert expected <= found and not done.is_intact


def test_a_chain_that_lost_its_end_misses_a_seal_that_was_noted(client_a: Client) -> None:
    fill(client_a)
    fill(client_a)
    [head] = verify().heads.values()
    assert verify(known=[head]).is_intact
    with without_triggers():
        last = Seal.objects.get(number=2)
        Record.objects.filter(pk__in=last.record_ids).delete()
        last.delete()
    assert verify().is_intact  # nothing in the database says what there was
    assert {(finding.kind, finding.text) for finding in verify(known=[head]).findings} == {("missing seal", head)}


def test_a_clock_that_jumped_back_is_a_note(client_a: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(client_a)
    earlier = timezone.now() - timedelta(hours=1)
    monkeypatch.setattr("audit.sealing.timezone.now", lambda: earlier)
    fill(client_a, rows=1)
    done = verify()
    assert {finding.kind for finding in done.findings} == {"clock jumped back"} and done.is_intact
