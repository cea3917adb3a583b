"""What of the service's own work is remembered beyond a restart of Redis."""

from __future__ import annotations

from django.db import models


class RecurringTask(models.Model):
    """A task that beat sends again and again: when it last did all it had to do, and how often it failed."""

    name = models.CharField(max_length=100, primary_key=True)
    succeeded_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return self.name
