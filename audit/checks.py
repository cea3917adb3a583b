"""System checks of the audit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks

LEAST_DAYS = 183  # half a year


@checks.register
def check_days(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Rows are kept for half a year at least."""
    if settings.AUDIT_DAYS >= LEAST_DAYS:
        return []
    hint = f"Set FACEAPP_AUDIT_DAYS to {LEAST_DAYS} or more."
    return [checks.Error("The audit is kept for less than half a year.", hint=hint, id="audit.E001")]
