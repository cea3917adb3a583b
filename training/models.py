"""Classifiers trained on a gallery, version by version, and how a client wants them trained."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from clients.models import Client
from people.models import Gallery
from training.querysets import RecogniserQuerySet


class Status(models.TextChoices):
    """The life of a version. `rejected`: trained, but the nearest template is better."""

    QUEUED = "queued"
    TRAINING = "training"
    READY = "ready"
    REJECTED = "rejected"
    FAILED = "failed"


def _between(low: float, high: float) -> list[Any]:
    return [MinValueValidator(low), MaxValueValidator(high)]


class TrainingOptions(models.Model):
    """A client's own hyper-parameters; what is empty is the deployment's (FACEAPP_TRAINING_*)."""

    client = models.OneToOneField(Client, models.CASCADE, related_name="training_options")
    enabled = models.BooleanField(
        null=True, blank=True, help_text="Train by itself after enrolments. Training on request is always possible."
    )
    epochs = models.PositiveIntegerField(null=True, blank=True, validators=_between(1, 2000))
    hidden_units = models.PositiveIntegerField(null=True, blank=True, validators=_between(2, 2048))
    dropout = models.FloatField(null=True, blank=True, validators=_between(0, 0.9))
    learning_rate = models.FloatField(null=True, blank=True, validators=_between(1e-6, 1))
    min_people = models.PositiveIntegerField(null=True, blank=True, validators=_between(2, 100_000))
    min_images = models.PositiveIntegerField(
        null=True, blank=True, validators=_between(2, 1000), help_text="Of a person; who has fewer is not trained."
    )

    class Meta:
        verbose_name = "training options"
        verbose_name_plural = "training options"

    def __str__(self) -> str:
        return f"training options of {self.client}"


class Recogniser(models.Model):
    """One version of the classifier of a gallery in one space."""

    client = models.ForeignKey(Client, models.CASCADE, related_name="recognisers")
    gallery = models.ForeignKey(Gallery, models.CASCADE, related_name="recognisers")
    space = models.CharField(max_length=100)
    version = models.PositiveIntegerField()
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    is_active = models.BooleanField(default=False, help_text="Asked when faces of this gallery are recognised.")
    options = models.JSONField(default=dict, help_text="Hyper-parameters.")
    people = models.JSONField(default=list, help_text="Ids of the people it knows, in the order of its classes.")
    marks = models.JSONField(default=list, help_text="State of each one's templates when it was trained.")
    images = models.PositiveIntegerField(default=0)
    weights = models.BinaryField(blank=True, default=b"")
    min_probability = models.FloatField(null=True, blank=True, help_text="Calibrated: less is a stranger.")
    metrics = models.JSONField(default=dict)
    curves = models.JSONField(default=list, help_text="Loss and accuracy of each epoch.")
    claim = models.CharField(max_length=64, blank=True, default="", help_text="The task that works on it.")
    attempts = models.PositiveSmallIntegerField(default=0)
    error_code = models.CharField(max_length=50, blank=True, default="")
    error = models.CharField(max_length=500, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[RecogniserQuerySet] = RecogniserQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["gallery", "space", "version"], name="recogniser_version_unique"),
            models.UniqueConstraint(
                fields=["gallery", "space"], condition=Q(is_active=True), name="one_active_recogniser"
            ),
            models.UniqueConstraint(
                fields=["gallery", "space"], condition=Q(status="queued"), name="one_queued_recogniser"
            ),
        ]
        indexes = [
            models.Index(
                fields=["status"], condition=Q(status__in=["queued", "training"]), name="recogniser_unfinished"
            )
        ]

    def __str__(self) -> str:
        return f"recogniser {self.pk}, version {self.version}"

    @property
    def source(self) -> str:
        """The name of the gallery."""
        return self.gallery.name

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
