"""Hits as people judge them: verdicts, what follows from them, and which later hits were dismissed earlier.

A hit is decided by one verdict, or, where the gallery of its entry wants two persons, by two that agree; if they do
not, a third person's verdict decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from audit.services import record
from audit.types import Action
from blacklist.types import Hit
from recognition import news
from recognition.exceptions import AlreadyDecided, NotDecided, RecordNotFound, TooLateToUndo
from recognition.models import Match, Verdict
from recognition.types import VERDICTS, ReviewState
from vectors.stored import to_store
from vision.types import DetectedFace

UNDO = timedelta(seconds=15)  # pages offer it for ten, and answers take time


def outcome(said: Sequence[str], *, persons: int) -> ReviewState:
    """What verdicts in their order make of a hit on which `persons`, 1 or 2, have to agree."""
    if len(said) < persons:
        return ReviewState.OPEN
    agreed = [one for one in said if said.count(one) >= persons]
    if agreed:
        return ReviewState(agreed[0])
    return ReviewState(said[-1]) if len(said) > persons else ReviewState.OPEN


@transaction.atomic
def judge(*, match: Match, user: User, said: ReviewState, note: str = "") -> Verdict:
    """One person's verdict on an open hit.

    Raises `AlreadyDecided`, also for a second verdict of the same person, and `RecordNotFound` if the hit is gone.
    """
    if said not in VERDICTS:
        raise ValueError(f"{said} is no verdict.")
    locked = _lock(match)
    if locked.state != ReviewState.OPEN:
        raise AlreadyDecided("This hit has been decided already.")
    if locked.verdicts.filter(user=user, counts=True).exists():
        raise AlreadyDecided("You have judged this hit already; it waits for somebody else.")
    client_id = locked.entry.client_id
    verdict = Verdict.objects.create(client_id=client_id, match=locked, user=user, said=said, note=note)
    _settle(locked)
    _record(locked, f"verdict:{said}")
    return verdict


@transaction.atomic
def judge_all(*, matches: Iterable[Match], user: User, said: ReviewState, note: str = "") -> int:
    """`judge` for each that is open and not yet judged by this person. Returns how many that were."""
    count = 0
    for match in sorted(matches, key=lambda match: match.pk):
        try:
            judge(match=match, user=user, said=said, note=note)
            count += 1
        except (AlreadyDecided, RecordNotFound):
            continue
    return count


@transaction.atomic
def take_back(*, verdict: Verdict, user: User) -> Match:
    """Withdraw one's own verdict shortly after it was given. Returns the hit.

    Raises `TooLateToUndo` later, or once somebody else has judged the hit.
    """
    locked = _lock(verdict.match)
    latest = locked.verdicts.filter(counts=True).last()
    if latest is None or latest.pk != verdict.pk or latest.user_id != user.pk:
        raise TooLateToUndo("This verdict cannot be taken back: the hit has been judged again since.")
    if timezone.now() - latest.given_at > UNDO:
        raise TooLateToUndo("It is too late to take this back. Open the hit again instead.")
    locked.verdicts.filter(pk=latest.pk).update(counts=False)
    _settle(locked)
    _record(locked, "verdict:taken_back")
    return locked


@transaction.atomic
def open_again(*, match: Match) -> None:
    """Put a decided hit into the queue again; its verdicts stay and no longer count. Raises `NotDecided`."""
    locked = _lock(match)
    if locked.state == ReviewState.OPEN:
        raise NotDecided("This hit is open already.")
    locked.verdicts.filter(counts=True).update(counts=False)
    locked.state, locked.decided_at = ReviewState.OPEN, None
    locked.save(update_fields=["state", "decided_at"])
    news.tell_not_of_confirmed(locked)
    _record(locked)


def dismissed_earlier(
    client_id: int, space: str, metric: str, faces: Sequence[tuple[DetectedFace, Sequence[Hit]]]
) -> set[tuple[int, int]]:
    """Which of the hits (position of the face, id of the entry) are nearer to a dismissed face than to their entry.

    It takes kept embeddings (`keep_screened_embeddings`): without them no hit counts as dismissed earlier.
    """
    entries = {hit.entry_id for _, hits in faces for hit in hits}
    dismissed = Match.objects.filter(entry__in=entries, state=ReviewState.DISMISSED)
    if not entries or not dismissed.filter(face__space=space, face__embedding__isnull=False).exists():
        return set()
    found = set[tuple[int, int]]()
    for number, (face, hits) in enumerate(faces):
        if hits:
            probe = to_store(face.embeddings[space], client_id=client_id, space=space)
            near = Match.objects.dismissed_near([hit.entry_id for hit in hits], space, probe, metric)
            found |= {(number, hit.entry_id) for hit in hits if near.get(hit.entry_id, hit.distance) < hit.distance}
    return found


def _lock(match: Match) -> Match:
    """The row of now: whoever comes second finds what the first has decided. Raises `RecordNotFound`."""
    rows = Match.objects.select_for_update(of=("self",), no_key=True).with_context()
    locked = rows.filter(pk=match.pk).first()
    if locked is None:
        raise RecordNotFound("This hit does not exist any more.")
    return locked


def _settle(match: Match) -> None:
    said = list(match.verdicts.filter(counts=True).values_list("said", flat=True))
    match.state = outcome(said, persons=2 if match.entry.gallery.two_person_review else 1)
    match.decided_at = None if match.state == ReviewState.OPEN else timezone.now()
    match.save(update_fields=["state", "decided_at"])
    if match.state == ReviewState.CONFIRMED:
        news.tell_of_confirmed(match, after=UNDO)
    else:
        news.tell_not_of_confirmed(match)


def _record(match: Match, *said: str) -> None:
    image = match.face.image
    names = [image.audit_name, f"face:{match.face.index}", match.entry.audit_name, *said, f"state:{match.state}"]
    record(Action.DECIDE, client_id=image.client_id, objects=names, results=1)
