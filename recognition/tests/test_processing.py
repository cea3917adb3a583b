"""What happens to an image when workers die, tasks are delivered twice, or parts of the service are away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.db import OperationalError
from django.utils import timezone

from calibration.services import set_calibration
from calls.tests.leaving import leaving_after
from clients.models import Client
from errors import Unavailable
from people.models import Gallery, GalleryKind
from recognition import services
from recognition.models import Job, ProcessedFace, ProcessedImage, Status
from vision import dispatch, inference
from vision.engines.fake import FakeEngine
from vision.exceptions import EmbedderUnavailable
from vision.tests.drawing import RED, picture
from work import images
from work.services import sweep

pytestmark = pytest.mark.django_db


@pytest.fixture
def image(client_a: Client) -> ProcessedImage:
    job = Job.objects.create(client=client_a, metric="euclidean", threshold=0.2)
    row = ProcessedImage(client=client_a, job=job, position=0, identifier="probe")
    row.image.save("a.png", ContentFile(picture(RED)), save=True)
    return row


def state(image: ProcessedImage) -> tuple[str, str]:
    image.refresh_from_db()
    return image.status, image.error_code


def test_screening_decides_by_the_clients_operating_point(client_a: Client, client_b: Client) -> None:
    set_calibration(client=client_a, space="default", threshold=0.05)
    assert services.screening_options(client=client_a).threshold == 0.05
    assert services.screening_options(client=client_a, threshold=0.1).threshold == 0.1
    assert services.screening_options(client=client_a, metric="cosine").threshold == 0.02  # calibrated in another
    assert services.screening_options(client=client_b).threshold == 0.2
    blacklist = Gallery.objects.default_of(client_a, GalleryKind.BLACKLIST)
    Gallery.objects.filter(pk=blacklist.pk).update(threshold=0.03)
    assert services.screening_options(client=client_a).threshold == 0.03


def test_delivered_twice_is_stored_once(image: ProcessedImage) -> None:
    services.process(image_ids=[image.pk], task_id="a")
    services.process(image_ids=[image.pk], task_id="b")
    services.process(image_ids=[image.pk], task_id="a")
    assert state(image) == ("done", "")
    assert image.attempts == 1
    assert ProcessedFace.objects.count() == 1


def test_a_task_delivered_again_takes_its_image_up_and_others_do_not(image: ProcessedImage) -> None:
    assert ProcessedImage.objects.claim([image.pk], task_id="a")
    assert not ProcessedImage.objects.claim([image.pk], task_id="b")
    assert ProcessedImage.objects.claim([image.pk], task_id="a")


def test_result_of_a_task_that_lost_its_claim_is_dropped(
    image: ProcessedImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = inference.run_engines_on

    def slow(*args: Any, **options: Any) -> Any:
        ProcessedImage.objects.filter(pk=image.pk).update(claim="somebody else")
        return real(*args, **options)

    monkeypatch.setattr(inference, "run_engines_on", slow)
    services.process(image_ids=[image.pk], task_id="a")
    assert state(image) == ("processing", "")
    assert not ProcessedFace.objects.exists()


def test_image_that_kills_its_worker_is_given_up_after_three_attempts(image: ProcessedImage) -> None:
    for _ in range(3):
        assert ProcessedImage.objects.claim([image.pk], task_id="a")  # and the worker dies
    services.process(image_ids=[image.pk], task_id="a")
    assert state(image) == ("failed", "processing.given_up")
    assert "3 attempts" in image.error


def test_store_that_is_away_for_long_costs_no_attempts(image: ProcessedImage, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a task has no retry left, the sweep makes a new one, which knows nothing of the old one's retries."""

    def away(*_: Any, **__: Any) -> None:
        raise Unavailable("store", code="storage.unavailable")

    monkeypatch.setattr(images, "read_file", away)
    for run in range(2 * settings.MAX_ATTEMPTS):
        with pytest.raises(Unavailable):
            services.process(image_ids=[image.pk], task_id=f"task {run}")
        ProcessedImage.objects.filter(pk=image.pk).update(status=Status.PENDING, claim="")
    monkeypatch.undo()
    services.process(image_ids=[image.pk], task_id="last")
    assert state(image) == ("done", "")
    assert image.attempts == 1


def test_sweep_gives_back_what_a_dead_worker_held(image: ProcessedImage) -> None:
    ProcessedImage.objects.claim([image.pk], task_id="dead")
    sweep()
    assert state(image) == ("processing", "")
    long_ago = timezone.now() - ProcessedImage.lease() - timedelta(seconds=1)
    ProcessedImage.objects.filter(pk=image.pk).update(started_at=long_ago, queued_at=long_ago)
    sweep()  # eager: the task runs at once
    assert state(image) == ("done", "")


def test_sweep_refills_a_queue_that_lost_its_messages(image: ProcessedImage) -> None:
    ProcessedImage.objects.filter(pk=image.pk).update(queued_at=timezone.now() - timedelta(minutes=1))
    sweep()
    assert state(image) == ("done", "")


def test_sweep_leaves_images_alone_while_their_queue_holds_messages(image: ProcessedImage) -> None:
    ProcessedImage.objects.filter(pk=image.pk).update(queued_at=timezone.now() - timedelta(minutes=1))
    dispatch.handoff().rpush("bulk", "a message")
    try:
        sweep()
        assert state(image) == ("pending", "")
    finally:
        dispatch.handoff().delete("bulk")


def test_unexpected_failure_ends_this_image_only(
    image: ProcessedImage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("engine bug")

    monkeypatch.setattr(inference, "run_engines_on", broken)
    services.process(image_ids=[image.pk], task_id="a")
    assert state(image) == ("failed", "internal")
    assert "ZeroDivisionError" not in image.error
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("error", [OperationalError("gone"), Unavailable("store", code="storage.unavailable")])
def test_part_that_is_away_leaves_the_image_claimed_for_a_retry(
    image: ProcessedImage, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(images, "read_file", away)
    with pytest.raises(type(error)):
        services.process(image_ids=[image.pk], task_id="a")
    assert state(image) == ("processing", "")
    monkeypatch.undo()
    services.process(image_ids=[image.pk], task_id="a")
    assert state(image) == ("done", "")


def test_servers_of_networks_that_are_away_cost_no_image(
    image: ProcessedImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise EmbedderUnavailable("away", code="engine.serving_timeout")

    monkeypatch.setattr(FakeEngine, "embed_chips", away)
    for _ in range(2 * settings.MAX_ATTEMPTS):
        with pytest.raises(EmbedderUnavailable):
            services.process(image_ids=[image.pk], task_id="a")
        assert state(image) == ("processing", "")
    monkeypatch.undo()
    services.process(image_ids=[image.pk], task_id="a")
    assert state(image) == ("done", "") and image.attempts <= 1


def test_file_that_disappeared_is_not_retried_for_ever(image: ProcessedImage) -> None:
    image.image.storage.delete(image.image.name)
    services.process(image_ids=[image.pk], task_id="a")
    assert state(image) == ("failed", "image.gone")


def test_cancelled_while_processing_stays_cancelled(image: ProcessedImage, monkeypatch: pytest.MonkeyPatch) -> None:
    real = inference.run_engines_on

    def cancel(*args: Any, **options: Any) -> Any:
        services.cancel_job(job=Job.objects.get())
        return real(*args, **options)

    monkeypatch.setattr(inference, "run_engines_on", cancel)
    services.process(image_ids=[image.pk], task_id="a")
    assert state(image) == ("cancelled", "")
    assert not ProcessedFace.objects.exists()


def test_waiting_ends_when_the_caller_leaves(image: ProcessedImage) -> None:
    with leaving_after(0.1):
        assert services.wait_for_job(job=image.job, seconds=60) is False
    assert state(image) == ("pending", "")


def test_waiting_ends_at_the_deadline_and_loses_nothing(image: ProcessedImage) -> None:
    assert services.wait_for_job(job=image.job, seconds=0.05) is False
    services.process(image_ids=[image.pk], task_id="a")
    assert services.wait_for_job(job=image.job, seconds=0.05) is True
