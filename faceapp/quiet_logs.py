"""Keeps keys out of logs: FaceHash has them in the path, and paths are what web servers write down."""

from __future__ import annotations

import logging
from typing import Any

from gunicorn.glogging import Logger

from faceapp.middleware import ANY_KEY

HIDDEN = r"\1…"


def without_keys(text: str) -> str:
    """`text` with every key cut down to its prefix, by which the administrator knows it."""
    return ANY_KEY.sub(HIDDEN, text)


class KeyFilter(logging.Filter):
    """Hides keys in what the service logs itself."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = without_keys(record.getMessage()), None
        return True


class AccessLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn's, with keys hidden in request lines and referrers."""

    def atoms(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        found: dict[str, Any] = super().atoms(*args, **kwargs)
        return {name: without_keys(value) if isinstance(value, str) else value for name, value in found.items()}
