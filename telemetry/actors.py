"""On whose behalf something is done, in web processes, workers and commands alike."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import astuple, dataclass, replace
from enum import StrEnum
from pathlib import Path


class ActorKind(StrEnum):
    KEY = "key"
    USER = "user"
    COMMAND = "command"
    WORKER = "worker"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True)
class Actor:
    """`name` is the prefix of a key, the number of a user, or the name of a command or task; `address` the caller's."""

    kind: ActorKind
    name: str = ""
    address: str = ""


_actor: ContextVar[Actor | None] = ContextVar("actor", default=None)


def acting() -> Actor:
    """Who acts now; outside of requests and tasks the program itself."""
    return _actor.get() or _program()


def act_as(actor: Actor | None) -> None:
    """Who acts from now on; None: the program itself."""
    _actor.set(actor)


def identify(kind: ActorKind, name: str) -> None:
    """Whoever called has been authenticated; the address stays."""
    _actor.set(replace(_actor.get() or Actor(kind), kind=kind, name=name))


def packed() -> list[str]:
    """Who acts now, for a message to a worker; empty if it is no caller, user or command."""
    actor = acting()
    return [] if actor.kind == ActorKind.WORKER else list(astuple(actor))


def unpacked(packed: Sequence[str] | None, *, task: str) -> Actor:
    """For whom a worker acts; for nobody else if the message does not say."""
    if not packed:
        return Actor(ActorKind.WORKER, task)
    kind, name, address = packed
    return Actor(ActorKind(kind), name, address)


def _program() -> Actor:
    """A command of `manage.py`, or one of the service's own processes."""
    program, *arguments = sys.argv or [""]
    if Path(program).name == "manage.py" and arguments:
        return Actor(ActorKind.COMMAND, arguments[0])
    return Actor(ActorKind.WORKER, Path(program).name)
