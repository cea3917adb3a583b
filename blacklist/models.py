"""The blacklist: people with a reason, their history, and photographs that were checked and not saved yet."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import MaxLengthValidator
from django.db import models

from blacklist.querysets import BlacklistEntryQuerySet, CheckedPhotographQuerySet
from clients.models import Client
from clients.numbering import Numbered
from clients.quotas import WithFile
from people.models import GalleryKind, Person
from storage.fields import StoredImageField

LONGEST_NOTES = 10_000  # characters


class Severity(models.TextChoices):
    """How much depends on finding somebody."""

    LOW = "low", "Low"
    NORMAL = "normal", "Normal"
    HIGH = "high", "High"


def _user(**options: Any) -> models.ForeignKey[Any, Any]:
    """Who did something; empty for a program, and when the user is gone."""
    user: str = settings.AUTH_USER_MODEL
    return models.ForeignKey(user, models.SET_NULL, null=True, blank=True, editable=False, **options)


class BlacklistEntry(Person):
    """A person whom screening looks for, while the entry is active and within its dates."""

    kept_in = GalleryKind.BLACKLIST

    reason = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001  null in the API's contract
    severity = models.CharField(
        max_length=10, choices=Severity, default=Severity.NORMAL, db_default=Severity.NORMAL.value
    )
    source = models.CharField(
        max_length=100, blank=True, default="", db_default="", help_text="Who asked for it, such as a case number."
    )
    notes = models.TextField(blank=True, default="", db_default="", validators=[MaxLengthValidator(LONGEST_NOTES)])
    is_active = models.BooleanField("active", default=True)
    valid_from = models.DateField(null=True, blank=True)
    valid_until = models.DateField(null=True, blank=True, help_text="The last day on which the entry counts.")
    updated_at = models.DateTimeField(auto_now=True)
    created_by = _user(related_name="entries_created")
    changed_by = _user(related_name="entries_changed")

    objects = BlacklistEntryQuerySet.as_manager()  # type: ignore[assignment,misc]  # other questions than a person's

    class Meta:
        verbose_name = "blacklist entry"
        verbose_name_plural = "blacklist entries"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(valid_from__isnull=True)
                | models.Q(valid_until__isnull=True)
                | models.Q(valid_from__lte=models.F("valid_until")),
                name="blacklist_dates_in_order",
                violation_error_message="The entry ends before it begins.",
            )
        ]

    def state_on(self, day: date) -> str:
        """Whether screening looks for the entry on that day: "in force", "not yet", "over" or "inactive"."""
        if not self.is_active:
            return "inactive"
        if self.valid_from and self.valid_from > day:
            return "not yet"
        return "over" if self.valid_until and self.valid_until < day else "in force"


class EntryEvent(models.Model):
    """One line in the history of an entry: who did what, and the new values of what was changed.

    `changes` has fields and their new values as text; of names, reasons and notes only that they were changed.
    """

    class What(models.TextChoices):
        CREATED = "created"
        CHANGED = "changed"
        ADDED = "added"  # photographs: `changes` has their `count`
        REMOVED = "removed"

    entry = models.ForeignKey(BlacklistEntry, models.CASCADE, related_name="events")
    what = models.CharField(max_length=10, choices=What)
    changes = models.JSONField(default=dict)
    user = _user(related_name="+")
    actor_kind = models.CharField(max_length=10, help_text="user, key, command or worker, as in the audit.")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.what} {self.entry_id}"


class CheckedPhotograph(WithFile, Numbered):
    """A photograph in which a worker has found faces, kept for an hour for the user who sent it.

    It becomes a photograph of an entry without another analysis. It belongs to an `entry`, or to the new one whose form
    has the number `batch`. `faces` that can be recognised, from left to right, have `box`, `confidence`, `quality`, and
    rotated `embeddings` by space. `chosen` is the index of the one that is meant. `alike` are the entries that it looks
    like, None while nobody has looked.
    """

    counted_as: ClassVar[str] = "checked photograph"
    owner = "client_id"

    client = models.ForeignKey(Client, models.CASCADE, related_name="checked_photographs")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="checked_photographs")
    entry = models.ForeignKey(BlacklistEntry, models.CASCADE, null=True, related_name="checked_photographs")
    batch = models.UUIDField(null=True)
    image = StoredImageField(folder="checked")
    name = models.CharField(max_length=255)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    found = models.PositiveSmallIntegerField(help_text="How many faces it shows.")
    faces = models.JSONField()
    chosen = models.PositiveSmallIntegerField(null=True)
    alike = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    objects = CheckedPhotographQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["client", "number"], name="checked_photograph_number_unique")]

    def __str__(self) -> str:
        return f"checked photograph {self.number}"
