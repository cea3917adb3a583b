"""Classifiers trained on a gallery, version by version, and how a client wants them trained."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from clients.models import Client
from clients.numbering import Numbered
from people.models import Gallery, Person
from training.querysets import RecogniserQuerySet
from work.models import ClaimedWork, Status

STATES = {  # what callers call the life of a version; `rejected`: trained, but the nearest template is better
    Status.PENDING: "queued",
    Status.PROCESSING: "training",
    Status.DONE: "ready",
    Status.REJECTED: "rejected",
    Status.FAILED: "failed",
}
STATE_CHOICES = [(state, state.capitalize()) for state in STATES.values()]


def _between(low: float, high: float) -> list[Any]:
    return [MinValueValidator(low), MaxValueValidator(high)]


class TrainingOptions(models.Model):
    """A client's own hyper-parameters; those of the deployment (FACEAPP_TRAINING_*) replace what is empty."""

    client = models.OneToOneField(Client, models.CASCADE, related_name="training_options")
    enabled = models.BooleanField(
        null=True, blank=True, help_text="Train automatically after enrolments. Training on request is always possible."
    )
    epochs = models.PositiveIntegerField(null=True, blank=True, validators=_between(1, 2000))
    hidden_units = models.PositiveIntegerField(null=True, blank=True, validators=_between(2, 2048))
    dropout = models.FloatField(null=True, blank=True, validators=_between(0, 0.9))
    learning_rate = models.FloatField(null=True, blank=True, validators=_between(1e-6, 1))
    min_people = models.PositiveIntegerField(null=True, blank=True, validators=_between(2, 100_000))
    min_images = models.PositiveIntegerField(
        null=True, blank=True, validators=_between(2, 1000), help_text="Per person; people with fewer are not trained."
    )

    class Meta:
        verbose_name = "training options"
        verbose_name_plural = "training options"

    def __str__(self) -> str:
        return f"training options of {self.client}"


class Recogniser(ClaimedWork, Numbered):
    """One version of the classifier of a gallery in one space."""

    task = "training.tasks.train_recogniser"
    queues = ("training",)
    owner = "client_id"
    searches = True
    given_up_code = "training.given_up"
    counted_as: ClassVar[str] = "recogniser"

    client = models.ForeignKey(Client, models.CASCADE, related_name="recognisers")
    gallery = models.ForeignKey(Gallery, models.CASCADE, related_name="recognisers")
    space = models.CharField(max_length=100)
    version = models.PositiveIntegerField()
    is_active = models.BooleanField(default=False, help_text="Asked when faces of this gallery are recognised.")
    options = models.JSONField(default=dict, help_text="Hyper-parameters.")
    images = models.PositiveIntegerField(default=0)
    weights = models.BinaryField(blank=True, default=b"")
    min_probability = models.FloatField(null=True, blank=True, help_text="Calibrated: less is a stranger.")
    metrics = models.JSONField(default=dict)
    curves = models.JSONField(default=list, help_text="Loss and accuracy of each epoch.")

    objects: ClassVar[RecogniserQuerySet] = RecogniserQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["client", "number"], name="recogniser_number_unique"),
            models.UniqueConstraint(fields=["gallery", "space", "version"], name="recogniser_version_unique"),
            models.UniqueConstraint(
                fields=["gallery", "space"], condition=Q(is_active=True), name="one_active_recogniser"
            ),
            models.UniqueConstraint(
                fields=["gallery", "space"], condition=Q(status="pending"), name="one_queued_recogniser"
            ),
        ]
        indexes = [
            models.Index(
                fields=["status"], condition=Q(status__in=["pending", "processing"]), name="recogniser_unfinished"
            )
        ]

    def __str__(self) -> str:
        return f"recogniser {self.pk}, version {self.version}"

    @classmethod
    def lease(cls) -> timedelta:
        return timedelta(seconds=settings.TRAINING_TIME_LIMIT + 30)

    @property
    def source(self) -> str:
        """The name of the gallery."""
        return self.gallery.name

    @property
    def state(self) -> str:
        """The status in the words of callers."""
        return STATES[Status(self.status)]

    @property
    def seconds(self) -> float | None:
        """How long its training took."""
        if self.started_at is None or self.finished_at is None:
            return None
        return round((self.finished_at - self.started_at).total_seconds(), 2)

    @property
    def progress(self) -> float:
        """Share of its epochs that are done, 0 to 1."""
        epochs = self.options.get("epochs") or 0
        return min(len(self.curves) / epochs, 1.0) if epochs else 0.0


class KnownPerson(models.Model):
    """A person whom a version was trained with. Erasing the person empties the row, and the version goes then too."""

    recogniser = models.ForeignKey(Recogniser, models.CASCADE, related_name="known")
    person = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="+")
    position = models.PositiveIntegerField(help_text="Class of the network, from 0.")
    mark = models.CharField(max_length=50, help_text="State of the person's templates at the training.")

    class Meta:
        ordering = ["recogniser", "position"]
        constraints = [models.UniqueConstraint(fields=["recogniser", "position"], name="one_person_per_class")]
        indexes = [models.Index(fields=["recogniser"], condition=Q(person=None), name="known_person_erased")]

    def __str__(self) -> str:
        return f"class {self.position} of recogniser {self.recogniser_id}"
