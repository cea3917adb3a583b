"""The database keeps clients apart: for its application's role, a query without a filter finds one client's rows."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.utils.module_loading import import_string
from pytest_django.fixtures import Settings

from audit.models import Record, Stop
from audit.services import record
from audit.types import Action
from clients.models import ApiKey, Client, Membership
from faceapp import row_security
from faceapp.checks import check_row_security
from faceapp.holdings import OPERATOR, TABLES
from people.models import Gallery, Person
from walls.current import EVERYONE, NOBODY, showing, shown

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(client_a: Client, client_b: Client) -> list[Person]:
    return [
        Person.objects.create(client=client, gallery=Gallery.objects.named(client, "default"), name=client.name)
        for client in (client_a, client_b)
    ]


def test_the_role_of_tests_is_that_of_the_application() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == ("faceapp_app", False)


def test_every_table_with_a_client_has_a_policy() -> None:
    walled = {apps.get_model(label)._meta.db_table for label, holding in TABLES.items() if holding.owner != OPERATOR}
    assert {policy.table for policy in row_security.policies()} == walled
    assert row_security.gaps(connection) == []


def test_nobody_finds_nothing(people: list[Person]) -> None:
    with showing(NOBODY):
        for label in TABLES:
            if row_security.is_walled(label):
                assert apps.get_model(label)._base_manager.count() == 0, label


@pytest.mark.parametrize("number", [0, 1])
def test_a_client_finds_its_own_rows_and_no_others(people: list[Person], number: int) -> None:
    own, other = people[number], people[1 - number]
    with showing(own.client_id):
        assert list(Person.objects.all()) == [own]
        assert list(Client.objects.values_list("pk", flat=True)) == [own.client_id]
        assert not Person.objects.filter(pk=other.pk).update(name="taken")
        assert not Person.objects.filter(pk=other.pk)._raw_delete("default")
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            Person.objects.create(client=other.client, gallery=other.gallery, name="smuggled")
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            Person.objects.filter(pk=own.pk).update(client=other.client)


def test_several_clients_find_the_rows_of_each(people: list[Person]) -> None:
    Client.objects.create(name="third")
    with showing([person.client_id for person in people]):
        assert set(Person.objects.all()) == set(people)
        assert Client.objects.count() == 2


def test_what_is_shown_survives_rollbacks(people: list[Person]) -> None:
    """PostgreSQL forgets with a transaction, or a savepoint, what it was told there."""
    with showing(people[0].client_id):
        assert Person.objects.count() == 1
        with pytest.raises(ZeroDivisionError), transaction.atomic(), showing(people[1].client_id):
            assert Person.objects.get() == people[1]
            raise ZeroDivisionError
        assert Person.objects.get() == people[0]
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")
        assert Person.objects.get() == people[0]


@pytest.mark.django_db(transaction=True)
def test_what_is_shown_survives_the_commit_of_a_transaction_that_failed(people: list[Person]) -> None:
    """PostgreSQL answers such a COMMIT with a rollback, and Django does not notice."""
    with showing(people[0].client_id):
        assert Person.objects.get() == people[0]
    with showing(people[1].client_id):
        with transaction.atomic():
            assert Person.objects.get() == people[1]
            with suppress(DatabaseError), connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")
        assert Person.objects.get() == people[1]


@pytest.mark.parametrize("task", sorted({entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}))
def test_recurring_tasks_look_after_every_client(task: str, redis_flush: None, client_a: Client) -> None:
    """They are sent for nobody, and those of the trainer do not run as the owner of the tables."""
    seen = set()

    def look(execute: Any, *given: Any) -> Any:
        seen.add(shown())
        return execute(*given)

    with showing(NOBODY), connection.execute_wrapper(look):
        import_string(task)()
    assert seen == {EVERYONE}


def test_streams_keep_what_they_show(people: list[Person]) -> None:
    from django.http import HttpRequest, StreamingHttpResponse

    from walls.current import show
    from walls.middleware import closed_at_first

    def view(request: HttpRequest) -> StreamingHttpResponse:
        show(people[0].client_id)
        return StreamingHttpResponse(str(Person.objects.count()) for _ in range(2))

    response = closed_at_first(view)(HttpRequest())
    with showing(NOBODY):
        assert list(response) == [b"1", b"1"]
        assert Person.objects.count() == 0


def test_records_of_the_audit_are_added_by_anybody_and_changed_by_nobody(client_a: Client) -> None:
    with showing(NOBODY):
        record(Action.LOGIN, client_id=None)
        record(Action.LOGIN, client_id=client_a.pk)
        assert not Record.objects.exists()
    with showing(client_a.pk):
        assert Record.objects.filter(action=Action.LOGIN).count() == 1
    for statement in ("UPDATE audit_record SET actor = ''", "DELETE FROM audit_record"):
        refused = pytest.raises(DatabaseError, match="permission denied")
        with refused, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_a_stop_for_everybody_is_seen_by_each_client(client_a: Client) -> None:
    Stop.objects.create(client=None)
    with showing(client_a.pk):
        assert Stop.objects.holds(client_a.pk)


def test_gaps_are_told(as_owner: None, settings: Settings) -> None:
    table = Person._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        assert row_security.gaps(connection) == [f"policies are missing or out of date; migrate: {table}"]
        row_security.build(connection)
        cursor.execute(f"DROP POLICY {row_security.NAME} ON {table}")
        assert row_security.gaps(connection) == [f"policies are missing or out of date; migrate: {table}"]
        settings.DATABASE_ROLE = "app"
        assert [error.id for error in check_row_security(databases=["default"])] == ["faceapp.E030"]
        row_security.build(connection)
        assert row_security.gaps(connection) == []
        settings.DATABASE_APP_ROLE = "postgres"
        assert "superuser" in row_security.gaps(connection)[0]
        settings.DATABASE_APP_ROLE = "missing"
        assert "does not exist" in row_security.gaps(connection)[0]


def test_one_user_sees_the_memberships_of_a_client(client_a: Client, client_b: Client) -> None:
    from django.contrib.auth.models import User

    user = User.objects.create(username="anna")
    for client in (client_a, client_b):
        Membership.objects.create(user=user, client=client)
        ApiKey(client=client, name=client.name).assign_key()
    with showing(client_a.pk):
        assert Membership.objects.get().client == client_a
    with showing(EVERYONE):
        assert Membership.objects.count() == 2
