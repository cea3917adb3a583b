"""Keeps keys out of logs: some compatibility APIs have them in the path, and paths are what web servers write down."""

from __future__ import annotations

import logging
import re
from functools import cache
from typing import Any

from django.apps import apps
from gunicorn.glogging import Logger

from compat.dialect import dialects

PATH_TOKEN = re.compile(r"(/k/+)[^/?#\s\"]+")  # clients.middleware takes it off as well, also where it is encoded


def without_keys(text: str) -> str:
    """`text` with every key cut down to its prefix, by which the administrator knows it, and without path tokens."""
    for secret in secrets_in_paths() if apps.ready else ():
        text = secret.sub(r"\1…", text)
    return PATH_TOKEN.sub(r"\1-", text)


@cache
def secrets_in_paths() -> tuple[re.Pattern[str], ...]:
    return tuple(secret for one in dialects() for secret in one.secrets)


class KeyFilter(logging.Filter):
    """Hides keys in what the service logs itself."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = without_keys(record.getMessage()), None
        return True


class WithoutTraceback(logging.Filter):
    """A warning of one line, where Django logs an error: any scanner that guesses a host name causes it."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.exc_info = record.exc_text = None
        return True


class AccessLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn's, with keys hidden in request lines and referrers."""

    def atoms(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        found: dict[str, Any] = super().atoms(*args, **kwargs)
        return {name: without_keys(value) if isinstance(value, str) else value for name, value in found.items()}
