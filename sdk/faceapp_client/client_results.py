"""What the service answers about the client itself: its quotas and its key."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Use:
    """How much of a quota is used. `used` is None while it is not known, `limit` if there is none."""

    used: int | None
    limit: int | None


@dataclass(frozen=True)
class Usage:
    """What the client has stored, and the images that it has sent since midnight UTC."""

    people: Use
    templates: Use
    stored_bytes: Use
    images_today: Use


@dataclass(frozen=True)
class NewKey:
    """A key that replaces another one, and until when that is accepted. `expires_at`: None: never."""

    key: str = field(repr=False)
    prefix: str
    name: str
    scopes: list[str]
    networks: list[str]
    former_key_until: datetime
    expires_at: datetime | None = None
