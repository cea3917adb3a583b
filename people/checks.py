"""System checks of the gallery's settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks

from people.types import Gate


@checks.register
def check_quality_gate(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """The gate has one of its names."""
    if settings.QUALITY_GATE in list(Gate):
        return []
    hint = f"Choose one of {', '.join(Gate)}."
    return [checks.Error("FACEAPP_QUALITY_GATE is no quality gate.", hint=hint, id="people.E001")]


@checks.register
def check_respace_at_once(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """A number of photographs, or 0."""
    if settings.RESPACE_AT_ONCE >= 0:
        return []
    message = f"FACEAPP_RESPACE_AT_ONCE is {settings.RESPACE_AT_ONCE}, which is no number of photographs."
    return [checks.Error(message, hint="Choose 0 or a number above it.", id="people.E002")]
