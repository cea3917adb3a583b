"""Whether the service can work, as every page says it: asked for once in ten seconds by all processes together."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.core.cache import cache
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from console.problems import is_english

KEY = "console.readiness"
ANSWERED = "console.worker_answered"  # when a worker last did, in seconds since 1970
SECONDS = 10


@dataclass(frozen=True)
class Part:
    """`problem` is empty if the part works."""

    title: str
    problem: str


@dataclass(frozen=True)
class State:
    """What works and what does not; no parts: nobody has asked in the last seconds."""

    parts: tuple[Part, ...]

    @property
    def is_known(self) -> bool:
        return bool(self.parts)

    @property
    def problems(self) -> list[Part]:
        return [part for part in self.parts if part.problem]

    @property
    def word(self) -> str:
        """All of it in a word or two."""
        if not self.is_known:
            return _("Checking…")
        return _("%(part)s: down") % {"part": self.problems[0].title} if self.problems else _("Ready")


def known_state() -> State:
    """What was found out in the last seconds; no page waits for more."""
    with suppress(RedisError):
        return _state(cache.get(KEY) or {})
    return State((Part(_("Queue"), _("The queue does not answer.")),))


def current_state() -> State:
    """The same, and if nothing is known it is found out, which takes up to three seconds."""
    report: dict[str, str] = {}
    with suppress(RedisError):
        report = cache.get(KEY) or {}
    if not report:
        check: Callable[[], dict[str, str]] = import_string(settings.READINESS)
        report = check()
        with suppress(RedisError):
            cache.set(KEY, report, SECONDS)
            if report["worker"] == "ok":
                cache.set(ANSWERED, time.time(), timeout=None)
    return _state(report)


def worker_answered_at() -> datetime | None:
    """When a worker last answered the question; None if nobody has asked since Redis was started."""
    with suppress(RedisError):
        if seconds := cache.get(ANSWERED):
            return datetime.fromtimestamp(seconds, UTC)
    return None


def _state(report: dict[str, str]) -> State:
    titles = {
        "database": _("Database"),
        "queue": _("Queue"),
        "worker": _("Workers"),
        "weights": _("Models"),
        "master_key": _("Master key"),
    }
    known = {name: title for name, title in titles.items() if name in report}
    parts = (Part(title, "" if report[name] == "ok" else _problem(name, report[name])) for name, title in known.items())
    return State(tuple(parts))


def _problem(name: str, message: str) -> str:
    """What is wrong with a part: in English with what `/readyz` knows of it."""
    sentences = {
        "database": _("The database does not answer."),
        "queue": _("The queue does not answer."),
        "worker": _("No worker has answered."),
        "weights": _("Files of models are missing."),
        "master_key": _("The master key is missing or is not the right one."),
    }
    return message if is_english() else sentences[name]
