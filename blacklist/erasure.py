"""What the blacklist knows of somebody beyond the person's record, for reports and erasures (`people.erasure`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from blacklist.models import BlacklistEntry, CheckedPhotograph
from people.models import Person
from people.types import Held, Leaving, Subject, Taken

WITHIN_THE_HOUR = "They were checked and not saved, are not compared, and are erased within the hour."


def locked_before(people: Sequence[Person], spaces: Collection[str]) -> None:
    """Nothing: entries are no enrolled people."""


def forget(leaving: Leaving) -> Taken:
    """Nothing: who is known is not on the blacklist by the same record. Photographs that wait to be saved are named."""
    return Taken(remaining=_waiting(leaving.person.client_id) if leaving.is_whole else [])


def hand_over(person: Person, to: Person) -> None:
    """Nothing: entries are not merged."""


def again(wanted: frozenset[str]) -> Counter[str]:
    """Nothing: entries are people, and their photographs go with them."""
    return Counter()


def held(subject: Subject) -> Held:
    """The case of an entry: why, when, and with what notes."""
    known = [subject.person.pk] if subject.person else []
    entries = BlacklistEntry.objects.of_client(subject.client).filter(pk__in=known)
    return Held("blacklist_entries", [_described(entry) for entry in entries], _waiting(subject.client.pk))


def _described(entry: BlacklistEntry) -> dict[str, Any]:
    return {
        "id": entry.number,
        "reason": entry.reason,
        "severity": entry.severity,
        "source": entry.source,
        "notes": entry.notes,
        "is_active": entry.is_active,
        "valid_from": entry.valid_from and entry.valid_from.isoformat(),
        "valid_until": entry.valid_until and entry.valid_until.isoformat(),
        "changed_at": entry.updated_at.isoformat(),
        "events": entry.events.count(),
    }


def _waiting(client_id: int) -> list[dict[str, Any]]:
    count = CheckedPhotograph.objects.filter(client=client_id).count()
    return [{"what": "checked_photographs", "why": WITHIN_THE_HOUR, "count": count, "days": None}] if count else []
