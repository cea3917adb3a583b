"""What clients are told of searches (`notifications`): who was recognised, and that somebody was not."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from calibration.types import Decision
from notifications.services import is_wanted, notify
from notifications.types import Event, Message
from people.types import Candidate

MOST = 50  # in one message; `count` has the whole number
Seen = tuple[Decision, Sequence[Candidate]]  # what is said of a face, and whom it is like, closest first


def tell_of_search(seen: Sequence[Seen], *, client_id: int) -> None:
    """Tell of the faces of a search, in their order, in the transaction that records it.

    Each face counts as the nearest person whom it matches. Faces for review, and those that cannot be recognised, are
    neither known nor unknown.
    """
    matches = [
        (place, next(one for one in found if one.comparison.decision == Decision.MATCH))
        for place, (said, found) in enumerate(seen)
        if said == Decision.MATCH
    ]
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
