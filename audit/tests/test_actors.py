"""Who is recorded as having done something."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client as Browser
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from audit.models import Record
from audit.types import Action
from clients.models import Client, Role
from clients.services import create_api_key, make_path_token
from clients.tests.members import make_member
from telemetry import messages
from telemetry.actors import Actor, ActorKind, act_as, acting
from vision.tests.drawing import RED, data_url, picture

SEARCH = ("/api/v1/people/search/", {"image": data_url(picture(RED))})


@pytest.fixture(autouse=True)
def nobody() -> Iterator[None]:
    act_as(None)
    yield
    act_as(None)


def last() -> tuple[str, str, str]:
    row = Record.objects.filter(action=Action.SEARCH).first()
    assert row is not None
    return row.actor_kind, row.actor, row.address


@pytest.mark.django_db
def test_callers_of_the_api(client_a: Client, settings: Settings) -> None:
    row, key = create_api_key(client_name="alice")
    path, body = SEARCH
    assert APIClient(headers={"X-API-Key": key}).post(path, body, format="json").status_code == 200
    assert last() == ("key", row.prefix, "127.0.0.1")
    assert APIClient().post(f"/k/{make_path_token(key=row)}{path}", body, format="json").status_code == 200
    assert last() == ("key", row.prefix, "127.0.0.1")
    user = make_member(client_a, Role.OPERATOR)
    api = APIClient(REMOTE_ADDR="10.1.2.3")
    api.force_login(user)
    assert api.post(path, body, format="json").status_code == 200
    assert last() == ("user", str(user.pk), "10.1.2.3")
    settings.ANONYMOUS_CLIENT = "alice"
    assert APIClient().post(path, body, format="json").status_code == 200
    assert last() == ("anonymous", "", "127.0.0.1")


@pytest.mark.django_db
def test_a_failed_login_is_anonymous_and_tells_no_name() -> None:
    Browser().post("/login/", {"login": "my secret password", "password": "x"})
    row = Record.objects.get()
    assert (row.action, row.actor_kind, row.client_id) == (Action.FAILED_LOGIN, "anonymous", None)
    [name] = row.objects_named
    assert name.startswith("login:") and "secret" not in name


def task(headers: dict[str, Any]) -> Any:
    request = SimpleNamespace(is_eager=False, get=headers.get)
    return SimpleNamespace(name="recognition.tasks.process_images", request=request)


def test_a_worker_acts_for_the_caller_whose_message_it_has() -> None:
    caller, headers = Actor(ActorKind.KEY, "abcdefgh", "10.0.0.1"), dict[str, Any]()
    act_as(caller)
    messages.send_id(headers=headers)
    act_as(None)
    messages.take_id(task=task(headers))
    assert acting() == caller
    messages.drop_id(task=task(headers))
    assert acting().kind == ActorKind.WORKER


def test_a_worker_acts_for_itself_when_nobody_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/usr/bin/celery", "beat"])
    headers: dict[str, Any] = {}
    messages.send_id(headers=headers)
    messages.take_id(task=task(headers))
    assert acting() == Actor(ActorKind.WORKER, "recognition.tasks.process_images")


def test_a_command_acts_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["manage.py", "import_people", "--client", "alice"])
    assert acting() == Actor(ActorKind.COMMAND, "import_people")
