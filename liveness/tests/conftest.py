"""A fake engine that tells living faces from presented ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from vision.engines import engines
from vision.tests.conftest import engine  # noqa: F401  the real one, with its weights


@pytest.fixture
def antispoof(settings: Settings) -> Iterator[None]:
    """Passive scores can be had."""
    backend = "vision.engines.fake.FakeEngine"
    settings.FACE_ENGINES = {"default": {"BACKEND": backend, "OPTIONS": {"antispoof": True}}}
    engines.reset()
    yield
    engines.reset()
