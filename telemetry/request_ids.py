"""The id of the request that caused what is being done, in web processes and in workers alike."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

HEADER = "X-Request-ID"
ACCEPTED = re.compile(r"[A-Za-z0-9._:-]{1,128}")

request_id: ContextVar[str] = ContextVar("request_id", default="")  # empty outside of requests


@contextmanager
def acting_as(identity: str) -> Iterator[None]:
    """What is logged and sent within it has this id."""
    token = request_id.set(identity)
    try:
        yield
    finally:
        request_id.reset(token)


def accepted(sent: str | None) -> str:
    """The id that a caller sent, or a new one if it sent none or one that is not `ACCEPTED`."""
    return sent if sent and ACCEPTED.fullmatch(sent) else uuid.uuid4().hex
