"""The audit in the console: who reads what, how it is narrowed, and what is said of the seals."""

from __future__ import annotations

from copy import copy
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from audit.models import ACTOR_KINDS, Record, Seal
from audit.sealing import seal_all
from audit.services import record
from audit.spot_checks import Proof, check_rows
from audit.types import Action
from clients.models import Client, Role
from clients.tests.members import browser_of, make_member
from console.auditing.views import ON_A_PAGE
from console.auditing.words import ACTIONS, KINDS, PROOFS
from console.tests.queries import MOST_QUERIES

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager(client_a: Client) -> Browser:
    return browser_of(make_member(client_a, Role.MANAGER, "mia"))


@pytest.fixture
def boss() -> Browser:
    """An administrator, who has chosen no client."""
    return browser_of(User.objects.create_superuser("boss"))


def rows(browser: Browser, **query: Any) -> list[Any]:
    answer = browser.get(reverse("console:audit"), query)
    assert answer.status_code == 200
    found: list[Any] = answer.context["rows"]
    return found


def told(browser: Browser, **query: Any) -> list[tuple[str, str]]:
    return [(row.record.action, ", ".join(row.record.objects_named)) for row in rows(browser, **query)]


def add(client: Client | None, action: Action, *objects: str, **columns: Any) -> Record:
    record(action, client_id=client.pk if client else None, objects=objects)
    row = Record.objects.latest("pk")
    for name, value in columns.items():
        setattr(row, name, value)
    return row


def done(client: Client, action: str, kind: str, actor: str, *objects: str, **columns: Any) -> None:
    columns |= {"actor_kind": kind, "actor": actor, "objects_named": list(objects)}
    Record.objects.create(client=client, action=action, **columns)


# ---- who reads what ---------------------------------------------------------------------------------------------
def test_managers_read_their_own(manager: Browser, client_a: Client, client_b: Client) -> None:
    add(client_a, Action.SEARCH, "person:1")
    add(client_b, Action.SEARCH, "person:2")
    add(None, Action.LOGIN)
    for of in ("", "all", "deployment"):
        assert told(manager, of=of) == [("search", "person:1")]


def test_administrators_read_all(boss: Browser, client_a: Client, client_b: Client) -> None:
    before = set(Record.objects.values_list("pk", flat=True))
    add(client_a, Action.SEARCH, "person:1")
    add(client_b, Action.SEARCH, "person:2")
    add(None, Action.SETTINGS_CHANGED, "setting:x")
    new = [row.record.client_id for row in rows(boss) if row.record.pk not in before]
    assert new == [None, client_b.pk, client_a.pk]
    assert ("settings_changed", "setting:x") in told(boss, of="deployment")
    boss.post(reverse("choose-client"), {"client": client_a.pk})
    assert ("search", "person:1") in told(boss) and ("search", "person:2") not in told(boss)
    assert ("search", "person:2") in told(boss, of="all")


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_others_read_nothing(client_a: Client, role: Role) -> None:
    answer = browser_of(make_member(client_a, role)).get(reverse("console:audit"))
    assert (answer.status_code, answer["X-Problem"]) == (403, "auth.missing_role")


# ---- the filter -------------------------------------------------------------------------------------------------
def test_the_filter_narrows(manager: Browser, client_a: Client) -> None:
    user, old = User.objects.get(username="mia"), timezone.now() - timedelta(days=10)
    done(client_a, "view", "command", "purge", at=old)
    done(client_a, "view", "user", str(user.pk), "a:1")
    done(client_a, "erase", "key", "abcd1234", "a:2")
    today, past = timezone.localdate(), timezone.localtime(old).date()
    viewed, erased, oldest = ("view", "a:1"), ("erase", "a:2"), ("view", "")
    assert set(told(manager)[:2]) == {erased, viewed} and told(manager)[2] == oldest
    for query in ({"who": "mia"}, {"who": user.pk}, {"object": "a:1"}, {"since": past, "action": "view", "who": "mia"}):
        assert told(manager, **query) == [viewed], query
    assert told(manager, who="abcd1234") == told(manager, action="erase") == [erased]
    assert len(told(manager, since=today)) == 2 and told(manager, until=past) == [oldest]
    assert told(manager, who="somebody else") == told(manager, object="a") == []
    assert {row.name for row in rows(manager)} == {"mia", "abcd1234", "purge"}


@pytest.mark.parametrize(
    "query", [{"since": "x"}, {"until": "9999-12-31"}, {"action": "x"}, {"who": "a\0b"}, {"object": "\0"}]
)
def test_a_filter_that_cannot_be_used_says_so(manager: Browser, query: dict[str, str]) -> None:
    answer = manager.get(reverse("console:audit"), query)
    assert answer.status_code == 422 and 'role="alert"' in answer.content.decode()


def test_what_was_written_into_it_is_text(manager: Browser, client_a: Client) -> None:
    done(client_a, "view", "key", "<b>x", "<i>:1")
    page = manager.get(reverse("console:audit"), {"who": "<b>x"}).content.decode()
    assert "&lt;i&gt;:1" in page and "<i>" not in page and "<b>x" not in page


@pytest.mark.parametrize("of", ["", "all"])
def test_pages_go_on_where_the_last_one_ended(boss: Browser, client_a: Client, of: str) -> None:
    boss.post(reverse("choose-client"), {"client": client_a.pk})
    now = timezone.now()
    for number in range(ON_A_PAGE + 10):
        at = now - timedelta(seconds=10 - number // 8)
        done(client_a, "view", "key", "k", f"a:{number}", at=at)
    first = boss.get(reverse("console:audit"), {"of": of, "who": "k"})
    add(client_a, Action.VIEW, "new:1")
    second = boss.get(reverse("console:audit"), {"of": of, "who": "k", "before": first.context["following"]})
    found = [row.record.objects_named[0] for answer in (first, second) for row in answer.context["rows"]]
    assert found == [f"a:{number}" for number in reversed(range(ON_A_PAGE + 10))]
    assert not second.context["following"]
    for nonsense in ("x", "~1", "2026-01-01T00:00:00+00:00~x", "2026-01-01~5"):
        assert len(rows(boss, of=of, who="k", before=nonsense)) == ON_A_PAGE


# ---- seals ------------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("as_owner")
def test_rows_are_compared_with_their_seals(manager: Browser, client_a: Client, client_b: Client) -> None:
    first = add(client_a, Action.SEARCH, "person:1")
    seal_all()
    second = add(client_a, Action.SEARCH, "person:2")
    add(client_b, Action.SEARCH, "person:3")
    seal_all()
    third = add(client_a, Action.SEARCH, "person:4")
    assert check_rows(client_id=client_a.pk, records=[third, second, first]) == {
        first.pk: Proof.INTACT, second.pk: Proof.INTACT, third.pk: Proof.WAITING,
    }  # fmt: skip
    second.objects_named = ["person:9"]
    assert check_rows(client_id=client_a.pk, records=[second, first])[second.pk] == Proof.BROKEN
    page = manager.get(reverse("console:audit")).content.decode()
    assert "Sealed up to seal 2" in page and page.count("as it was sealed") == 2 and "1 row waits for its seal." in page


@pytest.mark.usefixtures("as_owner")
def test_a_seal_that_is_not_signed_proves_nothing(client_a: Client) -> None:
    row = add(client_a, Action.SEARCH, "person:1")
    seal_all()
    seal = Seal.objects.of_client(client_a.pk).get()
    for column, value in (("signature", "00" * 64), ("digest", "00" * 32), ("hash", "00" * 32)):
        changed = copy(seal)
        setattr(changed, column, value)
        with patch("audit.spot_checks._seals_from", return_value=[changed]):
            assert check_rows(client_id=client_a.pk, records=[row]) == {row.pk: Proof.BROKEN}
    assert check_rows(client_id=client_a.pk, records=[row]) == {row.pk: Proof.INTACT}


@pytest.mark.usefixtures("as_owner")
def test_the_right_seals_are_read_among_many(client_a: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for number in range(9):
        found.append(add(client_a, Action.VIEW, f"a:{number}"))
        seal_all()
    monkeypatch.setattr("audit.spot_checks.TOLERANCE", timedelta())
    monkeypatch.setattr("audit.spot_checks.MOST_SEALS", 3)
    for number, row in enumerate(found):
        assert check_rows(client_id=client_a.pk, records=[row]) == {row.pk: Proof.INTACT}, number
    proofs = check_rows(client_id=client_a.pk, records=found)
    assert [proofs[row.pk] for row in found] == [Proof.INTACT] * 3 + [Proof.UNKNOWN] * 6
    assert check_rows(client_id=client_a.pk, records=[]) == {}


def test_the_page_asks_the_database_little(manager: Browser, client_a: Client) -> None:
    for number in range(ON_A_PAGE):
        add(client_a, Action.VIEW, f"a:{number}")
    seal_all()
    with CaptureQueriesContext(connection) as queries:
        assert len(rows(manager)) == ON_A_PAGE
    asked = [one["sql"] for one in queries if not one["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    assert len(asked) <= MOST_QUERIES + 4, asked  # of session, user, membership and whose rows are shown


def test_everything_has_words() -> None:
    assert (set(ACTIONS), set(KINDS), set(PROOFS)) == (set(Action), {kind for kind, _ in ACTOR_KINDS}, set(Proof))
