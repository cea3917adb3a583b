"""Sealing beside transactions that are open, and beside others who record."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest
from django.db import connection, connections
from pytest_django.fixtures import Settings

from audit import signing
from audit.canonical import FIRST, canonical, facts_of, facts_of_seal
from audit.models import Record, Seal, Unsealed
from audit.sealing import seal_all
from audit.services import record
from audit.signing import is_signed, sign
from audit.types import Action
from audit.verification import verify

WRITERS, ROWS = 8, 25


@pytest.mark.django_db(transaction=True)
def test_a_row_waits_for_transactions_that_began_before_its_own() -> None:
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(
                "INSERT INTO audit_record (uuid, client_id, action, actor_kind, actor, address, request_id,"
                " objects_named, galleries, gallery_version, space) VALUES"
                " (gen_random_uuid(), NULL, 'change', 'command', '', '', '', '{}', '{}', '', '')"
            )
            record(Action.LOGIN, client_id=None)  # commits, while the one above is open
            assert seal_all() == 0 and not Seal.objects.exists()
            cursor.execute("COMMIT")
    finally:
        other.close()
    assert seal_all() == 2
    [seal] = Seal.objects.all()
    assert seal.record_ids == sorted(seal.record_ids)
    assert [Record.objects.get(pk=pk).action for pk in seal.record_ids] == [Action.CHANGE, Action.LOGIN]
    assert verify().is_intact


@pytest.mark.django_db(transaction=True)
def test_eight_who_record_while_others_seal() -> None:
    def write(writer: int) -> None:
        try:
            for number in range(ROWS):
                record(Action.SEARCH, client_id=writer % 3 or None, objects=[f"person:{writer * ROWS + number}"])
                if writer < 2 and number % 5 == 0:
                    seal_all()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    done = verify()
    assert done.is_intact and (done.records, done.unsealed) == (WRITERS * ROWS, 0)
    sealed = [pk for seal in Seal.objects.all() for pk in seal.record_ids]
    assert sorted(sealed) == sorted(Record.objects.values_list("pk", flat=True))
    assert len(done.heads) == 3


@pytest.mark.django_db
def test_rows_of_a_restored_database_are_sealed() -> None:
    """Their transactions have numbers that this server has not reached yet."""
    record(Action.LOGIN, client_id=None)
    Unsealed.objects.update(transaction=2**62)
    assert seal_all() == 1


def test_the_key_is_made_once_and_for_nobody_else(settings: Settings, tmp_path: Path) -> None:
    settings.AUDIT_KEY_FILE = tmp_path / "var" / "key.pem"
    signature = sign(b"text")
    assert stat.S_IMODE(settings.AUDIT_KEY_FILE.stat().st_mode) == 0o600
    signing._key.cache_clear()  # as after a restart
    assert is_signed(b"text", signature) and not is_signed(b"another text", signature)
    settings.AUDIT_KEY_FILE = tmp_path / "other.pem"
    assert not is_signed(b"text", signature)


@pytest.mark.django_db
def test_anyone_can_compute_a_seal() -> None:
    """The format is a promise to those who check an export."""
    record(Action.SEARCH, client_id=None, objects=["person:1"], results=1)
    seal_all()
    row, seal = Record.objects.get(), Seal.objects.get()
    digest = sha256(sha256(canonical(facts_of(row))).digest()).hexdigest()
    assert seal.digest == digest and seal.previous == FIRST
    assert seal.hash == sha256(canonical(facts_of_seal(seal))).hexdigest()
    assert set(facts_of(row)) == {field.attname for field in Record._meta.concrete_fields} - {"id"}
