"""Training recognisers: ask for a version, train it beside all other work, put it into use, go back to another."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import asdict, fields
from datetime import timedelta
from time import monotonic
from typing import Any

import numpy as np
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.utils import timezone

from calibration.services import threshold_of
from clients.models import Client
from errors import FaceAppError, Unavailable
from people.models import Gallery as People
from training.evaluation import calibrate, evaluate, is_as_good, split
from training.exceptions import GalleryTooSmall, NotReady, TrainingFailed
from training.models import Recogniser, Status, TrainingOptions
from training.program import fit
from training.querysets import marks_of, templates_of
from training.recognition import recognise
from training.types import Gallery, Options
from vision import inference
from vision.engines import DEFAULT, engines
from vision.types import Space

__all__ = ["activate", "deactivate", "options_of", "recognise", "request_training", "sweep", "train"]

log = logging.getLogger(__name__)

QUEUE = "training"
TRANSIENT = (OperationalError, InterfaceError, Unavailable)  # worth another try by the same task
KEPT_VERSIONS = 10  # of a gallery, beside the active one
TELL_SECONDS = 0.5  # between two looks of others at the progress


def options_of(*, client: Client) -> Options:
    """The client's hyper-parameters: its own, and the deployment's where it has none."""
    own = TrainingOptions.objects.filter(client=client).first()
    chosen = {f.name: getattr(own, f.name) for f in fields(Options) if getattr(own, f.name, None) is not None}
    return Options(**settings.TRAINING | chosen)


def request_training(*, client: Client, source: str, by_itself: bool = False) -> Recogniser | None:
    """Queue the training of a gallery's next version; one that waits already will see the gallery as it is then.

    Raises `GalleryTooSmall`. `by_itself` is for calls after an enrolment: they get None where training is switched off
    or the gallery too small. A queue that is away delays the training (`sweep`), and fails nothing.
    """
    options = options_of(client=client)
    if by_itself and not options.enabled:
        return None
    space = engines[DEFAULT].space
    people = len(_trainable(client, source, space, options))
    if people < max(options.min_people, 2):
        if by_itself:
            return None
        raise GalleryTooSmall(_too_small(people, options))
    return _queue(client, source, space, options)


def _too_small(people: int, options: Options) -> str:
    return (
        f"{people} people have {options.min_images} images or more; training needs {options.min_people} of them. "
        "The nearest template recognises everybody meanwhile."
    )


@transaction.atomic
def _queue(client: Client, source: str, space: Space, options: Options) -> Recogniser:
    """One waits at most: the client's row is held, so that two requests make one version."""
    Client.objects.select_for_update(no_key=True).get(pk=client.pk)
    versions = Recogniser.objects.of_gallery(client=client, source=source, space=space.name)
    waiting: Recogniser | None = versions.filter(status=Status.QUEUED).first()
    if waiting:
        return waiting
    newest = versions.order_by("-version").values_list("version", flat=True).first() or 0
    gallery = People.objects.named(client, source)
    made = Recogniser.objects.create(
        client=client, gallery=gallery, space=space.name, version=newest + 1, options=asdict(options)
    )
    transaction.on_commit(lambda: _enqueue_or_leave(made.pk))
    return made


def _enqueue_or_leave(recogniser_id: int) -> None:
    with suppress(Unavailable):  # the sweep comes
        enqueue(recogniser_id=recogniser_id)


def enqueue(*, recogniser_id: int) -> None:
    """Raises `Unavailable` (`queue.unavailable`)."""
    from training.tasks import train_recogniser  # a task module imports this one

    with inference.queue_errors():
        train_recogniser.apply_async((recogniser_id,))


def train(*, recogniser_id: int, task_id: str) -> None:
    """Train a version and put it into use if it is good enough. Safe to run twice: the claim decides.

    Raises one of `TRANSIENT` when a part of the service does not answer.
    """
    if not Recogniser.objects.claim(recogniser_id, task_id=task_id):
        return
    version = Recogniser.objects.select_related("client", "gallery").get(pk=recogniser_id)
    try:
        _train(version)
    except TRANSIENT:
        with suppress(DatabaseError, InterfaceError):  # it may be the database that is away
            _give_back(version)
        raise
    except FaceAppError as error:
        _fail(version, error)
    except Exception:
        log.exception("training of recogniser %s failed", version.pk)
        message = "An internal error; the administrator finds it in the worker's log."
        _fail(version, TrainingFailed(message, code="internal"))


def _train(version: Recogniser) -> None:
    options = Options(**version.options)
    space = next((s for s in engines.spaces().values() if s.name == version.space), None)
    if space is None:
        raise TrainingFailed("The model of this gallery is no longer enabled.", code="training.space_gone")
    gallery = read_gallery(client=version.client, source=version.source, space=space, options=options)
    Recogniser.objects.held_by(version).update(
        people=gallery.people, marks=gallery.marks, images=len(gallery.labels), curves=[]
    )
    parts = split(gallery)
    curves = _Curves(version)
    network = fit(parts=parts, options=options, tell=curves.add)
    threshold = threshold_of(client=version.client)
    minimum = calibrate(network, parts.vectors, parts.labels)
    metrics = evaluate(network, minimum, parts, metric=space.metric, threshold=threshold)
    good = is_as_good(metrics)
    outcome = {"weights": network.to_bytes(), "min_probability": minimum, "metrics": metrics, "curves": curves.rows}
    _finish(version, good=good, outcome=outcome)


def read_gallery(*, client: Client, source: str, space: Space, options: Options) -> Gallery:
    """The embeddings of everybody who has enough images. Raises `GalleryTooSmall`."""
    marks = _trainable(client, source, space, options)
    if len(marks) < max(options.min_people, 2):
        raise GalleryTooSmall(_too_small(len(marks), options))
    people = sorted(marks)
    place = {person: label for label, person in enumerate(people)}
    rows = list(
        templates_of(client=client, source=source, space=space.name)
        .filter(person__in=people)
        .order_by("pk")
        .values_list("person_id", "embedding")
    )
    vectors = np.asarray([embedding for _, embedding in rows], np.float32)
    labels = np.asarray([place[person] for person, _ in rows], np.int64)
    return Gallery(people, [marks[person] for person in people], vectors, labels)


def _trainable(client: Client, source: str, space: Space, options: Options) -> dict[int, str]:
    """Mark by person, of those with enough images: one at least is held out, so that it takes two."""
    marks = marks_of(templates_of(client=client, source=source, space=space.name))
    enough = max(options.min_images, 2)
    return {person: mark for person, mark in marks.items() if int(mark.partition(":")[0]) >= enough}


class _Curves:
    """What the epochs said, written to the row now and then, for those who watch."""

    def __init__(self, version: Recogniser) -> None:
        self.version, self.told = version, monotonic()
        self.rows: list[dict[str, Any]] = []

    def add(self, epoch: dict[str, Any]) -> None:
        self.rows.append(epoch)
        if monotonic() - self.told > TELL_SECONDS:
            self.told = monotonic()
            Recogniser.objects.held_by(self.version).update(curves=self.rows)


@transaction.atomic
def _finish(version: Recogniser, *, good: bool, outcome: dict[str, Any]) -> None:
    """Store the version and, where it is good, swap it in: who asks sees the old one or this one."""
    Client.objects.select_for_update(no_key=True).get(pk=version.client_id)
    status = Status.READY if good else Status.REJECTED
    if not Recogniser.objects.held_by(version).update(status=status, finished_at=timezone.now(), **outcome):
        return
    versions = _versions_of(version)
    if good and not versions.active().filter(version__gt=version.version).exists():
        _swap(version)
    versions.outdated(keep=KEPT_VERSIONS).delete()


def _fail(version: Recogniser, error: FaceAppError) -> None:
    Recogniser.objects.held_by(version).update(
        status=Status.FAILED, finished_at=timezone.now(), error_code=error.code, error=error.message[:500]
    )


def activate(*, recogniser: Recogniser) -> None:
    """Use this version from now on: also the way back to an older one. Raises `NotReady`."""
    with transaction.atomic():
        Client.objects.select_for_update(no_key=True).get(pk=recogniser.client_id)
        if not Recogniser.objects.filter(pk=recogniser.pk, status=Status.READY).exists():
            raise NotReady("Only a version that is ready can be used: its training has to end well first.")
        _swap(recogniser)


def deactivate(*, recogniser: Recogniser) -> None:
    """Let the nearest template decide alone again, if this version is the one in use."""
    Recogniser.objects.filter(pk=recogniser.pk).update(is_active=False)
    recogniser.is_active = False


def _swap(recogniser: Recogniser) -> None:
    _versions_of(recogniser).active().exclude(pk=recogniser.pk).update(is_active=False)
    Recogniser.objects.filter(pk=recogniser.pk).update(is_active=True)
    recogniser.is_active = True


def _versions_of(version: Recogniser) -> Any:
    return Recogniser.objects.of_gallery(client=version.client, source=version.source, space=version.space)


def sweep() -> None:
    """Give trainings back whose worker died, a few times at most, queue again what the queue lost, and forget whom
    somebody erased.
    """
    _forget_the_erased()
    abandoned = Recogniser.objects.abandoned()
    message = f"Given up after {settings.MAX_ATTEMPTS} attempts: the worker stopped each time."
    abandoned.filter(attempts__gte=settings.MAX_ATTEMPTS).update(
        status=Status.FAILED, finished_at=timezone.now(), error_code="training.given_up", error=message
    )
    for version in abandoned.without_weights():
        _give_back(version)
    if inference.queue_length(QUEUE) == 0:
        moment = timezone.now() - timedelta(seconds=settings.CELERY_BEAT_SCHEDULE["sweep"]["schedule"])
        for pk in Recogniser.objects.queued_before(moment).values_list("pk", flat=True):
            enqueue(recogniser_id=pk)


def _forget_the_erased() -> None:
    """Weights hold something of everybody they were trained with: they go too, and the rest is trained anew."""
    versions = list(Recogniser.objects.knowing_the_erased().without_weights().select_related("client", "gallery"))
    Recogniser.objects.filter(pk__in=[version.pk for version in versions]).delete()
    for client, source in {(version.client, version.source) for version in versions}:
        request_training(client=client, source=source, by_itself=True)


@transaction.atomic
def _give_back(version: Recogniser) -> None:
    """To the queue, or away where a newer version waits there already: it sees the same gallery."""
    Client.objects.select_for_update(no_key=True).get(pk=version.client_id)
    held = Recogniser.objects.held_by(version)
    if _versions_of(version).filter(status=Status.QUEUED).exists():
        held.delete()
    else:
        held.update(status=Status.QUEUED, claim="", created_at=timezone.now())
