"""What of ours is at a remote service, and the outbox of calls to it.

A trigger writes the call that removes a face, or drops a collection, whenever a row of these tables is deleted: no way
of erasing can forget it, and both happen in one transaction.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from clients.models import Client
from errors import FaceAppError
from work.models import ClaimedWork, Status
from work.querysets import ClaimedWorkQuerySet

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LONGEST_WAIT = 600.0  # seconds between two attempts
PREFIX = "faceapp-"  # of the names of our collections, which an account may have beside others


class RemoteCollectionQuerySet(models.QuerySet["RemoteCollection"]):
    def of_client(self, client: Client) -> Self:
        return self.filter(client=client)

    def in_use(self) -> Self:
        """Those that decide in their gallery."""
        return self.filter(backend=models.F("gallery__backend"))


class RemoteCollection(models.Model):
    """The faces of a gallery at one service. `is_made`: whether we have seen it there."""

    client = models.ForeignKey(Client, models.CASCADE, related_name="remote_collections")
    gallery = models.ForeignKey("people.Gallery", models.CASCADE, related_name="remote_collections")
    backend = models.CharField(max_length=30)
    name = models.CharField(max_length=100, unique=True)
    is_made = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = RemoteCollectionQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["gallery", "backend"], name="one_collection_of_a_back_end")]

    def __str__(self) -> str:
        return f"collection {self.pk}"


class EnrolledFace(models.Model):
    """A photograph that is in a collection, by the id that the service gave its face."""

    collection = models.ForeignKey(RemoteCollection, models.CASCADE, related_name="faces")
    reference_image = models.ForeignKey("people.ReferenceImage", models.CASCADE, related_name="enrolled_faces")
    face_id = models.CharField(max_length=100)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collection", "reference_image"], name="one_face_per_image_and_collection")
        ]

    def __str__(self) -> str:
        return f"face {self.pk}"


class Operation(models.TextChoices):
    """What a call does."""

    ADD = "add"
    REMOVE = "remove"
    DROP = "drop"


class RemoteCallQuerySet(ClaimedWorkQuerySet["RemoteCall"]):
    def of_client(self, client: Client) -> Self:
        return self.filter(client_id=client.pk)

    def due(self) -> Self:
        """Not put off to later."""
        return self.filter(next_try_at__lte=timezone.now())

    def unsent(self, since: datetime) -> Self:
        """Due, and given to no worker after this moment."""
        return self.due().filter(Q(queued_at=None) | Q(queued_at__lt=since), status=Status.PENDING)

    def waiting_since(self, moment: datetime) -> Self:
        return super().waiting_since(moment).due()

    def claim(self, ids: Sequence[int], *, task_id: str, untried: bool = False) -> list[RemoteCall]:
        return super(RemoteCallQuerySet, self.due()).claim(ids, task_id=task_id, untried=untried)

    def put_off(self, row: RemoteCall, *, seconds: float, code: str, message: str) -> None:
        """Let a worker try again later. The run does not count as one that its worker did not survive."""
        self.held_as(row).move_to(
            Status.PENDING,
            claim="",
            attempts=0,
            tries=row.tries + 1,
            next_try_at=timezone.now() + timedelta(seconds=seconds),
            error_code=code,
            error=message[:500],
        )

    def retry_now(self) -> int:
        """Not to wait any longer, where something has been mended."""
        waiting = self.filter(status=Status.PENDING, next_try_at__gt=timezone.now())
        return waiting.update(next_try_at=timezone.now(), queued_at=None)

    def awaiting(self, images: Iterable[object]) -> Self:
        """Photographs, by their UUIDs, that are still to be added."""
        return self.unfinished().filter(operation=Operation.ADD, own_id__in=list(images))


class RemoteCall(ClaimedWork):
    """A call to a remote service, written in the transaction of what it is for. It holds ids alone, and names no row
    that may go before it. A call that has been carried out leaves no row.
    """

    task = "people.tasks.carry_out"
    owner = "client_id"
    batch = 4

    client_id = models.BigIntegerField()
    backend = models.CharField(max_length=30)
    collection = models.CharField(max_length=100)  # its name
    operation = models.CharField(max_length=10, choices=Operation)
    own_id = models.UUIDField(null=True)  # of the photograph that is added
    face_ids = ArrayField(models.CharField(max_length=100), default=list)  # that are removed
    tries = models.PositiveIntegerField(default=0)  # that were begun, or that the service has not answered as it should
    next_try_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[RemoteCallQuerySet] = RemoteCallQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["next_try_at"], condition=Q(status="pending"), name="remote_call_due"),
            models.Index(fields=["collection", "operation"], name="remote_call_collection"),
            models.Index(fields=["own_id"], condition=Q(own_id__isnull=False), name="remote_call_own_id"),
        ]

    def __str__(self) -> str:
        return f"call {self.pk} ({self.operation})"

    def fail(self, error: FaceAppError) -> bool:
        """A photograph may be refused for good; what erases is repeated, whatever happens, until it is carried out."""
        if self.operation == Operation.ADD:
            return super().fail(error)
        RemoteCall.objects.put_off(self, seconds=LONGEST_WAIT, code=error.code, message=error.message)
        return False

    @property
    def is_first(self) -> bool:
        """Whether no earlier attempt can have reached the service."""
        return self.attempts == 1 and not self.tries


def lacking_in(backend: str) -> Exists:
    """Whether a photograph is in no collection of this back end that is its gallery's."""
    own = EnrolledFace.objects.filter(
        reference_image=OuterRef("pk"),
        collection__backend=backend,
        collection__gallery=OuterRef("person__gallery"),
    )
    return ~Exists(own)  # type: ignore[return-value]
