"""Keys that an administrator chose, because programs use them already. The settings hold them, and no table."""

from __future__ import annotations

import hmac
from collections.abc import Collection

FEWEST = 16  # characters


def weakness(key: str, *, published: Collection[str]) -> str | None:
    """Why a chosen key is refused; None if it is accepted."""
    if len(key) < FEWEST:
        return f"It has less than {FEWEST} characters."
    if len(set(key)) < FEWEST // 2:
        return "It hardly varies."
    if not (key.isascii() and key.isprintable()):
        return "It has characters that no HTTP header carries."
    return "It was published with the older program." if key in published else None


def is_same(text: str, chosen: str) -> bool:
    """Whether a caller has sent the chosen key."""
    return bool(chosen) and hmac.compare_digest(text.encode("utf-8", "replace"), chosen.encode("utf-8", "replace"))
