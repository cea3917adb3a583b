"""The blacklist: people with a reason, curated in the admin."""

from __future__ import annotations

from datetime import date

from django.db import models

from blacklist.querysets import BlacklistEntryQuerySet
from people.models import GalleryKind, Person


class BlacklistEntry(Person):
    """A person whom screening looks for, while the entry is active and within its dates."""

    kept_in = GalleryKind.BLACKLIST

    reason = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001  null in the API's contract
    is_active = models.BooleanField("active", default=True)
    valid_from = models.DateField(null=True, blank=True)
    valid_until = models.DateField(null=True, blank=True, help_text="The last day on which the entry counts.")
    updated_at = models.DateTimeField(auto_now=True)

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
