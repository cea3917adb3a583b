"""Rows of a move to another space or back end, and of what searches would have found there."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from clients.models import Client
from clients.numbering import Numbered
from people.querysets import RespacedImageQuerySet, RespaceQuerySet
from people.types import RespaceState
from work.models import ClaimedWork


class Respace(Numbered):
    """A client's move to another space, or (`only_fill`) the templates that it lacks there; see `people.respacing`."""

    counted_as = "respace"

    client = models.ForeignKey(Client, models.CASCADE, related_name="respaces")
    space = models.CharField(max_length=100, help_text="Where to.")
    only_fill = models.BooleanField(default=False, help_text="Compute missing templates, switch nothing.")
    state = models.CharField(max_length=10, choices=RespaceState, default=RespaceState.OPEN)
    computed_at = models.DateTimeField(null=True, help_text="When every photograph had been tried; empty: not yet.")
    switched_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_image_id = models.PositiveBigIntegerField(default=0, editable=False)  # photographs up to it were given out
    # Faces of searches that were decided in both spaces, and those of them that were decided otherwise in the new one.
    compared = models.PositiveBigIntegerField(default=0)
    lost_matches = models.PositiveBigIntegerField(default=0, help_text="A person before, nobody after.")
    new_matches = models.PositiveBigIntegerField(default=0, help_text="Nobody before, a person after.")
    other_matches = models.PositiveBigIntegerField(default=0, help_text="Another person.")

    objects = RespaceQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["client", "number"], name="respace_number_unique"),
            models.UniqueConstraint(
                fields=["client"], condition=~Q(state="closed") & Q(only_fill=False), name="one_open_respace"
            ),
            models.UniqueConstraint(
                fields=["client", "space"], condition=~Q(state="closed"), name="one_open_respace_to_a_space"
            ),
        ]

    def __str__(self) -> str:
        return f"respace {self.number} to {self.space}"

    @property
    def status(self) -> str:
        """The state in one word; an open one is `computing` or `ready`."""
        if self.state != RespaceState.OPEN:
            return str(self.state)
        return "ready" if self.computed_at else "computing"


class RespacedImage(ClaimedWork):
    """A photograph that gets its template in the new space, or could not get one. A successful one leaves no row."""

    task = "people.tasks.embed_images"
    owner = "respace__client_id"

    respace = models.ForeignKey(Respace, models.CASCADE, related_name="images")
    reference_image = models.ForeignKey("people.ReferenceImage", models.CASCADE, related_name="+")

    objects: ClassVar[RespacedImageQuerySet] = RespacedImageQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["respace", "reference_image"], name="one_row_per_respace_and_image"),
        ]
        indexes = [
            models.Index(
                fields=["status"], condition=Q(status__in=["pending", "processing"]), name="respaced_unfinished"
            )
        ]

    def __str__(self) -> str:
        return f"photograph {self.reference_image_id} of respace {self.respace_id}"


class ShadowDifference(models.Model):
    """A face that the new space would have decided otherwise: who it matched before and after; empty: nobody."""

    respace = models.ForeignKey(Respace, models.CASCADE, related_name="differences")
    before = models.ForeignKey("people.Person", models.CASCADE, null=True, related_name="+")
    after = models.ForeignKey("people.Person", models.CASCADE, null=True, related_name="+")
    before_similarity = models.FloatField(null=True, help_text="Of the nearest person, 0 to 1; empty: nobody is there.")
    after_similarity = models.FloatField(null=True, help_text="Of the nearest person, 0 to 1; empty: nobody is there.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"difference {self.pk} of respace {self.respace_id}"
