"""What is kept of searches, and what clients are told of them (`notifications`): who was recognised, and that somebody
was not.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from django.db import transaction

from audit.services import record
from audit.types import Action, Searched
from calibration.types import Decision
from notifications.services import is_wanted, notify
from notifications.types import Event, Message
from people.types import Candidate

MOST = 50  # in one message; `count` has the whole number
# What a gallery says of a face, whatever the caller calls a match (None: it was not asked about everybody), and whom
# the caller is told of, closest first.
Seen = tuple[Decision | None, Sequence[Candidate]]


@transaction.atomic
def record_search(seen: Sequence[Seen], *, client_id: int, searched: Searched, tells: bool = True) -> None:
    """Record whom a search of faces, in their order, names to a caller; `tells`: whoever is to be told of it is.

    Each face counts as the nearest person whom it matches, of those who are named. Faces for review, and those that
    cannot be recognised, are neither known nor unknown.
    """
    named = [candidate.person.audit_name for _, found in seen for candidate in found]
    record(Action.SEARCH, client_id=client_id, objects=named, searched=searched, results=len(named))
    if tells:
        _tell(seen, client_id)


def _tell(seen: Sequence[Seen], client_id: int) -> None:
    nearest = [next((one for one in found if one.comparison.decision == Decision.MATCH), None) for _, found in seen]
    matches = [(place, one) for place, one in enumerate(nearest) if one]
    if matches and is_wanted(Event.MATCH, client_id=client_id):
        notify(Event.MATCH, _of_matches(matches), client_id=client_id)
    unknown = [place for place, (said, _) in enumerate(seen) if said == Decision.NO_MATCH]
    if unknown and is_wanted(Event.UNKNOWN, client_id=client_id):
        data = {"count": len(unknown), "faces": unknown[:MOST]}
        notify(Event.UNKNOWN, Message(str(uuid4()), data, []), client_id=client_id)


def _of_matches(matches: Sequence[tuple[int, Candidate]]) -> Message:
    told = [
        {
            "person": one.person.number,
            "person_uuid": str(one.person.uuid),
            "face": place,
            "distance": one.comparison.distance,
            "similarity": one.comparison.similarity,
            "url": f"/api/v1/people/{one.person.number}/",
        }
        for place, one in matches[:MOST]
    ]
    names = [one.person.name or one.person.external_id or str(one.person.number) for _, one in matches[:MOST]]
    named = [item | {"name": name} for item, name in zip(told, names, strict=True)]
    objects = [one.person.audit_name for _, one in matches[:MOST]]
    count = {"count": len(matches)}
    return Message(str(uuid4()), count | {"matches": told}, objects, count | {"matches": named})
