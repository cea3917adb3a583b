"""Recording what was done, and stopping all searching."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any

from django.db import transaction

from audit.exceptions import SearchingStopped, UnknownClient
from audit.models import Record, Stop
from audit.types import Action, Searched
from telemetry.actors import acting
from telemetry.request_ids import request_id

MOST_OBJECTS = 200  # of one row; `results` has the whole number
LONGEST = 100  # characters of a text
NOWHERE = Searched()


def record(
    action: Action,
    *,
    client_id: int | None,
    objects: Iterable[str] = (),
    searched: Searched = NOWHERE,
    results: int | None = None,
) -> None:
    """Add a row about what the current actor does, in the transaction of the caller.

    `client_id` None: it concerns no client. `objects` are kinds and numbers, such as `person:12`: never names, images
    or embeddings.
    """
    record_each(action, client_id=client_id, objects=[objects], searched=searched, results=results)


def record_each(
    action: Action,
    *,
    client_id: int | None,
    objects: Iterable[Iterable[str]],
    searched: Searched = NOWHERE,
    results: int | None = None,
) -> None:
    """`record` for several times the same with other objects, in one statement."""
    actor = acting()
    row = {
        "client_id": client_id,
        "action": action.value,
        "actor_kind": actor.kind.value,
        "actor": actor.name[:LONGEST],
        "address": actor.address[:LONGEST],
        "request_id": request_id.get(),
        "galleries": list(searched.galleries),
        "gallery_people": searched.people,
        "gallery_version": searched.version,
        "space": searched.space[:LONGEST],
        "threshold": searched.threshold if isfinite(searched.threshold or 0.0) else None,
        "results": results,
    }
    named = [[name[:LONGEST] for name in list(dict.fromkeys(names))[:MOST_OBJECTS]] for names in objects]
    if named:
        Record.objects.add(*(row | {"objects_named": names} for names in named))


# ---- the switch -------------------------------------------------------------------------------------------------
def require_searching(client_id: int) -> None:
    """Raise `SearchingStopped` while nobody may be searched for, verified or compared."""
    if is_stopped(client_id):
        raise SearchingStopped("The administrator has stopped all searching.")


def is_stopped(client_id: int | None) -> bool:
    """Whether this client, or everybody (None), is stopped."""
    return Stop.objects.holds(client_id)


@transaction.atomic
def stop_searching(*, client_id: int | None) -> bool:
    """Stop all searching of a client, or of everybody. Returns whether this changed anything.

    Calls that search are refused from now on, and jobs wait. What has begun is finished.
    """
    _, changed = Stop.objects.get_or_create(client_id=client_id)
    if changed:
        record(Action.STOP, client_id=client_id)
    return changed


@transaction.atomic
def resume_searching(*, client_id: int | None) -> bool:
    """Let searching go on. Returns whether this changed anything.

    A client that was stopped by itself remains so when everybody else goes on. Jobs go on with the next sweep.
    """
    changed, _ = Stop.objects.filter(client_id=client_id).delete()  # type: ignore[misc]  # None: everybody
    if changed:
        record(Action.GO, client_id=client_id)
    return bool(changed)


def client_called(name: str) -> int:
    """The number of a client by its name, or of a deleted one by its number. Raises `UnknownClient`."""
    clients: Any = Record._meta.get_field("client").related_model
    found = clients._default_manager.filter(name=name).values_list("pk", flat=True).first()
    if found is not None:
        return int(found)
    if name.isascii() and name.isdigit() and Record.objects.of_client(int(name[:18])).exists():
        return int(name)
    raise UnknownClient(f"There is no client {name!r}.")
