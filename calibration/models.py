"""The distance up to which two faces count as one person, for clients that have their own."""

from __future__ import annotations

import math

from django.db import models
from django.db.models import Q

from calibration.querysets import SpaceCalibrationQuerySet
from clients.models import Client


class SpaceCalibration(models.Model):
    """A client's threshold for a space, in the space's metric; without one the threshold of the space applies."""

    client = models.ForeignKey(Client, models.CASCADE, related_name="space_calibrations")
    space = models.CharField(max_length=100)
    metric = models.CharField(max_length=20)
    threshold = models.FloatField(help_text="The largest distance that still counts as the same person.")
    false_match_rate = models.FloatField(
        null=True,
        blank=True,
        help_text="The measured share of stranger pairs that match at this threshold, 0 to 1.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    note = models.CharField(max_length=255, blank=True, default="")

    objects = SpaceCalibrationQuerySet.as_manager()

    class Meta:
        ordering = ["client", "space"]
        constraints = [
            models.UniqueConstraint(fields=["client", "space"], name="one_calibration_per_client_and_space"),
            models.CheckConstraint(  # PostgreSQL sorts NaN above infinity
                condition=Q(threshold__gt=0, threshold__lt=math.inf), name="calibration_threshold_positive"
            ),
            models.CheckConstraint(
                condition=Q(false_match_rate__isnull=True) | Q(false_match_rate__gte=0, false_match_rate__lte=1),
                name="calibration_rate_is_a_share",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.space} at {self.threshold:g}"
