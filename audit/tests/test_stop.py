"""One switch halts all searching, in every interface; jobs wait and go on."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client as Browser
from rest_framework.test import APIClient

from albums.models import AlbumImage
from audit.models import Record, Stop
from audit.services import is_stopped, resume_searching, stop_searching
from audit.types import Action
from clients.models import Client
from clients.services import create_api_key
from faceapp.tests.test_isolation import owned as stored
from people.models import Person
from recognition.models import ProcessedImage
from recognition.tasks import process_images
from vision.tests.drawing import RED, data_url, picture
from work.models import Status
from work.services import sweep

pytestmark = pytest.mark.django_db
IMAGE = data_url(picture(RED))
owned = stored  # a fixture: one of everything
Ask = Callable[[str, dict[str, Any] | None], Any]


@pytest.fixture
def ask(client_a: Client) -> Ask:
    api = APIClient(headers={"X-API-Key": create_api_key(client_name="alice")[1]})
    return lambda path, body: api.post(path, body, format="json") if body is not None else api.get(path)


@pytest.mark.parametrize("everybody", [False, True])
def test_a_stop_is_for_one_client_or_for_everybody(
    everybody: bool, owned: dict[str, str], ask: Ask, client_a: Client, client_b: Client
) -> None:
    stop_searching(client_id=None if everybody else client_b.pk)
    status = ask("/api/v1/people/search/", {"image": IMAGE}).status_code
    assert status == (503 if everybody else 200)


def test_images_to_be_processed_at_once_are_not_stored(ask: Ask, owned: dict[str, str], client_a: Client) -> None:
    stop_searching(client_id=client_a.pk)
    path = f"/api/v1/albums/{owned['album']}/images/"
    assert ask(f"{path}?process=true", {"images": [IMAGE]}).json()["code"] == "searching.stopped"
    assert AlbumImage.objects.count() == 1
    assert ask(path, {"images": [IMAGE]}).status_code == 201


def test_jobs_wait_and_go_on(client_a: Client, ask: Ask, redis_flush: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that was accepted before the stop."""
    monkeypatch.setattr("recognition.services.enqueue", lambda *args, **options: None)  # the queue is slow
    answer = ask("/api/v1/process/process-images/?async=true", {"images": [IMAGE]})
    assert answer.status_code == 202
    image = ProcessedImage.objects.get()
    ProcessedImage.objects.update(queued_at="2026-01-01T00:00:00Z")
    stop_searching(client_id=client_a.pk)
    sweep()
    process_images([image.pk])
    image.refresh_from_db()
    assert (image.status, image.attempts) == (Status.PENDING, 0)
    resume_searching(client_id=client_a.pk)
    sweep()
    image.refresh_from_db()
    assert image.status == Status.DONE


def test_whoever_is_enrolled_meanwhile_is_compared_with_nobody(
    ask: Ask, owned: dict[str, str], client_a: Client
) -> None:
    stop_searching(client_id=client_a.pk)
    answer = ask("/api/v1/people/", {"name": "Red again", "image": IMAGE})
    assert answer.status_code == 201 and answer.json()["enrolment"]["duplicates"] == []
    assert Person.objects.filter(name="Red again").exists()


def test_the_command_and_its_record(client_a: Client) -> None:
    out = StringIO()
    call_command("stop_searching", client="alice", stdout=out)
    call_command("stop_searching", client="alice", stdout=out)
    assert is_stopped(client_a.pk) and not is_stopped(None)
    call_command("stop_searching", stdout=out)
    call_command("stop_searching", resume=True, stdout=out)
    assert is_stopped(client_a.pk), "everybody else goes on"
    call_command("stop_searching", client="alice", resume=True, stdout=out)
    assert not is_stopped(client_a.pk) and not Stop.objects.exists()
    rows = list(
        Record.objects.filter(action__in=[Action.STOP, Action.GO]).order_by("pk").values_list("action", "client")
    )
    assert rows == [("stop", client_a.pk), ("stop", None), ("go", None), ("go", client_a.pk)]
    assert "Nothing has changed" in out.getvalue()
    with pytest.raises(CommandError, match="There is no client"):
        call_command("stop_searching", client="nobody")


def test_the_admin_stops_a_client_or_everybody(client_a: Client) -> None:
    browser, user = Browser(), User.objects.create_superuser("root")
    browser.force_login(user)
    action = {"action": "stop_searching", "_selected_action": [client_a.pk]}
    browser.post("/admin/clients/client/", action)
    assert is_stopped(client_a.pk)
    assert "alice" in browser.get("/admin/audit/stop/").content.decode()
    browser.post("/admin/clients/client/", action | {"action": "resume_searching"})
    assert not is_stopped(client_a.pk)
    assert browser.post("/admin/audit/stop/add/", {"client": ""}).status_code == 302
    assert is_stopped(None)
    stop = Stop.objects.get()
    assert browser.post(f"/admin/audit/stop/{stop.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not is_stopped(None)
    rows = Record.objects.filter(action__in=[Action.STOP, Action.GO])
    assert rows.count() == 4 and {(row.actor_kind, row.actor) for row in rows} == {("user", str(user.pk))}
