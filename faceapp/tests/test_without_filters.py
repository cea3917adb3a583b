"""Every list and every object of the service, with the filters by client taken out of all queries: the database itself
shows nothing that is another client's.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import QuerySet

from clients.models import Client, Role
from clients.tests.members import browser_of, make_member
from compat.dialect import DialectConfig, configs
from faceapp.tests.test_isolation import LISTS, api_of, owned, routes  # noqa: F401  `owned` is a fixture
from faceapp.tests.test_walls import WORDS, pages_of, root, world  # noqa: F401  fixtures
from people.models import Person
from walls import current
from walls.current import EVERYONE

pytestmark = pytest.mark.django_db
BY_CLIENT = re.compile(r"(^|__)client(_id|__id|__pk|__in|_id__in)?\Z")


@pytest.fixture
def dropped(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """From the start of the fixture on no query asks for a client; the filters that were dropped."""
    found: set[str] = set()
    ask = QuerySet._filter_or_exclude_inplace  # type: ignore[attr-defined]

    def ask_without(self: Any, negate: bool, args: Any, kwargs: dict[str, Any]) -> None:
        kept = {name: value for name, value in kwargs.items() if negate or not BY_CLIENT.search(name)}
        found.update(f"{self.model._meta.label}.{name}" for name in kwargs.keys() - kept.keys())
        ask(self, negate, args, kept)

    monkeypatch.setattr(QuerySet, "_filter_or_exclude_inplace", ask_without)
    return found


@pytest.fixture
def no_walls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current, "shown", lambda: EVERYONE)
    monkeypatch.setattr("walls.backend.base.shown", lambda: EVERYONE)


def foreign(owned: dict[str, str], client: Client) -> dict[str, str]:  # noqa: F811
    """What a client reads of another's, by path."""
    api, found = api_of(client), {}
    for name, method, path in routes(owned):
        if method == "get":
            answer = api.get(path)
            body = answer.json() if "json" in answer.headers["Content-Type"] else "a file"
            empty = body == [] or (isinstance(body, dict) and body.get("items") == [])
            if not (answer.status_code == 404 or (name in LISTS and empty)):
                found[path] = str(body)
    return found


def test_the_api_shows_nothing_foreign(owned: dict[str, str], client_b: Client, dropped: set[str]) -> None:  # noqa: F811
    assert foreign(owned, client_b) == {}
    assert len(dropped) >= 10


def test_without_walls_it_would(
    owned: dict[str, str],  # noqa: F811
    client_b: Client,
    dropped: set[str],
    no_walls: None,
) -> None:
    """The test above can fail: these filters are all that kept the rows apart."""
    assert len(foreign(owned, client_b)) >= 10


def test_pages_of_the_admin_show_nothing_foreign(
    world: Client,  # noqa: F811
    client_b: Client,
    root: User,  # noqa: F811
    dropped: set[str],
) -> None:
    browser, pages = browser_of(make_member(client_b, Role.MANAGER)), pages_of(world, root)
    for page in pages:
        answer = browser.get(page.url)
        assert answer.status_code == 404 if page.shows else answer.status_code in {200, 403}, page
        assert not WORDS.search(answer.content.decode(errors="replace")), page
    assert len(pages) >= 80
    assert len(dropped) >= 10


@pytest.mark.parametrize("config", configs(), ids=lambda config: config.label)
def test_compatibility_apis_show_nothing_foreign(
    config: DialectConfig, client_a: Client, client_b: Client, request: pytest.FixtureRequest
) -> None:
    calls = import_module(f"{config.name}.tests.isolation")
    calls.store(client_a)
    request.getfixturevalue("dropped")
    for name, answer in calls.ask(client_b).items():
        assert answer.items() >= calls.NOTHING[name].items(), name


def test_searches_compare_with_nobody_foreign(owned: dict[str, str], client_b: Client, dropped: set[str]) -> None:  # noqa: F811
    from vision.tests.drawing import RED, data_url, picture

    api, body = api_of(client_b), {"image": data_url(picture(RED))}
    [face] = api.post("/api/v1/people/search", body, format="json").json()["faces"]
    assert face["candidates"] == []
    [result] = api.post("/api/v1/process/process-images", {"images": [body["image"]]}, format="json").json()
    assert result["faces"][0]["blacklist_matches"] == []
    assert Person.objects.count() == 2  # of alice, whom the test itself sees
