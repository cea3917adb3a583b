"""Keeps keys out of logs: FaceHash has them in the path, and paths are what web servers write down."""

from __future__ import annotations

import logging
import re
from typing import Any

from gunicorn.glogging import Logger

from faceapp.middleware import ANY_KEY

HIDDEN = r"\1…"
PATH_TOKEN = re.compile(r"(/k/+)[^/?#\s\"]+")  # clients.middleware takes it off as well, also where it is encoded


def without_keys(text: str) -> str:
    """`text` with every key cut down to its prefix, by which the administrator knows it, and without path tokens."""
    return PATH_TOKEN.sub(r"\1-", ANY_KEY.sub(HIDDEN, text))


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
