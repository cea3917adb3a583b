"""Hits as people judge them: verdicts, what follows from them, and which later hits were dismissed earlier.

A hit is decided by one verdict, or, where the gallery of its entry wants two persons, by two that agree; if they do
not, a third person's verdict decides. A verdict that left a hit open counts only while two persons judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from audit.services import record_each
from audit.types import Action
from blacklist.models import BlacklistEntry
from blacklist.types import Hit
from recognition import news
from recognition.exceptions import AlreadyDecided, JudgedOneByOne, NotDecided, RecordNotFound, TooLateToUndo
from recognition.models import Match, ProcessedImage, Verdict
from recognition.types import VERDICTS, ReviewState
from vectors.stored import to_store
from vision.types import DetectedFace

UNDO = timedelta(seconds=15)  # pages offer it for ten, and answers take time


def outcome(said: Sequence[str], *, persons: int) -> ReviewState:
    """What verdicts in their order make of a hit on which `persons`, 1 or 2, have to agree."""
    if len(said) < persons:
        return ReviewState.OPEN
    decides = said.count(said[-1]) >= persons or len(said) > persons
    return ReviewState(said[-1]) if decides else ReviewState.OPEN


@transaction.atomic
def judge(*, match: Match, user: User, said: ReviewState, note: str = "") -> Verdict:
    """One person's verdict on an open hit.

    Raises `AlreadyDecided`, also for a second verdict of the same person, and `RecordNotFound` if the hit is gone.
    """
    locked = _lock(match)
    if locked.state != ReviewState.OPEN:
        raise AlreadyDecided("This hit has been decided already.")
    if locked.is_blind and locked.verdicts.filter(user=user, counts=True).exists():
        raise AlreadyDecided("You have judged this hit already; it waits for somebody else.")
    return _give(locked, user, said, note)


@transaction.atomic
def judge_all(*, matches: Iterable[Match], user: User, said: ReviewState, note: str = "") -> int:
    """`judge` for each of a client's hits that is open. Returns how many that were.

    Raises `JudgedOneByOne` if two persons judge one of them.
    """
    waiting = [match for match in _lock_all(matches) if match.state == ReviewState.OPEN]
    if any(match.is_blind for match in waiting):
        raise JudgedOneByOne("Two persons judge these hits, each of them by itself.")
    if waiting:
        _decide(waiting, user, said, note)
    return len(waiting)


@transaction.atomic
def take_back(*, verdict: Verdict, user: User) -> Match:
    """Withdraw one's own verdict shortly after it was given. Returns the hit.

    Raises `TooLateToUndo` later, or once somebody else has judged the hit.
    """
    locked = _lock(verdict.match)
    latest = locked.verdicts.filter(counts=True).last()
    if latest is None or latest.pk != verdict.pk or latest.user_id != user.pk:
        raise TooLateToUndo("This verdict cannot be taken back: the hit has been judged again since.")
    if stands(latest):
        raise TooLateToUndo("This verdict cannot be taken back: somebody else has judged the hit, too.")
    if timezone.now() - latest.given_at > UNDO:
        raise TooLateToUndo("It is too late to take this back. Open the hit again instead.")
    locked.verdicts.filter(pk=latest.pk).update(counts=False)
    _reopen(locked)
    _record([locked], "verdict:taken_back")
    return locked


def stands(verdict: Verdict) -> bool:
    """Whether a verdict cannot be taken back: the second of two persons could learn from it what the first said."""
    match = verdict.match
    return match.entry.gallery.two_person_review and match.verdicts.filter(counts=True).count() > 1


@transaction.atomic
def open_again(*, match: Match) -> None:
    """Put a decided hit into the queue again; its verdicts stay and no longer count. Raises `NotDecided`."""
    locked = _lock(match)
    if locked.state == ReviewState.OPEN:
        raise NotDecided("This hit is open already.")
    locked.verdicts.filter(counts=True).update(counts=False)
    _reopen(locked)
    _record([locked])


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
    locked = _lock_all([match])
    if not locked:
        raise RecordNotFound("This hit does not exist any more.")
    return locked[0]


def _lock_all(matches: Iterable[Match]) -> list[Match]:
    """Those that still exist, with their entries and images, which an erasure locks before it deletes anything.

    Always in this order, so that no two of these block each other.
    """
    rows = Match.objects.filter(pk__in=[match.pk for match in matches])
    entries, images = rows.values_list("entry", flat=True), rows.values_list("face__image", flat=True)
    for model, ids in ((BlacklistEntry, list(entries)), (ProcessedImage, list(images))):
        held = model._default_manager.select_for_update(of=("self",), no_key=True)
        list(held.filter(pk__in=ids).order_by("pk").values_list("pk"))
    return list(rows.select_for_update(of=("self",), no_key=True).with_context().order_by("pk"))


def _give(match: Match, user: User, said: ReviewState, note: str) -> Verdict:
    """Store a verdict on a locked hit that is open, and what follows from it."""
    if not match.is_blind:
        return _decide([match], user, said, note)[0]
    verdict = _verdict(match, user, said, note)
    verdict.save(force_insert=True)
    verdicts = list(match.verdicts.filter(counts=True).values_list("said", flat=True))
    state = outcome(verdicts, persons=2)
    if state == ReviewState.OPEN:
        _record([match], "verdict:given")  # managers read the audit, and may be the second to judge
    else:
        _close([match], state, *(f"verdict:{one}" for one in verdicts))
    return verdict


def _decide(matches: Sequence[Match], user: User, said: ReviewState, note: str) -> list[Verdict]:
    """Verdicts on locked, open hits of one client, each of which one person judges: they decide."""
    verdicts = [_verdict(match, user, said, note) for match in matches]
    Verdict.objects.filter(match__in=matches, counts=True).update(counts=False)  # given while two persons judged
    Verdict.objects.bulk_create(verdicts)
    _close(matches, outcome([said], persons=1), f"verdict:{said}")
    return verdicts


def _verdict(match: Match, user: User, said: ReviewState, note: str) -> Verdict:
    if said not in VERDICTS:
        raise ValueError(f"{said} is no verdict.")
    return Verdict(client_id=match.client_id, match=match, user=user, said=said, note=note)


def _close(matches: Sequence[Match], state: ReviewState, *said: str) -> None:
    """Store the state of locked hits that have been decided, tell of confirmed ones, and record each."""
    now = timezone.now()
    for match in matches:
        match.state, match.decided_at = state, now
    Match.objects.filter(pk__in=[match.pk for match in matches]).update(state=state, decided_at=now)
    if state == ReviewState.CONFIRMED:
        news.tell_of_confirmed(matches, after=UNDO)
    _record(matches, *said)


def _reopen(match: Match) -> None:
    match.state, match.decided_at = ReviewState.OPEN, None
    match.save(update_fields=["state", "decided_at"])
    news.tell_not_of_confirmed(match)


def _record(matches: Sequence[Match], *said: str) -> None:
    """One row for each."""
    names = [
        [
            *(match.face.image.audit_name, f"face:{match.face.index}", match.entry.audit_name),
            *said,
            f"state:{match.state}",
        ]
        for match in matches
    ]
    record_each(Action.DECIDE, client_id=matches[0].client_id, objects=names, results=1)
