"""The distance at which two faces count as one person, where a client has its own."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from calibration.querysets import SpaceCalibrationQuerySet
from clients.models import Client


class SpaceCalibration(models.Model):
    """The distance up to which two faces count as one person for this client; without it the space's own holds."""

    client = models.ForeignKey(Client, models.CASCADE, related_name="space_calibrations")
    space = models.CharField(max_length=100)
    metric = models.CharField(max_length=20)
    threshold = models.FloatField(help_text="A distance in the metric.")
    false_match_rate = models.FloatField(
        null=True, blank=True, help_text="Share of strangers who pass at this threshold, as it was measured."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    note = models.CharField(max_length=255, blank=True, default="")

    objects = SpaceCalibrationQuerySet.as_manager()

    class Meta:
        ordering = ["client", "space"]
        constraints = [
            models.UniqueConstraint(fields=["client", "space"], name="one_calibration_per_client_and_space"),
            models.CheckConstraint(condition=Q(threshold__gt=0), name="calibration_threshold_positive"),
            models.CheckConstraint(
                condition=Q(false_match_rate__isnull=True) | Q(false_match_rate__gte=0, false_match_rate__lte=1),
                name="calibration_rate_is_a_share",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.space} at {self.threshold:g}"
