"""Training recognisers: request a version, train it in the background, put it into use, go back to another."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, fields
from time import monotonic
from typing import Any

import numpy as np
from django.conf import settings
from django.db import IntegrityError, transaction

from audit.services import require_searching
from audit.types import Action
from clients.idempotency import note_stored
from clients.models import Client
from clients.numbering import record_rows
from errors import Unavailable
from people.models import Gallery as People
from people.services import galleries_called, ours_of, search_in
from training.evaluation import calibrate, evaluate, is_as_good, split
from training.exceptions import GalleryTooSmall, NotReady, TrainingFailed
from training.models import KnownPerson, Recogniser, TrainingOptions
from training.program import fit
from training.querysets import are_still_there, marks_of, templates_of
from training.recognition import recognise
from training.types import Gallery, Options
from vision.engines import engines
from vision.types import Space
from work.models import Status
from work.services import enqueue, run

__all__ = ["activate", "deactivate", "options_of", "recognise", "request_training", "train"]

KEPT_VERSIONS = 10  # of a gallery, besides the active one
REPORT_SECONDS = 0.5  # between two updates of the progress that others see
READS = 3  # attempts to read a gallery while people are being erased


def options_of(*, client: Client) -> Options:
    """The client's own hyper-parameters, completed by those of the deployment."""
    own = TrainingOptions.objects.filter(client=client).first()
    chosen = {f.name: getattr(own, f.name) for f in fields(Options) if getattr(own, f.name, None) is not None}
    return Options(**settings.TRAINING | chosen)


def request_training(*, client: Client, source: str, by_itself: bool = False) -> Recogniser | None:
    """Queue the training of a gallery's next version. One that is waiting already will see the gallery as it is then.

    Raises `GalleryTooSmall`, `NoEmbeddingsThere` or `SearchingStopped`. `by_itself` is for calls after an enrolment:
    they get None if training is switched off, or the gallery is too small or kept by a remote service, and are queued
    while searching is stopped, until it goes on.
    If the queue is unavailable, training is delayed until the next sweep, and nothing fails.
    """
    if not by_itself:
        require_searching(client.pk)
    options = options_of(client=client)
    if by_itself and not options.enabled:
        return None
    galleries = galleries_called(client=client, sources=[source])
    if by_itself and galleries != ours_of(galleries):
        return None
    space = search_in(client=client, galleries=galleries).space
    try:
        _trainable(client, source, space, options)
    except GalleryTooSmall:
        if by_itself:
            return None
        raise
    return _queue(client, source, space, options)


def _trainable(client: Client, source: str, space: Space, options: Options) -> dict[int, str]:
    """Mark by person, of those with enough images: two at least, one to be held out. Raises `GalleryTooSmall`."""
    marks = marks_of(templates_of(client=client, source=source, space=space.name))
    enough = max(options.min_images, 2)
    marks = {person: mark for person, mark in marks.items() if int(mark.partition(":")[0]) >= enough}
    if len(marks) < max(options.min_people, 2):
        raise GalleryTooSmall(
            f"{len(marks)} people have {options.min_images} images or more; training needs {options.min_people} of"
            " them. Until then the nearest template recognises everyone."
        )
    return marks


@transaction.atomic
def _queue(client: Client, source: str, space: Space, options: Options) -> Recogniser:
    """At most one waits: the client's row is held, so that two requests make one version."""
    Client.objects.select_for_update(no_key=True).get(pk=client.pk)
    versions = Recogniser.objects.of_gallery(client=client, source=source, space=space.name)
    waiting: Recogniser | None = versions.filter(status=Status.PENDING).first()
    if waiting:
        return waiting
    newest = versions.order_by("-version").values_list("version", flat=True).first() or 0
    gallery = People.objects.named(client, source)
    made = Recogniser.objects.create(
        client=client, gallery=gallery, space=space.name, version=newest + 1, options=asdict(options)
    )

    record_rows(Action.TRAIN, [made])

    def send() -> None:
        with suppress(Unavailable):  # the sweep does it later
            enqueue(Recogniser, ids=[made.pk], queue=Recogniser.queues[0], client=client.pk)

    transaction.on_commit(send)
    return made


# ---- in the worker ----------------------------------------------------------------------------------------------
def train(*, recogniser_ids: Sequence[int], task_id: str) -> None:
    """Train a version and put it into use if it is good enough: `run` claims it and stores an error as its own."""
    run(Recogniser.objects.select_related("client", "gallery"), _train, ids=recogniser_ids, task_id=task_id)


def _train(versions: Sequence[Recogniser]) -> list[Recogniser]:
    [version] = versions
    options = Options(**version.options)
    space = next((s for s in engines.spaces().values() if s.name == version.space), None)
    if space is None:
        raise TrainingFailed("The model of this gallery is no longer enabled.", code="training.space_gone")
    gallery = _learn(version, space, options)
    parts = split(gallery)
    curves = _Curves(version)
    network = fit(parts=parts, options=options, tell=curves.add)
    minimum = calibrate(network, parts.vectors, parts.labels)
    point = search_in(client=version.client, galleries=[version.gallery]).point
    metrics = evaluate(network, minimum, parts, metric=point.metric, threshold=point.threshold)
    outcome = {"weights": network.to_bytes(), "min_probability": minimum, "metrics": metrics, "curves": curves.rows}
    with transaction.atomic():  # a caller sees the old version in use or this one
        Client.objects.select_for_update(no_key=True).get(pk=version.client_id)
        if not are_still_there(gallery):  # what it has learned from somebody who was erased meanwhile is not stored
            return [version]
        good = is_as_good(metrics)
        if version.finish(Status.DONE if good else Status.REJECTED, **outcome):
            rivals = Recogniser.objects.rivals_of(version)
            if good and not rivals.active().filter(version__gt=version.version).exists():
                _swap(version)
            rivals.outdated(keep=KEPT_VERSIONS).delete()
    return []


def _learn(version: Recogniser, space: Space, options: Options) -> Gallery:
    """The gallery as it is now; the version remembers whom it knows. Raises `GalleryTooSmall`.

    A person who is erased between the two breaks the second: read again.
    """
    for left in reversed(range(READS)):
        gallery = read_gallery(client=version.client, source=version.source, space=space, options=options)
        people = zip(gallery.people, gallery.marks, strict=True)
        try:
            with transaction.atomic():
                Recogniser.objects.held_as(version).update(images=len(gallery.labels), curves=[])
                version.known.all().delete()
                KnownPerson.objects.bulk_create(
                    KnownPerson(recogniser=version, person_id=person, position=position, mark=mark)
                    for position, (person, mark) in enumerate(people)
                )
        except IntegrityError:
            if not left:
                raise
        else:
            break
    return gallery


def read_gallery(*, client: Client, source: str, space: Space, options: Options) -> Gallery:
    """The embeddings of everyone who has enough images. Raises `GalleryTooSmall`."""
    marks = _trainable(client, source, space, options)
    people = sorted(marks)
    place = {person: label for label, person in enumerate(people)}
    templates = templates_of(client=client, source=source, space=space.name).filter(person__in=people)
    rows = list(templates.order_by("pk").values_list("person_id", "embedding", "pk"))
    vectors = np.asarray([embedding.numbers for _, embedding, _ in rows], np.float32)
    labels = np.asarray([place[person] for person, *_ in rows], np.int64)
    return Gallery(people, [marks[person] for person in people], vectors, labels, [pk for *_, pk in rows])


class _Curves:
    """What the epochs reported, written to the row now and then to show the progress."""

    def __init__(self, version: Recogniser) -> None:
        self.version, self.reported = version, monotonic()
        self.rows: list[dict[str, Any]] = []

    def add(self, epoch: dict[str, Any]) -> None:
        self.rows.append(epoch)
        if monotonic() - self.reported > REPORT_SECONDS:
            self.reported = monotonic()
            Recogniser.objects.held_as(self.version).update(curves=self.rows)


# ---- versions in use --------------------------------------------------------------------------------------------
def activate(*, recogniser: Recogniser) -> None:
    """Use this version from now on, for example to return to an older one. Raises `NotReady`."""
    with transaction.atomic():
        note_stored()
        Client.objects.select_for_update(no_key=True).get(pk=recogniser.client_id)
        if not Recogniser.objects.filter(pk=recogniser.pk, status=Status.DONE).exists():
            raise NotReady("Only a version that is ready can be used: its training has to end well first.")
        _swap(recogniser)
        record_rows(Action.CHANGE, [recogniser])


def deactivate(*, recogniser: Recogniser) -> None:
    """Let the nearest template decide alone again, if this version is the one in use."""
    with transaction.atomic():
        note_stored()
        record_rows(Action.CHANGE, [recogniser])
        Recogniser.objects.filter(pk=recogniser.pk).update(is_active=False)
    recogniser.is_active = False


def _swap(recogniser: Recogniser) -> None:
    Recogniser.objects.rivals_of(recogniser).active().exclude(pk=recogniser.pk).update(is_active=False)
    Recogniser.objects.filter(pk=recogniser.pk).update(is_active=True)
    recogniser.is_active = True
