"""What the pages of *Review* show of hits and verdicts, and what they keep back from one of two persons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib.auth.models import User
from django.template.defaultfilters import floatformat
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from blacklist.models import BlacklistEntry
from clients.models import Client
from console.numbers import MANY, Scale, in_words
from console.times import ago
from recognition.models import Match, Verdict
from recognition.querysets import MatchQuerySet
from recognition.types import ReviewState
from storage.pictures import percentages

GROUPS = 20  # of one page
FACES = 6  # shown of one group
EARLIER = 5  # decisions on other hits of the entry
WORDS: dict[str, str | Promise] = {
    ReviewState.OPEN: gettext_lazy("Open"),
    ReviewState.UNSURE: gettext_lazy("Unsure"),
    ReviewState.CONFIRMED: gettext_lazy("Confirmed"),
    ReviewState.DISMISSED: gettext_lazy("Dismissed"),
    ReviewState.REPEATED: gettext_lazy("Dismissed earlier"),
}
TONES = {ReviewState.CONFIRMED: "alarm", ReviewState.UNSURE: "careful", ReviewState.DISMISSED: "good"}


@dataclass(frozen=True)
class Said:
    """A verdict in words."""

    who: str
    word: str | Promise
    tone: str
    when: str
    note: str

    @classmethod
    def of(cls, verdict: Verdict) -> Said:
        return cls(who_gave(verdict), WORDS[verdict.said], tone_of(verdict.said), ago(verdict.given_at), verdict.note)


@dataclass(frozen=True)
class Group:
    """Hits of one entry on one day."""

    entry: BlacklistEntry
    day: date
    hits: int
    last: int
    faces: Sequence[Match]


def queue(client: Client, state: str, user: User) -> MatchQuerySet:
    """Hits of one state; of the open ones those that this person has not judged."""
    hits = Match.objects.of_client(client)
    if state == ReviewState.OPEN:
        return hits.waiting_for(user.pk)
    return hits.filter(state=state).order_by("-found_on", "entry", "id")


def groups_of(hits: MatchQuerySet, page: int) -> tuple[list[Group], bool]:
    """One page of groups, and whether there are more."""
    start = (page - 1) * GROUPS
    rows = list(hits.by_entry_and_day()[start : start + GROUPS + 1])
    shown, entries = rows[:GROUPS], {row["entry"] for row in rows[:GROUPS]}
    faces = hits.filter(entry__in=entries, found_on__in={row["found_on"] for row in shown}).first_of_each(FACES)
    by_group: dict[tuple[date, int], list[Match]] = {}
    for match in faces.with_context():
        by_group.setdefault((match.found_on, match.entry_id), []).append(match)
    groups = []
    for row in shown:
        of_group = by_group.get((row["found_on"], row["entry"]))
        if of_group:  # decided by somebody else between the two queries, if there is none
            groups.append(Group(of_group[0].entry, row["found_on"], row["hits"], row["last"], of_group))
    return groups, len(rows) > GROUPS


def counts_of(client: Client) -> dict[str, str]:
    """How many hits each state has, in words."""
    hits = Match.objects.of_client(client).order_by()
    some = [hits.filter(state=state).values_list("state", flat=True)[: MANY + 1] for state in WORDS]
    counts = Counter(some[0].union(*some[1:], all=True))
    return {state: in_words(counts[state]) for state in WORDS}


def hit_context(match: Match, user: User) -> dict[str, Any]:
    """Everything about one hit. While two persons have still to decide it, neither score nor others' verdicts."""
    verdicts = list(match.verdicts.filter(counts=True).select_related("user"))
    is_open, is_blind = match.state == ReviewState.OPEN, match.is_blind
    own = next((one for one in verdicts if one.user_id == user.pk), None) if is_blind or not is_open else None
    shown = verdicts if not is_open else [own] if own else []
    face, image = match.face, match.face.image
    box = percentages(face.box, width=image.width, height=image.height) if image.width and image.height else None
    return {
        "match": match, "entry": match.entry, "image": image, "box": box, "is_open": is_open,
        "own": own, "is_blind": is_blind, "verdicts": [Said.of(one) for one in shown],
        "word": WORDS[match.state], "tone": tone_of(match.state),
        "validity": validity_of(match.entry),
        "scale": None if is_blind else Scale(match.distance, match.threshold),
        "rivals": [] if is_blind else rivals_of(match),
        "earlier": earlier_of(match),
    }  # fmt: skip


def exported(match: Match) -> dict[str, Any]:
    """A hit and the verdicts that count, as they leave the service."""
    image, face = match.face.image, match.face
    return {
        "image": {"id": image.number, "uuid": image.uuid, "identifier": image.identifier, "at": image.created_at},
        "face": {"index": face.index, "x": face.box_x, "y": face.box_y, "w": face.box_w, "h": face.box_h},
        "entry": {"id": match.entry.number, "uuid": match.entry.uuid, "name": match.entry.name},
        "distance": match.distance,
        "threshold": match.threshold,
        "state": match.state,
        "decided_at": match.decided_at,
        "two_persons": match.entry.gallery.two_person_review,
        "verdicts": [
            {"said": one.said, "by": who_gave(one), "at": one.given_at, "note": one.note}
            for one in match.verdicts.filter(counts=True).select_related("user")
        ],
    }


def rivals_of(match: Match) -> list[tuple[str, str]]:
    """Other entries near the face, with how much farther (+) or nearer (-) they are."""
    others = match.face.matches.exclude(pk=match.pk).select_related("entry").order_by("distance")[:3]
    return [(other.entry.name, signed(other.distance - match.distance)) for other in others]


def signed(number: float) -> str:
    return f"{'-' if number < 0 else '+'}{floatformat(abs(number), 3)}"


def earlier_of(match: Match) -> list[tuple[Match, Said | None]]:
    """The last decisions on other hits of the entry, each with the verdict that came last."""
    decided = Match.objects.filter(entry=match.entry_id, decided_at__isnull=False).exclude(pk=match.pk)
    rows = list(decided.order_by("-decided_at")[:EARLIER])
    verdicts = Verdict.objects.filter(match__in=rows, counts=True).select_related("user")
    last = {verdict.match_id: verdict for verdict in verdicts}
    return [(row, Said.of(last[row.pk]) if row.pk in last else None) for row in rows]


def validity_of(entry: BlacklistEntry) -> str:
    """Since when and until when the entry counts, and whether it does today."""
    words = {
        "in force": _("In force"),
        "not yet": _("Not in force yet"),
        "over": _("No longer in force"),
        "inactive": _("Switched off"),
    }[entry.state_on(timezone.localdate())]
    if entry.valid_from:
        words += " · " + _("from %(day)s") % {"day": date_format(entry.valid_from)}
    if entry.valid_until:
        words += " · " + _("until %(day)s") % {"day": date_format(entry.valid_until)}
    return words


def who_gave(verdict: Verdict) -> str:
    return verdict.user.get_full_name() or verdict.user.get_username() if verdict.user else _("A former user")


def tone_of(state: str) -> str:
    return TONES.get(ReviewState(state), "plain")
