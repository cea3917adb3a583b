"""Several images of one message: none of them harms another, and callers who wait go first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from pytest_django.fixtures import Settings

from blacklist.services import create_entry, delete_entry
from clients.models import Client
from errors import Unavailable
from recognition import services
from recognition.models import Job, Match, ProcessedFace, ProcessedImage
from recognition.tasks import process_images
from vision import dispatch, inference
from vision.tests.drawing import BLUE, GREEN, RED, picture
from vision.types import Upload
from work import images as work_images
from work import services as work_services
from work.services import enqueue

pytestmark = pytest.mark.django_db

Run = Callable[..., Any]
GOOD = [picture(RED, BLUE), picture(GREEN), picture(BLUE)]


@pytest.fixture
def job(client_a: Client) -> Job:
    return Job.objects.create(client=client_a, metric="euclidean", threshold=0.2)


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images were analysed together, each time."""
    sizes: list[int] = []
    real: Run = inference.run_engines_on

    def count(encoded: Iterable[bytes], *options: Any) -> Any:
        outcomes = real(encoded, *options)
        sizes.append(len(outcomes))
        return outcomes

    monkeypatch.setattr(inference, "run_engines_on", count)
    return sizes


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """What was sent to the queue; nothing of it runs."""
    messages: list[list[int]] = []
    monkeypatch.setattr(process_images, "apply_async", lambda args, **_: messages.append(args[0]))
    return messages


@pytest.fixture(autouse=True)
def nobody_waits() -> None:
    """Other tests leave messages in the queues."""
    dispatch.handoff().delete(dispatch.INTERACTIVE, dispatch.PATIENT)


@pytest.fixture
def waiting_caller(nobody_waits: None) -> Iterator[None]:
    dispatch.handoff().rpush(dispatch.INTERACTIVE, "a message")
    yield
    dispatch.handoff().delete(dispatch.INTERACTIVE)


def add(job: Job, *contents: bytes) -> list[int]:
    """Ids of new images of the job."""
    first = job.images.count()
    ids = []
    for position, content in enumerate(contents, start=first):
        row = ProcessedImage(client=job.client, job=job, position=position, identifier="probe")
        row.image.save("a.png", ContentFile(content), save=True)
        ids.append(row.pk)
    return ids


def states(job: Job) -> list[tuple[str, str, int]]:
    return list(job.images.order_by("position").values_list("status", "error_code", "attempts"))


# ---- together ---------------------------------------------------------------------------------------------------
def test_images_are_analysed_searched_and_stored_together(
    job: Job, client_a: Client, batches: list[int], django_assert_max_num_queries: Any
) -> None:
    entry = create_entry(client=client_a, name="Blue", uploads=[Upload(picture(BLUE))]).entry
    ids = add(job, *GOOD)
    with django_assert_max_num_queries(22):  # one image takes as many
        services.process(image_ids=ids, task_id="a")
    assert batches[-1:] == [3]
    assert states(job) == [("done", "", 1)] * 3
    found = ProcessedFace.objects.order_by("image__position", "index").values_list("image__position", "index")
    assert list(found) == [(0, 0), (0, 1), (1, 0), (2, 0)]
    matched = Match.objects.order_by("face__image__position").values_list("face__image__position", "face__index")
    assert [(*place, entry.pk) for place in matched] == [(0, 1, entry.pk), (2, 0, entry.pk)]
    assert all(image.milliseconds > 0 and (image.width, image.height) > (0, 0) for image in job.images.all())


def test_a_bad_image_harms_no_other(job: Job, batches: list[int]) -> None:
    ids = add(job, GOOD[0], b"no image", GOOD[1], GOOD[2], picture())
    gone = ProcessedImage.objects.get(pk=ids[2])
    gone.image.storage.delete(gone.image.name)
    services.process(image_ids=ids, task_id="a")
    expected = [("done", ""), ("failed", "image.not_an_image"), ("failed", "image.gone"), ("done", ""), ("done", "")]
    assert states(job) == [(*state, 1) for state in expected]
    assert batches == [4]
    positions = ProcessedFace.objects.order_by("image__position").values_list("image__position", flat=True)
    assert list(positions) == [0, 0, 3]


def test_images_of_several_jobs_keep_their_own_results(job: Job, client_b: Client, client_a: Client) -> None:
    other = Job.objects.create(client=client_b, metric="cosine", threshold=0.02)
    for client in (client_a, client_b):
        create_entry(client=client, name="Blue", uploads=[Upload(picture(BLUE))])
    services.process(image_ids=[*add(job, *GOOD), *add(other, GOOD[2])], task_id="a")
    assert states(job) + states(other) == [("done", "", 1)] * 4
    assert {(match.face.image.client_id, match.entry.client_id, match.metric) for match in Match.objects.all()} == {
        (client_a.pk, client_a.pk, "euclidean"),
        (client_b.pk, client_b.pk, "cosine"),
    }


def test_a_lost_claim_costs_only_its_own_image(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = add(job, *GOOD)
    real: Run = inference.run_engines_on

    def slow(*args: Any) -> Any:
        ProcessedImage.objects.filter(pk=ids[1]).update(claim="somebody else")
        return real(*args)

    monkeypatch.setattr(inference, "run_engines_on", slow)
    services.process(image_ids=ids, task_id="a")
    assert [status for status, *_ in states(job)] == ["done", "processing", "done"]
    assert set(ProcessedFace.objects.values_list("image__position", flat=True)) == {0, 2}


def test_a_job_that_is_cancelled_in_the_middle_stores_nothing_more(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = add(job, *GOOD)
    real: Run = inference.run_engines_on

    def cancel(*args: Any) -> Any:
        services.cancel_job(job=job)
        return real(*args)

    monkeypatch.setattr(inference, "run_engines_on", cancel)
    services.process(image_ids=ids, task_id="a")
    assert [status for status, *_ in states(job)] == ["cancelled"] * 3
    assert not ProcessedFace.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_entry_deleted_before_its_matches_are_stored_costs_them_alone(
    job: Job, client_a: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    blue = create_entry(client=client_a, name="Blue", uploads=[Upload(picture(BLUE))]).entry
    green = create_entry(client=client_a, name="Green", uploads=[Upload(picture(GREEN))]).entry
    ids = add(job, *GOOD)
    real, calls = services.search_blacklist, list[int]()

    def search(**options: Any) -> Any:
        hits = real(**options)
        if not calls:
            delete_entry(entry=blue)
        calls.append(sum(map(len, hits)))
        return hits

    monkeypatch.setattr(services, "search_blacklist", search)
    services.process(image_ids=ids, task_id="a")
    assert calls == [3, 1]
    assert states(job) == [("done", "", 1)] * 3
    assert [match.entry for match in Match.objects.all()] == [green]


def test_what_breaks_the_batch_breaks_only_the_image_it_is_about(
    job: Job, batches: list[int], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ids = add(job, *GOOD)
    real: Run = services._store

    def store(job: Job, found: Any, *args: Any, **options: Any) -> None:
        if any(image.position == 1 for image in found):
            raise ZeroDivisionError("a bug of ours")
        real(job, found, *args, **options)

    monkeypatch.setattr(services, "_store", store)
    services.process(image_ids=ids, task_id="a")
    assert states(job) == [("done", "", 1), ("failed", "internal", 1), ("done", "", 1)]
    assert batches == [3, 1, 1, 1]
    assert "a bug of ours" in caplog.text


# ---- workers that die, and parts of the service that are away ---------------------------------------------------
def test_an_image_that_kills_its_worker_takes_no_other_with_it(job: Job, batches: list[int]) -> None:
    """The message is delivered again with the same id after each crash."""

    class Crash(BaseException):
        """Ends the task as a crash does: nothing catches it."""

    ids, poison = add(job, *GOOD, GOOD[0]), b"poison"
    row = ProcessedImage.objects.get(pk=ids[1])
    row.image.save("a.png", ContentFile(poison), save=True)
    real: Run = inference.run_engines_on

    def crash(encoded: Iterable[bytes], *options: Any) -> Any:
        contents = list(encoded)
        if poison in contents:
            raise Crash
        return real(contents, *options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inference, "run_engines_on", crash)
        for _ in range(settings.MAX_ATTEMPTS):
            with pytest.raises(Crash):
                services.process(image_ids=ids, task_id="a")
        services.process(image_ids=ids, task_id="a")
    assert states(job) == [
        ("done", "", 2),
        ("failed", "processing.given_up", settings.MAX_ATTEMPTS + 1),
        ("done", "", 2),
        ("done", "", 2),
    ]
    assert batches == [1, 1, 1]


def test_a_store_that_stops_answering_costs_no_attempts(
    job: Job, sent: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = add(job, *GOOD)
    real, reads = work_images.read_file, list[int]()

    def read(**options: Any) -> bytes:
        reads.append(1)
        if len(reads) > 1:
            raise Unavailable("store", code="storage.unavailable")
        return real(**options)

    monkeypatch.setattr(work_images, "read_file", read)
    services.process(image_ids=ids, task_id="a")
    assert states(job) == [("done", "", 1), ("pending", "", 0), ("pending", "", 0)]
    assert sent == [[ids[1]], [ids[2]]]
    with pytest.raises(Unavailable):
        services.process(image_ids=ids[1:], task_id="b")
    assert states(job)[1:] == [("processing", "", 0)] * 2
    monkeypatch.undo()
    services.process(image_ids=ids[1:], task_id="b")
    assert states(job) == [("done", "", 1)] * 3


# ---- making way -------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("waiting_caller")
def test_a_batch_makes_way_for_a_caller_who_waits(job: Job, sent: list[list[int]], batches: list[int]) -> None:
    ids = add(job, *GOOD)
    services.process(image_ids=ids, task_id="a")
    assert states(job) == [("done", "", 1), ("pending", "", 0), ("pending", "", 0)]
    assert [*chain(*sent)] == ids[1:]
    for message in list(sent):
        services.process(image_ids=message, task_id=f"task {message}")
    assert states(job) == [("done", "", 1)] * 3


@pytest.mark.usefixtures("waiting_caller")
def test_images_that_are_tried_alone_make_way_too(job: Job, sent: list[list[int]]) -> None:
    ids = add(job, *GOOD)
    assert len(ProcessedImage.objects.claim(ids, task_id="a")) == 3  # and the worker dies
    services.process(image_ids=ids, task_id="a")
    assert states(job) == [("done", "", 2), ("pending", "", 1), ("pending", "", 1)]
    assert [*chain(*sent)] == ids[1:]


def test_a_batch_ends_well_before_its_time_limit(job: Job, sent: list[list[int]], settings: Settings) -> None:
    settings.CELERY_TASK_TIME_LIMIT = 0
    ids = add(job, *GOOD)
    services.process(image_ids=ids, task_id="a")
    assert [status for status, *_ in states(job)] == ["done", "pending", "pending"]
    assert [*chain(*sent)] == ids[1:]


def test_a_queue_that_is_away_leaves_the_rest_to_the_sweep(
    job: Job, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise Unavailable("queue", code="queue.unavailable")

    settings.CELERY_TASK_TIME_LIMIT = 0
    monkeypatch.setattr(work_services, "enqueue", away)
    services.process(image_ids=add(job, *GOOD), task_id="a")
    assert [status for status, *_ in states(job)] == ["done", "pending", "pending"]


@pytest.mark.parametrize(("count", "sizes"), [(1, [1]), (3, [1, 1, 1]), (9, [2, 2, 2, 2, 1]), (40, [8] * 5)])
def test_bulk_images_share_messages_and_a_small_job_is_spread(
    count: int, sizes: list[int], sent: list[list[int]]
) -> None:
    enqueue(ProcessedImage, ids=range(count), queue="bulk", client=1)
    assert list(map(len, sent)) == sizes
    assert [*chain(*sent)] == list(range(count))


def test_interactive_images_have_a_message_each(sent: list[list[int]]) -> None:
    enqueue(ProcessedImage, ids=range(20), queue="interactive", client=1)
    assert sent == [[number] for number in range(20)]
