"""Numbers that count within one client and one kind, also when several callers take them at the same time."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import ClassVar

import pytest
from django.db import connection, connections, models, transaction
from django.db.models import Q
from django.test.utils import isolate_apps

from clients.models import Client, Counter
from clients.numbering import Numbered, assign_numbers, public_id

with isolate_apps("clients"):

    class Note(Numbered):
        """A numbered row with a table that exists for a test."""

        counted_as: ClassVar[str] = "note"
        client_id = models.BigIntegerField()

        class Meta:
            app_label = "clients"

    class Letter(Note):
        counted_as = "letter"

        class Meta:
            app_label = "clients"
            proxy = True


@pytest.fixture
def table(as_owner: None) -> Iterator[None]:
    with connection.schema_editor() as editor:
        editor.create_model(Note)
    yield
    with connection.schema_editor() as editor:
        editor.delete_model(Note)


def take(client: Client, count: int, kind: type[Note] = Note) -> list[int]:
    return [row.number for row in assign_numbers([kind(client_id=client.pk) for _ in range(count)])]


@pytest.mark.django_db
def test_each_client_and_each_kind_counts_from_one(client_a: Client, client_b: Client) -> None:
    assert (take(client_a, 3), take(client_b, 2), take(client_a, 1)) == ([1, 2, 3], [1, 2], [4])
    assert (take(client_a, 2, Letter), take(client_a, 1)) == ([1, 2], [5])
    assert set(Counter.objects.values_list("client__name", "kind", "last")) == {
        ("alice", "note", 5), ("alice", "letter", 2), ("bob", "note", 2),
    }  # fmt: skip


@pytest.mark.django_db
def test_nothing_to_number_takes_no_number(client_a: Client) -> None:
    assert assign_numbers([]) == [] and not Counter.objects.exists()


@pytest.mark.usefixtures("table")
def test_rows_are_numbered_when_they_are_saved_and_only_then(client_a: Client) -> None:
    first, second = (Note(client_id=client_a.pk) for _ in range(2))
    second.save()
    first.save()
    second.save()
    assert (first.number, second.number) == (2, 1)
    assert Counter.objects.get().last == 2


@pytest.mark.usefixtures("table")
def test_rows_stored_in_bulk_have_consecutive_numbers_and_a_deleted_one_is_not_given_again(client_a: Client) -> None:
    Note._base_manager.bulk_create(assign_numbers([Note(client_id=client_a.pk) for _ in range(4)]))
    Note._base_manager.filter(number__gte=3).delete()
    Note(client_id=client_a.pk).save()
    assert list(Note._base_manager.order_by("pk").values_list("number", flat=True)) == [1, 2, 5]


@pytest.mark.usefixtures("table")
def test_a_row_is_found_by_its_number_and_by_its_uuid(client_a: Client) -> None:
    Note._base_manager.bulk_create(assign_numbers([Note(client_id=client_a.pk) for _ in range(3)]))
    row = Note._base_manager.get(number=2)
    for known in (2, "2", "002", row.uuid, str(row.uuid), row.uuid.hex, str(row.uuid).upper()):
        assert list(Note._base_manager.filter(public_id(known))) == [row], known
    for unknown in (9, str(uuid.uuid4()), "", "-2", "2.0", " 2", "²", "x", "\0", "9" * 18, "9" * 19, "9" * 5000):
        assert not Note._base_manager.filter(public_id(unknown)).exists(), unknown


def test_what_is_neither_number_nor_uuid_is_no_row_without_a_question_to_the_database() -> None:
    assert public_id("12") == Q(number=12)
    assert public_id("x") == Q(pk__in=[])


# ---- at the same time -------------------------------------------------------------------------------------------
def take_and_hold(
    client: Client, count: int, *, taken: Event | None = None, go: Event | None = None, fail: bool = False
) -> list[int]:
    """Take numbers on a connection of its own. `taken` is set then, and the transaction ends after `go`."""
    try:
        with transaction.atomic():
            numbers = take(client, count)
            if taken and go:
                taken.set()
                assert go.wait(60)
            transaction.set_rollback(fail)
        return numbers
    finally:
        connections.close_all()


def wait_for_a_lock() -> None:
    """Until a connection waits for a lock that another one holds."""
    deadline = time.monotonic() + 30
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(waiting)
            if cursor.fetchone()[0]:
                return
            time.sleep(0.02)
    raise AssertionError("nothing waits")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("fails", "second"), [(False, [5, 6]), (True, [2, 3])])
def test_who_comes_second_waits_and_gets_other_numbers(client_a: Client, fails: bool, second: list[int]) -> None:
    take(client_a, 1)
    taken, go = Event(), Event()
    with ThreadPoolExecutor(2) as pool:
        holding = pool.submit(take_and_hold, client_a, 3, taken=taken, go=go, fail=fails)
        assert taken.wait(60)
        waiting = pool.submit(take_and_hold, client_a, 2)
        wait_for_a_lock()
        go.set()
        assert (holding.result(), waiting.result()) == ([2, 3, 4], second)
    assert Counter.objects.get().last == second[-1]


@pytest.mark.django_db(transaction=True)
def test_many_at_once_never_share_a_number(client_a: Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        taken = [pool.submit(take_and_hold, client_a, 3) for _ in range(24)]
    numbers = [number for one in taken for number in one.result()]
    assert sorted(numbers) == list(range(1, 73))
