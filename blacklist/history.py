"""The history of an entry: what was done to it, by whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth.models import User

from blacklist.models import BlacklistEntry, EntryEvent
from telemetry.actors import ActorKind, acting

# Of these the new value is kept; of the others only that they were changed.
WITH_VALUE = ("severity", "source", "is_active", "valid_from", "valid_until")
KNOWN = ("name", "reason", "notes", *WITH_VALUE)


def acting_user() -> int | None:
    """The id of the user who acts, None for a program and for a user who has been deleted meanwhile."""
    actor = acting()
    if actor.kind != ActorKind.USER or not actor.name.isdecimal():
        return None
    return User.objects.filter(pk=int(actor.name)).values_list("pk", flat=True).first()


def add_event(entry: BlacklistEntry, what: EntryEvent.What, **changes: Any) -> EntryEvent:
    kind = acting().kind.value
    return EntryEvent.objects.create(entry=entry, what=what, changes=changes, user_id=acting_user(), actor_kind=kind)


def values_of(entry: BlacklistEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in KNOWN}


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    """Fields that differ, with their new values as they are kept."""
    changed = [name for name in KNOWN if name in set(fields) and (before[name] or None) != (after[name] or None)]
    return {name: _kept(after[name]) if name in WITH_VALUE else None for name in changed}


def _kept(value: Any) -> Any:
    return value if isinstance(value, bool | str) or value is None else value.isoformat()
