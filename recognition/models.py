"""What was processed: jobs, images, the faces in them and the blacklist entries they matched."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import connection, models, transaction
from django.utils import timezone

from audit import receipts
from audit.types import Erased
from blacklist.models import BlacklistEntry
from calibration.types import Decision, false_alarms
from clients.models import Client
from clients.numbering import Numbered
from clients.owned import ClientOfParent
from clients.quotas import WithFile
from people.models import ReferenceImage
from recognition import news
from recognition.querysets import (
    FaceSearchQuerySet,
    JobQuerySet,
    MatchQuerySet,
    ProcessedFaceQuerySet,
    ProcessedImageQuerySet,
)
from recognition.types import VERDICTS, ReviewState
from storage.fields import StoredImageField
from storage.models import StoredFace
from vectors.stored import RotatedField, to_store
from vision.types import Box, DetectedFace
from work.models import ClaimedImage, ClaimedWork, Status
from work.queues import BULK, INTERACTIVE, PATIENT

__all__ = ["FaceSearch", "Job", "Match", "ProcessedFace", "ProcessedImage", "Status", "Verdict"]

STATES = [
    (status.value, status.label)
    for status in (Status.PENDING, Status.PROCESSING, Status.DONE, Status.FAILED, Status.CANCELLED)
]

CHANNEL = "finished_images"  # of PostgreSQL: what workers announce there begins with the job's id, in hex


class Job(models.Model):
    """Images that were submitted together, and how they are to be screened."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    client = models.ForeignKey(Client, models.CASCADE, related_name="jobs")
    engine = models.CharField(max_length=50, default="default", help_text="Alias in FACE_ENGINES.")
    detector = models.CharField(max_length=50, blank=True, default="", help_text="Empty: the engine's own.")
    metric = models.CharField(max_length=20)
    threshold = models.FloatField(help_text="When the job was submitted.")
    asked_threshold = models.FloatField(
        null=True, blank=True, help_text="The caller's own; empty: judged anew with each image."
    )
    ignored = models.JSONField(
        default=dict, blank=True, help_text="What the request named and this deployment does not use."
    )
    queue = models.CharField(max_length=20, default=BULK)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)

    total: int
    done: int
    failed: int
    running: int

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "id"]

    def __str__(self) -> str:
        return f"job {self.pk}"

    @property
    def status(self) -> str:
        """Where its images stand together. Needs the annotations of `JobQuerySet.with_progress`."""
        if self.cancelled_at:
            return Status.CANCELLED
        if self.done == self.total:
            return Status.DONE
        return Status.PROCESSING if self.done or self.running else Status.PENDING

    def announce(self, *image_ids: int) -> None:
        """Notify callers who wait, when the transaction commits, that these images (none: any) are finished."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, " ".join([self.pk.hex, *map(str, image_ids)])])


class ProcessedImage(ClaimedImage, WithFile, Numbered):
    """One screened image. The stored file is evidence and never altered."""

    task = "recognition.tasks.process_images"
    owner = "client_id"
    searches = True
    queues = (INTERACTIVE, PATIENT, BULK)
    counted_as: ClassVar[str] = "processed_image"

    client = models.ForeignKey(Client, models.CASCADE, related_name="processed_images")
    job = models.ForeignKey(Job, models.CASCADE, related_name="images")
    position = models.PositiveIntegerField(help_text="Index within the job, from 0.")
    image = StoredImageField(folder="processed", blank=True)
    # What decided, as it was at the moment of the search.
    threshold = models.FloatField(null=True, blank=True, help_text="The largest distance that counted as a match.")
    false_match_rate = models.FloatField(
        null=True, blank=True, help_text="The share of strangers' pairs within the threshold; empty: not known."
    )
    people = models.PositiveIntegerField(null=True, blank=True, help_text="How many entries were searched.")

    objects = ProcessedImageQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        verbose_name = "screened image"
        constraints = [
            models.UniqueConstraint(fields=["job", "position"], name="one_image_per_position"),
            # With the identifier, so that a search for a part of it reads this index alone.
            models.UniqueConstraint(
                fields=["client", "number"], include=["identifier"], name="processed_number_unique"
            ),
        ]
        indexes = [
            models.Index(
                fields=["client"], include=["stored_bytes"], condition=~models.Q(image=""), name="processed_stored"
            ),
            BrinIndex(fields=["created_at"], name="processed_created"),  # rows come in this order and are many
            models.Index(
                fields=["status", "queued_at"],
                condition=models.Q(status__in=["pending", "processing"]),
                name="processed_unfinished",
            ),
        ]

    def __str__(self) -> str:
        return f"screened image {self.pk}"

    @property
    def false_alarm_rate(self) -> float | None:
        """The expected share of strangers who match an entry; None where it is not known."""
        return false_alarms(self.false_match_rate, self.people or 0)

    @property
    def named_faces(self) -> list[tuple[str, Box]]:
        """Its faces as exports name them. For images that were loaded with `with_results`."""
        return [(face.known_as, face.box) for face in self.faces.all()]

    @transaction.atomic
    def finish(self, status: Status, **outcome: Any) -> bool:
        """Also notifies the callers who wait for the job, and whoever is to be told when it is done."""
        stored = super().finish(status, **outcome)
        if stored:
            self.job.announce(self.pk)
            news.tell_if_done(self.job)
        return stored


class ProcessedFace(StoredFace):
    """A face found in a processed image. Its embedding is kept only for clients with `keep_screened_embeddings`."""

    # A key of image and client stands for both columns (`clients.owned`); so it does in matches.
    image = models.ForeignKey(ProcessedImage, models.CASCADE, related_name="faces", db_constraint=False)
    client = ClientOfParent(parent="image")
    index = models.PositiveIntegerField()
    landmarks = models.JSONField(default=dict)
    liveness = models.FloatField(null=True, blank=True)
    space = models.CharField(max_length=100, blank=True, default="", db_default="", editable=False)
    embedding = RotatedField(null=True, editable=False)  # any dimension; the space fixes it

    objects = ProcessedFaceQuerySet.as_manager()

    class Meta:
        ordering = ["image", "index"]
        constraints = [models.UniqueConstraint(fields=["image", "index"], name="one_face_per_index")]

    def __str__(self) -> str:
        return f"face {self.index} of image {self.image_id}"

    def remember(self, face: DetectedFace | None, space: str) -> Self:
        """Keep the embedding of a recognisable face. Returns the row itself."""
        if face and face.is_recognisable:
            client_id = self.image.client_id
            self.space, self.embedding = space, to_store(face.embeddings[space], client_id=client_id, space=space)
        return self

    @property
    def decision(self) -> Decision:
        """What was said about the face: the best that was said of an entry."""
        if not self.is_recognisable:
            return Decision.NOT_RECOGNISABLE
        return Decision.MATCH if self.blacklist_matches else Decision.REVIEW if self.reviews else Decision.NO_MATCH

    @property
    def known_as(self) -> str:
        """The name of the nearest entry that the face matches, for what leaves the service; empty without one.

        Hits that somebody has dismissed name nobody, and hits that two persons judge not before both have.
        """
        names = (
            hit.entry.name for hit in self.blacklist_matches if hit.may_leave and hit.state != ReviewState.DISMISSED
        )
        return next(names, "")

    @property
    def blacklist_matches(self) -> list[Match]:
        """The entries that the face matches, closest first."""
        return [match for match in self.matches.all() if match.decision == Decision.MATCH]

    @property
    def reviews(self) -> list[Match]:
        """The entries that somebody is to compare the face with, closest first."""
        return [match for match in self.matches.all() if match.decision == Decision.REVIEW]


class Match(models.Model):
    """A blacklist entry within the threshold of a face, or near enough for review. It goes when the entry goes."""

    face = models.ForeignKey(ProcessedFace, models.CASCADE, related_name="matches", db_constraint=False)
    client = ClientOfParent(parent="face")  # the entry's too: another key of both columns
    entry = models.ForeignKey(BlacklistEntry, models.CASCADE, related_name="matches")
    reference_image = models.ForeignKey(ReferenceImage, models.SET_NULL, null=True, related_name="matches")
    identity = models.CharField(max_length=200, help_text="blacklist_db/<entry>/<file>, a logical name.")
    model = models.CharField(max_length=50)
    detector = models.CharField(max_length=50)
    metric = models.CharField(max_length=20)
    distance = models.FloatField()
    threshold = models.FloatField()
    score = models.FloatField(null=True, help_text="Of a remote service, as it gave it.")
    remote_face_id = models.CharField(max_length=100, blank=True, default="", db_default="")
    decision = models.CharField(
        max_length=10,
        choices=[(said.value, said.value) for said in (Decision.MATCH, Decision.REVIEW)],
        default=Decision.MATCH.value,
    )
    found_on = models.DateField(default=timezone.localdate, help_text="The day, in the server's time zone.")
    state = models.CharField(
        max_length=10, choices=ReviewState, default=ReviewState.OPEN, db_default=ReviewState.OPEN.value
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    objects = MatchQuerySet.as_manager()

    class Meta:
        ordering = ["face", "distance"]
        constraints = [models.UniqueConstraint(fields=["face", "entry"], name="one_match_per_face_and_entry")]
        indexes = [
            models.Index(fields=["client", "state", "-found_on", "entry", "id"], name="hits_in_order"),
            models.Index(fields=["entry", "state"], name="hits_of_entry"),
        ]

    def __str__(self) -> str:
        return f"match of face {self.face_id} with entry {self.entry_id}"

    @property
    def aws_similarity(self) -> float | None:
        """0 to 100, if Amazon Rekognition has found the entry."""
        return self.score if self.model == "aws_rekognition" else None

    @property
    def aws_face_id(self) -> str | None:
        return self.remote_face_id if self.model == "aws_rekognition" else None

    @property
    def is_blind(self) -> bool:
        """Whether two persons are still to judge the hit: until they have, only *Review* shows how near it is."""
        return self.state == ReviewState.OPEN and self.entry.gallery.two_person_review

    @property
    def may_leave(self) -> bool:
        """Whether the hit may be exported or sent: where two persons judge, not before it has been confirmed.

        By both, by the third if these disagreed, or by one if that was before the gallery required two.
        """
        return self.state == ReviewState.CONFIRMED or not self.entry.gallery.two_person_review


class Verdict(models.Model):
    """What one person said of a hit (`recognition.review`). It goes when the hit goes."""

    client = models.ForeignKey(Client, models.CASCADE, related_name="verdicts")
    match = models.ForeignKey(Match, models.CASCADE, related_name="verdicts")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    said = models.CharField(max_length=10, choices=[(one.value, one.label) for one in VERDICTS])
    note = models.CharField(max_length=500, blank=True, default="")
    given_at = models.DateTimeField(default=timezone.now)
    counts = models.BooleanField(default=True, help_text="Not taken back, and the hit was not opened again since.")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["match", "user"], condition=models.Q(counts=True), name="one_verdict_of_each_person"
            )
        ]

    def __str__(self) -> str:
        return f"verdict {self.pk} on match {self.match_id}"


class FaceSearch(ClaimedWork):
    """A search for somebody who was erased in the screened images that are still stored (`recognition.face_search`).

    `probes`, rotated embeddings by the name of their space, are erased when it ends, however it ends.
    """

    task = "recognition.tasks.search_faces"
    owner = "client_id"

    client = models.ForeignKey(Client, models.CASCADE, related_name="face_searches")
    receipt = models.UUIDField(unique=True, help_text="Of the erasure.")
    probes = models.JSONField(default=dict)
    last_image = models.PositiveBigIntegerField(default=0, help_text="Images up to it have been searched.")
    until_image = models.PositiveBigIntegerField(help_text="The last one to be searched.")
    searched = models.PositiveIntegerField(default=0, help_text="Images.")
    unreadable = models.PositiveIntegerField(default=0, help_text="Images.")
    found = models.PositiveIntegerField(default=0, help_text="Images with the person.")

    objects: ClassVar[FaceSearchQuerySet] = FaceSearchQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "face searches"
        indexes = [
            models.Index(
                fields=["status"], condition=models.Q(status__in=["pending", "processing"]), name="face_search_open"
            )
        ]

    def __str__(self) -> str:
        return f"search for receipt {self.receipt}"

    @transaction.atomic
    def finish(self, status: Status, **outcome: Any) -> bool:
        """Also erases the probes, and adds a receipt that says what could not be searched."""
        stored = super().finish(status, probes={}, **outcome)
        if stored:
            ended = type(self).objects.get(pk=self.pk)
            why = {
                f"The search ended with an error: {ended.error_code}.": None if status == Status.FAILED else 0,
                "They cannot be read.": ended.unreadable,
            }
            remaining = [
                {"what": "screened_images", "why": reason, "count": count, "days": None}
                for reason, count in why.items()
                if count != 0
            ]
            searched = {"images_searched": ended.searched}
            receipts.add(
                Erased.FOUND, client_id=self.client_id, objects=[], taken=searched, remaining=remaining, of=self.receipt
            )
        return stored
