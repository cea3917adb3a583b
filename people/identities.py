"""What is remembered of who is who: records that were merged into others, and people who are not the same."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef


class MergedPerson(models.Model):
    """The ids of a record that was merged into another person.

    Whatever names the record by them is about that person: rows of the audit, and rows of backups from before.
    """

    person = models.ForeignKey("people.Person", models.CASCADE, related_name="merged")
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    number = models.PositiveBigIntegerField()
    merged_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"person {self.number}, merged"

    @property
    def audit_name(self) -> str:
        return f"person:{self.number}"


class KeptApartQuerySet(models.QuerySet["KeptApart"]):
    def of_pair(self) -> Exists:
        """Whether there is a row for the `person` and the `other` of the row that is asked about."""
        return Exists(self.filter(person=OuterRef("person"), other=OuterRef("other")))

    def remember(self, pairs: Iterable[tuple[int, int]], *, by: int | None = None) -> None:
        """Pairs of ids of people, in any order. Those that are known already stay as they are."""
        rows = [KeptApart(person_id=min(pair), other_id=max(pair), decided_by_id=by) for pair in pairs]
        self.bulk_create(rows, ignore_conflicts=True)


class KeptApart(models.Model):
    """Two people who look alike and are not the same, as somebody has said. `person` is the older."""

    person = models.ForeignKey("people.Person", models.CASCADE, related_name="+")
    other = models.ForeignKey("people.Person", models.CASCADE, related_name="+")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField(auto_now_add=True)

    objects = KeptApartQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["person", "other"], name="kept_apart_once")]

    def __str__(self) -> str:
        return f"people {self.person_id} and {self.other_id}"
