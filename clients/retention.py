"""How long rows of a client are kept: as the client says, or else as the deployment does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeVar

from django.db.models import DateTimeField, ExpressionWrapper, F, QuerySet, Value
from django.db.models.functions import Coalesce, Least
from django.utils import timezone

MAX_DAYS = (
    365_000  # PostgreSQL refuses dates long before our era, and one client's "for ever" would stop the purge of all
)
Rows = TypeVar("Rows", bound=QuerySet[Any])


def expired(rows: Rows, *, days: str, default_days: int) -> Rows:
    """Rows created longer ago than `days`, the path to the client's own number; 0 keeps them, None is the default."""
    kept = Least(Coalesce(days, Value(default_days)), Value(MAX_DAYS))
    moment = ExpressionWrapper(
        Value(timezone.now()) - Value(timedelta(days=1)) * F("kept_days"), output_field=DateTimeField()
    )
    return rows.annotate(kept_days=kept).filter(kept_days__gt=0, created_at__lt=moment)
