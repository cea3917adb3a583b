"""What /readyz says when a part hangs instead of refusing."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client as Browser
from pytest_django.fixtures import Settings

from vision import inference


@pytest.fixture
def hanging_redis(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server that takes connections and never answers, as a stopped process does."""
    monkeypatch.setattr(inference, "QUEUE_SECONDS", 0.2)
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        path = Path(folder) / "redis.sock"
        listener.bind(str(path))
        listener.listen()
        settings.REDIS_URL = f"unix://{path}"
        inference.handoff.cache_clear()
        yield
    inference.handoff.cache_clear()


@pytest.mark.django_db
@pytest.mark.timeout(60)
@pytest.mark.usefixtures("hanging_redis")
def test_queue_that_hangs_is_named_and_holds_nobody_up(client: Browser) -> None:
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.headers["Retry-After"]
    checks = response.json()["checks"]
    assert checks["database"] == "ok"
    assert checks["queue"] == "The queue does not answer."
    assert checks["worker"] == "Cannot be asked without the queue."
