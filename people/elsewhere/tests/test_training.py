"""Where faces are found only after a training: Azure Face, where the stand-in of `remote` stands in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError
from pytest_django.fixtures import Settings

from clients.models import Client
from people.elsewhere import calls
from people.elsewhere.tests.test_calls import run_calls
from people.models import EnrolledFace, RemoteCall
from people.services import enrol_face, search_people
from people.types import Probe, Whom
from remote import registry
from remote.azure import AzureFace
from remote.azure_http import Account, Connection
from remote.tests.stand_ins.azure import KEY, AzureFaceService, running
from remote.tests.stand_ins.faces import Recogniser
from remote.tests.stand_ins.serving import session_with
from vision.engines.fake import FakeEngine
from vision.tests.drawing import BLUE, GREEN, RED, YELLOW, picture
from vision.types import Upload

pytestmark = pytest.mark.django_db
COLOURS = (RED, GREEN, BLUE, YELLOW)
TRAIN = "POST largepersongroups/*/train"


@pytest.fixture
def service(client_a: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AzureFaceService:
    """Where `client_a` has its faces."""
    settings.REMOTE_BACKENDS = ["azure_face"]
    service = AzureFaceService(Recogniser(FakeEngine()), least_bytes=1)
    account = Account("https://faces.example.org", KEY)
    backend = AzureFace(Connection(account, lambda: session_with(service)), pause=lambda seconds: None)
    monkeypatch.setattr(registry, "backend_called", {"azure_face": backend}.__getitem__)
    client_a.backend = "azure_face"
    client_a.save()
    return service


@pytest.fixture
def waiting(client_a: Client, service: AzureFaceService, monkeypatch: pytest.MonkeyPatch) -> list[RemoteCall]:
    """Photographs whose calls are due, and that no worker has begun."""
    with monkeypatch.context() as patched:
        patched.setattr(calls, "run", lambda *given, **options: None)
        for number, colour in enumerate(COLOURS):
            enrol_face(client=client_a, upload=Upload(picture(colour)), whom=Whom(name=str(number)))
    assert not service.groups
    return list(RemoteCall.objects.order_by("pk"))


def carry_out(waiting: list[RemoteCall]) -> None:
    calls.carry_out(call_ids=[call.pk for call in waiting], task_id="a task")


def persons(service: AzureFaceService) -> list[str]:
    [group] = service.groups.values()
    assert all(len(person.faces) == 1 for person in group.persons.values())
    return sorted(person.name for person in group.persons.values())


def named(client: Client) -> list[list[str]]:
    searches = (search_people(client=client, probe=Probe(picture(colour))).faces[0] for colour in COLOURS)
    return [[match.person.name for match in face.matches] for face in searches]


def test_calls_of_one_task_are_trained_together(
    client_a: Client, service: AzureFaceService, waiting: list[RemoteCall]
) -> None:
    carry_out(waiting)
    assert service.calls.count(TRAIN) == 1
    assert len(persons(service)) == len(COLOURS) == EnrolledFace.objects.count() and not RemoteCall.objects.exists()
    assert named(client_a) == [["0"], ["1"], ["2"], ["3"]]


def test_a_training_that_fails_is_made_up_for(
    client_a: Client, service: AzureFaceService, waiting: list[RemoteCall]
) -> None:
    service.faults.plan(TRAIN, *[running()] * 3)
    carry_out(waiting)
    assert set(RemoteCall.objects.values_list("error_code", "status")) == {("remote.training", "pending")}
    assert not EnrolledFace.objects.exists()
    run_calls()
    assert len(persons(service)) == len(COLOURS) == EnrolledFace.objects.count() and not RemoteCall.objects.exists()
    assert named(client_a) == [["0"], ["1"], ["2"], ["3"]]


def failing_once(function: Callable[..., Any], error: Exception) -> Callable[..., Any]:
    errors = [error]

    def call(*given: Any, **options: Any) -> Any:
        if errors:
            raise errors.pop()
        return function(*given, **options)

    return call


@pytest.mark.parametrize("error", [OperationalError("away"), ValueError("a bug")], ids=["database", "bug"])
def test_what_has_arrived_is_not_sent_again(
    service: AzureFaceService,
    waiting: list[RemoteCall],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    """The service has the first face, and then our side fails: the next attempt looks for it."""
    monkeypatch.setattr(calls, "_keep", failing_once(calls._keep, error))
    try:
        carry_out(waiting[:1])
    except OperationalError:
        assert RemoteCall.objects.get(pk=waiting[0].pk).attempts == 0  # which counts as never begun
    RemoteCall.objects.filter(pk=waiting[0].pk).update(status="pending", claim="")
    carry_out(waiting[:1])
    assert persons(service) == [str(waiting[0].own_id)]
    assert EnrolledFace.objects.count() == 1


def test_one_that_fails_leaves_the_others_where_they_are(
    client_a: Client, service: AzureFaceService, waiting: list[RemoteCall], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug at the third stops the task's work together: the first two have arrived, and are not sent again."""
    monkeypatch.setattr(calls, "portrait_of", _third_time(calls.portrait_of))
    carry_out(waiting)
    assert len(persons(service)) == len(COLOURS) and not RemoteCall.objects.exists()
    assert named(client_a) == [["0"], ["1"], ["2"], ["3"]]


def _third_time(function: Callable[..., Any]) -> Callable[..., Any]:
    made = 0

    def call(*given: Any) -> Any:
        nonlocal made
        made += 1
        if made == 3:
            raise ValueError("a bug")
        return function(*given)

    return call


def test_a_group_in_training_is_asked_again_later(service: AzureFaceService, waiting: list[RemoteCall]) -> None:
    service.faults.plan("persistedfaces", running())
    carry_out(waiting[:1])
    call = RemoteCall.objects.get(pk=waiting[0].pk)
    assert (call.error_code, call.tries, call.attempts) == ("remote.training", 1, 0)
    assert not call.is_first and call.next_try_at > call.created_at
