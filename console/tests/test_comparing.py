"""Pages that are work to look at: for whom faces are compared, what the audit says, and how much is answered."""

from __future__ import annotations

import pytest
from django.urls import reverse
from pytest_django.fixtures import Settings

from albums.services import create_album
from audit.models import Record
from audit.types import Action
from blacklist.services import create_entry
from clients.models import Client, Role
from clients.tests.members import browser_of, make_member
from people.models import Person
from people.tests.test_services import enrol
from vision.tests.drawing import RED, picture
from vision.types import Upload

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(client_a: Client) -> list[Person]:
    return [enrol(client_a, RED, name).person for name in ("one", "two")]


def test_two_people_are_compared_for_who_may_and_that_is_recorded(client_a: Client, people: list[Person]) -> None:
    one, two = people
    page = reverse("console:person-merge", args=[one.number])
    viewer = browser_of(make_member(client_a, Role.VIEWER)).get(page, {"with": two.number})
    assert viewer.status_code == 200 and viewer.context["compared"] == {}
    assert not Record.objects.filter(action=Action.COMPARE).exists()
    operator = browser_of(make_member(client_a, Role.OPERATOR)).get(page, {"with": two.number})
    assert operator.context["compared"]["verdict"] == "Match"
    row = Record.objects.get(action=Action.COMPARE)
    assert (set(row.objects_named), row.results, bool(row.space)) == ({one.audit_name, two.audit_name}, 1, True)


def test_looking_is_free_unless_it_compares(
    client_a: Client, people: list[Person], settings: Settings, redis_flush: None
) -> None:
    settings.RATE_LIMIT = "2/min"
    browser, album = browser_of(make_member(client_a, Role.OPERATOR)), create_album(client=client_a, name="a")
    merge = reverse("console:person-merge", args=[people[0].number])
    same = reverse("console:album-same", args=[album.number])
    asked = [(merge, {"with": people[1].number}), (same, {"now": ""}), (same, {"now": ""})]
    assert [browser.get(path, query).status_code for path, query in asked] == [200, 200, 429]
    assert [browser.get(path).status_code for path in (merge, same)] == [200, 200]


def test_pages_that_show_all_photographs_end_somewhere(
    client_a: Client, people: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = create_entry(client=client_a, name="Mallory", uploads=[Upload(picture(RED))] * 3).entry
    for _ in range(2):
        enrol(client_a, RED, "one")
    browser = browser_of(make_member(client_a, Role.OPERATOR))
    for module, page, person in (
        ("people.identities", "person-split", people[0]),
        ("watchlist.entries", "watchlist-entry", entry),
    ):
        monkeypatch.setattr(f"console.{module}.MOST_PHOTOGRAPHS", 2)
        answer = browser.get(reverse(f"console:{page}", args=[person.number]))
        assert len(answer.context["photographs"]) == 2
        assert "Only the first 2 photographs are shown." in answer.content.decode()
