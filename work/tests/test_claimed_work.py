"""The one life that screened images, album images and trained versions have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.conf import settings
from django.db import OperationalError
from django.utils import timezone

from albums.models import AlbumImage
from albums.services import create_album
from clients.models import Client
from errors import FaceAppError, InvalidInput, Unavailable
from people.models import Gallery, Person, ReferenceImage, RemoteCall, Respace, RespacedImage
from recognition.models import FaceSearch, Job, ProcessedImage
from telemetry.request_ids import request_id
from training.models import Recogniser
from vision import dispatch
from work import services
from work.models import FINISHED, TRANSITIONS, UNFINISHED, ClaimedWork, Status

pytestmark = pytest.mark.django_db(transaction=True)
KINDS = [ProcessedImage, AlbumImage, Recogniser, RespacedImage, FaceSearch, RemoteCall]


def screened(client: Client) -> ProcessedImage:
    job = Job.objects.create(client=client, metric="euclidean", threshold=0.2)
    return ProcessedImage.objects.create(client=client, job=job, position=0)


def in_album(client: Client) -> AlbumImage:
    return AlbumImage.objects.create(album=create_album(client=client, name="holiday"))


def version(client: Client) -> Recogniser:
    return Recogniser.objects.create(client=client, gallery=Gallery.objects.named(client, ""), space="fake", version=1)


def respaced(client: Client) -> RespacedImage:
    person = Person.objects.create(client=client)
    box = {"box_x": 0, "box_y": 0, "box_w": 1, "box_h": 1}
    image = ReferenceImage.objects.create(person=person, width=1, height=1, confidence=1.0, **box)
    respace = Respace.objects.create(client=client, space="fake")
    return RespacedImage.objects.create(respace=respace, reference_image=image)


def search(client: Client) -> FaceSearch:
    return FaceSearch.objects.create(client=client, receipt=uuid4(), until_image=0)


def call(client: Client) -> RemoteCall:
    """One that adds a photograph: those that erase are never given up (`people.elsewhere`)."""
    return RemoteCall.objects.create(client_id=client.pk, backend="none", collection="c", operation="add")


@pytest.fixture(params=[screened, in_album, version, respaced, search, call])
def row(request: pytest.FixtureRequest, client_a: Client) -> Any:
    """A pending row of each kind."""
    make: Callable[[Client], ClaimedWork] = request.param
    return make(client_a)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Rows for which a sweep enqueued a task; queues are empty."""
    found: list[int] = []

    def record(kind: type[ClaimedWork], *, ids: Iterable[int], queue: str, client: int) -> None:
        assert queue in kind.queues
        assert request_id.get() == "sweep"
        assert client == Client.objects.get().pk
        found.extend(ids)

    monkeypatch.setattr(services, "enqueue", record)
    queues = {queue for kind in KINDS for queue in kind.queues}
    dispatch.handoff().delete(*queues)
    yield found
    dispatch.handoff().delete(*queues)


def test_the_sweep_knows_every_kind_and_its_task() -> None:
    kinds = [model for model in apps.get_models() if issubclass(model, ClaimedWork)]
    assert set(kinds) == set(KINDS)
    assert all(services.import_string(kind.task).name == kind.task for kind in kinds)


def test_older_work_of_a_client_is_known(row: Any, client_a: Client, client_b: Client) -> None:
    now = timezone.now()
    of_client = not isinstance(row, AlbumImage | RespacedImage | RemoteCall)
    assert services.has_older_work(client=client_a, than=now) == of_client
    assert not services.has_older_work(client=client_b, than=now)
    assert not services.has_older_work(client=client_a, than=row.created_at)
    type(row).objects.update(status=Status.DONE)
    assert not services.has_older_work(client=client_a, than=now)


def test_every_status_has_its_place_in_the_table() -> None:
    assert {*UNFINISHED, *FINISHED, Status.UPLOADED} == set(Status)
    assert not [status for status in FINISHED if status in TRANSITIONS]
    assert {target for targets in TRANSITIONS.values() for target in targets} == set(Status)


@pytest.mark.parametrize("status", list(Status))
def test_rows_make_only_the_steps_that_are_drawn(row: Any, status: Status) -> None:
    rows = type(row).objects.filter(pk=row.pk)
    for start in Status:
        rows.update(status=start)
        assert rows.move_to(status) == (status in TRANSITIONS.get(start, ()))


def test_a_claim_is_held_by_one_task_until_its_lease_ends(row: Any) -> None:
    rows = type(row).objects
    assert rows.claim([row.pk], task_id="a") == [row]
    assert rows.claim([row.pk], task_id="b") == []
    assert rows.claim([row.pk], task_id="a") == [row]
    rows.update(started_at=timezone.now() - type(row).lease() - timedelta(seconds=1))
    assert rows.claim([row.pk], task_id="b") == [row]
    row.refresh_from_db()
    assert row.attempts == 3


@pytest.mark.parametrize("error", [InvalidInput("No.", code="no"), ZeroDivisionError()])
def test_errors_become_the_rows_own(row: Any, error: Exception) -> None:
    def work(_: Any) -> None:
        raise error

    services.run(type(row).objects.all(), work, ids=[row.pk], task_id="a")
    row.refresh_from_db()
    code = error.code if isinstance(error, FaceAppError) else "internal"
    assert (row.status, row.error_code, row.finished_at is None) == (Status.FAILED, code, False)


@pytest.mark.parametrize("error", [OperationalError("gone"), Unavailable("away", code="storage.unavailable")])
def test_a_part_that_is_away_costs_no_attempt(row: Any, error: Exception) -> None:
    def work(_: Any) -> None:
        raise error

    for _ in range(2 * settings.MAX_ATTEMPTS):
        with pytest.raises(type(error)):
            services.run(type(row).objects.all(), work, ids=[row.pk], task_id="a")
    row.refresh_from_db()
    assert (row.status in UNFINISHED, row.attempts) == (True, 0)


def test_a_row_that_takes_its_workers_with_it_is_given_up(row: Any) -> None:
    for _ in range(settings.MAX_ATTEMPTS):
        assert type(row).objects.claim([row.pk], task_id="a")
    services.run(type(row).objects.all(), lambda _: [], ids=[row.pk], task_id="a")
    row.refresh_from_db()
    assert (row.status, row.error_code) == (Status.FAILED, row.given_up_code)


def test_the_sweep_gives_back_and_refills_every_kind(row: Any, sent: list[int]) -> None:
    rows = type(row).objects
    assert rows.claim([row.pk], task_id="dead")
    services.sweep()
    assert rows.get().status == Status.PROCESSING
    rows.update(started_at=timezone.now() - type(row).lease() - timedelta(seconds=1))
    services.sweep()
    assert (rows.get().status, rows.get().claim) == (Status.PENDING, "")
    rows.update(queued_at=timezone.now() - timedelta(minutes=1))
    sent.clear()
    services.sweep()
    assert sent == [row.pk]


def test_the_sweep_leaves_queues_alone_whose_messages_wait_for_their_turn(row: Any, sent: list[int]) -> None:
    type(row).objects.update(queued_at=timezone.now() - timedelta(minutes=1))
    waiting = [f"faceapp:waiting:{queue}" for queue in type(row).queues]
    for key in waiting:
        dispatch.handoff().sadd(key, "1")
        dispatch.handoff().rpush(f"{key}:1", "a message")
    services.sweep()
    dispatch.handoff().delete(*waiting, *(f"{key}:1" for key in waiting))
    assert sent == []


def test_the_sweep_leaves_queues_alone_that_hold_messages(row: Any, sent: list[int]) -> None:
    type(row).objects.update(queued_at=timezone.now() - timedelta(minutes=1))
    for queue in type(row).queues:
        dispatch.handoff().rpush(queue, "a message")
    services.sweep()
    assert sent == []


def test_kinds_that_share_a_queue_are_all_refilled(client_a: Client, sent: list[int]) -> None:
    long_ago = timezone.now() - timedelta(minutes=1)
    rows = [screened(client_a), in_album(client_a)]
    for one in rows:
        type(one).objects.update(queued_at=long_ago)  # type: ignore[attr-defined]
    services.sweep()
    assert sorted(sent) == sorted(one.pk for one in rows)
