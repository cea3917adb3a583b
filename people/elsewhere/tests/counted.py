"""A back end that counts the calls that it passes on, and dies before or after one of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from remote.contract import RemoteBackend

OPERATIONS = {"ensure", "drop", "add", "remove", "find", "faces", "search", "compare", "train"}


class Killed(BaseException):
    """The process ends here."""


class Counted:
    """`calls` names what was called. `fail`: raised instead of the next calls. `kill_at`: the number of the call at
    which the process dies, before it is made, or (`after`) once the service has carried it out.
    """

    def __init__(self, backend: RemoteBackend) -> None:
        self.backend = backend
        self.abilities = backend.abilities
        self.calls: list[str] = []
        self.fail: Exception | None = None
        self.kill_at: int | None = None
        self.after = False

    def __getattr__(self, name: str) -> Any:
        method: Callable[..., Any] = getattr(self.backend, name)
        if name not in OPERATIONS:
            return method

        @wraps(method)
        def call(*given: Any, **options: Any) -> Any:
            self.calls.append(name)
            dies = len(self.calls) == self.kill_at
            if dies and not self.after:
                raise Killed
            if self.fail is not None:
                raise self.fail
            answer = method(*given, **options)
            if dies:
                raise Killed
            return answer

        return call
