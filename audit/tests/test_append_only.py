"""The database refuses to change what was recorded, whoever asks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from audit.checks import check_days
from audit.models import Checkpoint, Record, Seal
from audit.retention import purge
from audit.sealing import seal_all
from audit.services import record
from audit.types import Action
from audit.verification import verify
from clients.models import Client

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("as_owner")]
TABLES = ["audit_record", "audit_seal", "audit_checkpoint"]


@pytest.fixture
def sealed(client_a: Client) -> Client:
    record(Action.SEARCH, client_id=client_a.pk)
    seal_all()
    return client_a


@pytest.fixture
def old(client_a: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Two seals of 500 days ago, and one of today."""
    now = timezone.now()
    with monkeypatch.context() as patch:
        patch.setattr("audit.sealing.timezone.now", lambda: now - timedelta(days=500))
        for _ in range(2):
            Record.objects.create(client=client_a, action=Action.SEARCH, actor_kind="key", at=now - timedelta(days=500))
            seal_all()
    record(Action.VERIFY, client_id=client_a.pk)
    seal_all()
    return client_a


@pytest.fixture
def emptied() -> Iterator[None]:
    """TRUNCATE is refused here as in production."""
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER audit_never_emptied")
        yield
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER audit_never_emptied")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_record SET action = 'view'",
        "DELETE FROM audit_record",
        "UPDATE audit_seal SET hash = ''",
        "UPDATE audit_seal SET record_ids = '{}', record_hashes = ''",
        "DELETE FROM audit_seal",
        "TRUNCATE audit_record",
        "TRUNCATE audit_seal",
        "TRUNCATE audit_checkpoint",
        "SET LOCAL faceapp.audit_retention = 'purge'; UPDATE audit_record SET action = 'view'",
        "SET LOCAL faceapp.audit_retention = 'purge'; UPDATE audit_seal SET count = 2",
        "SET LOCAL faceapp.audit_retention = 'purge'; DELETE FROM audit_seal",
        "SET LOCAL faceapp.audit_retention = 'purge'; DELETE FROM audit_record",
        "SET LOCAL faceapp.audit_retention = 'purge'; TRUNCATE audit_record",
        "SELECT audit_purge(now() - interval '181 days')",
    ],
)
def test_nothing_is_changed_or_deleted(statement: str, sealed: Client, emptied: None) -> None:
    with pytest.raises(ProgrammingError, match=r"only added|half a year"), transaction.atomic():
        connection.cursor().execute(statement)
    assert verify().is_intact and Record.objects.count() == 1


def test_rows_whose_time_is_over_are_erased_and_the_rest_verifies(old: Client) -> None:
    assert purge() == 2
    assert [row.action for row in Record.objects.all()] == [Action.VERIFY]
    assert [(seal.count, len(seal.record_ids)) for seal in Seal.objects.all()] == [(1, 0), (1, 0), (1, 1)]
    [checkpoint] = Checkpoint.objects.all()
    assert (checkpoint.seal_number, checkpoint.records) == (2, 2)
    assert verify().is_intact
    assert purge() == 0 and Checkpoint.objects.count() == 1


def test_an_erased_row_without_a_checkpoint_is_a_missing_row(old: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_purge(now() - interval '200 days')")
    assert {finding.text for finding in verify().findings} == {f"{n}: the list of its rows" for n in (1, 2)}


def test_a_checkpoint_that_nobody_signed_does_not_count(old: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_purge(now() - interval '200 days')")
    forged = Checkpoint(client=old, seal_number=2, seal_hash=Seal.objects.get(number=2).hash, records=2)
    forged.made_at, forged.signature = timezone.now(), "00" * 64
    forged.save()
    assert "checkpoint changed" in {finding.kind for finding in verify().findings}


def test_rows_are_kept_for_half_a_year_at_least(settings: Settings) -> None:
    settings.AUDIT_DAYS = 182
    assert [message.id for message in check_days(None)] == ["audit.E001"]
    settings.AUDIT_DAYS = 183
    assert not check_days(None)


def test_what_remains_of_a_deleted_client(sealed: Client) -> None:
    """Its rows stay to the end of their time, and can be verified and exported by its number."""
    number = sealed.pk
    sealed.delete()
    assert Record.objects.of_client(number).count() == 1
    done = verify(client_id=number)
    assert done.is_intact and done.records == 1
