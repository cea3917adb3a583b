"""What `faceapp.tests.test_isolation` asks of this dialect: images come and go, and nothing is stored."""

from __future__ import annotations

from typing import Any

from clients.models import Client

OPEN = {f"nextcloud-{name}" for name in ("open", "detect", "compute", "welcome", "health")}
NOTHING: dict[str, dict[str, Any]] = {}


def store(client: Client) -> None:
    pass


def ask(client: Client) -> dict[str, dict[str, Any]]:
    return {}
