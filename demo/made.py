"""What earlier demos stored in a service, by id and UUID, so that it can be removed again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from faceapp_client import FaceApp, NotFound

from environment import BASE_DIR, path

KINDS = ("entries", "images")


def file() -> Path:
    """Where it is noted. Read at each call, as FACEAPP_VAR may be another one."""
    return path("FACEAPP_VAR", BASE_DIR / "var") / "demo.json"


def note(url: str, kind: str, identity: int, uuid: str | None) -> None:
    """Remember a row that the demo has just stored."""
    known = _read()
    known.setdefault(url, {}).setdefault(kind, {})[str(identity)] = uuid
    file().write_text(json.dumps(known))


def remove(url: str, service: FaceApp) -> dict[str, int]:
    """Delete what is noted for this service. A row of the same id with another UUID is not the demo's, and stays.

    Returns how many were deleted of each kind. What the key cannot see stays noted, as another key may.
    """
    known = _read()
    noted, removed = known.get(url, {}), dict.fromkeys(KINDS, 0)
    calls: dict[str, tuple[Callable[[int], Any], Callable[[int], Any]]] = {
        "entries": (service.blacklist.get, service.blacklist.delete),
        "images": (service.screening.image, service.screening.delete),
    }
    for kind, (read, delete) in calls.items():
        for identity, uuid in list(noted.get(kind, {}).items()):
            try:
                found = read(int(identity))
            except NotFound:
                continue
            if found.uuid == uuid:
                delete(int(identity))
                removed[kind] += 1
            del noted[kind][identity]
            file().write_text(json.dumps(known))
    return removed


def _read() -> dict[str, Any]:
    return dict(json.loads(file().read_text())) if file().exists() else {}
