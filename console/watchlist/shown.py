"""What the pages of the watch list show: entries, photographs that were checked, and history in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from blacklist.models import BlacklistEntry, CheckedPhotograph, EntryEvent
from blacklist.services import odd_ones
from console.review.shown import validity_of
from console.try_it.answers import Row
from console.try_it.pictures import SIDE, Mark, Picture
from console.try_it.words import clarity
from people.models import Person
from vision.types import Box, DetectedFace, Landmarks, Quality

STATE_WORDS: dict[str, str | Promise] = {
    "in force": gettext_lazy("In force"),
    "not yet": gettext_lazy("Not in force yet"),
    "over": gettext_lazy("Over"),
    "inactive": gettext_lazy("Switched off"),
}
STATE_TONES = {"in force": "good", "not yet": "careful"}
SEVERITY_WORDS: dict[str, str | Promise] = {
    "low": gettext_lazy("Low severity"),
    "normal": gettext_lazy("Normal severity"),
    "high": gettext_lazy("High severity"),
}


@dataclass(frozen=True)
class Tile:
    """An entry in the list, loaded with `with_overview`."""

    entry: Any

    @property
    def picture(self) -> str:
        return reverse("console:photograph", args=[self.entry.photograph]) if self.entry.photograph else ""

    @property
    def state(self) -> str | Promise:
        return STATE_WORDS[self._state]

    @property
    def tone(self) -> str:
        return STATE_TONES.get(self._state, "plain")

    @property
    def severity(self) -> str | Promise:
        return SEVERITY_WORDS[self.entry.severity]

    @property
    def validity(self) -> str:
        return validity_of(self.entry)

    @property
    def hits(self) -> str:
        count = self.entry.match_count
        if not count:
            return _("No hit so far")
        said = ngettext("%(count)s hit, on %(day)s", "%(count)s hits, the last on %(day)s", count)
        return said % {"count": count, "day": date_format(self.entry.last_hit)}

    @property
    def _state(self) -> str:
        return str(self.entry.state_on(timezone.localdate()))


# ---- checked photographs ----------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Card:
    """A photograph that was checked. `alike`: entries that its face is listed as already."""

    photograph: CheckedPhotograph
    alike: Sequence[Person]
    is_odd: bool

    @cached_property
    def picture(self) -> Picture:
        """In pixels of a rendering, which the page asks for."""
        own = self.photograph
        scale = min(1, SIDE / max(own.width, own.height))
        width, height = max(1, round(own.width * scale)), max(1, round(own.height * scale))
        src = reverse("console:watchlist-checked", args=[own.uuid, "large"])
        return Picture(f"p{own.uuid.hex[:12]}", own.name, src, width, height, scale)

    @cached_property
    def marks(self) -> list[Mark]:
        """Of the faces to choose from, in their order."""
        boxes = (Box(*face["box"]) for face in self.photograph.faces)
        return [
            self.picture.mark(number, box, "good" if number - 1 == self.photograph.chosen else "plain")
            for number, box in enumerate(boxes, start=1)
        ]

    @property
    def rows(self) -> list[Row]:
        """The marks as `try/picture.html` draws them."""
        return [Row(mark, "", "", mark.tone) for mark in self.marks]

    @property
    def is_of_several(self) -> bool:
        return self.photograph.found > 1

    @property
    def missing(self) -> int:
        """How many of its faces cannot be chosen."""
        return self.photograph.found - len(self.photograph.faces)

    @property
    def is_chosen(self) -> bool:
        return self.photograph.chosen is not None

    @property
    def is_not_compared(self) -> bool:
        return self.is_chosen and self.photograph.alike is None

    @property
    def quality(self) -> str:
        """How recognisable the face is, in a sentence; empty if there is nothing to say."""
        if self.photograph.chosen is None:
            return ""
        face = self.photograph.faces[self.photograph.chosen]
        quality = Quality(**face["quality"]) if face["quality"] else None
        return clarity(DetectedFace(Box(*face["box"]), face["confidence"], Landmarks(), quality))

    @property
    def is_fine(self) -> bool:
        return self.is_chosen and not self.alike and not self.is_odd


def cards_of(photographs: Sequence[CheckedPhotograph], entry: BlacklistEntry | None) -> list[Card]:
    """With the entries that they look like, as they are called now."""
    named = {pk for photograph in photographs for pk in photograph.alike or ()}
    people = Person.objects.in_bulk(named)
    odd = odd_ones(photographs, entry)
    return [Card(one, [people[pk] for pk in one.alike or () if pk in people], one.pk in odd) for one in photographs]


# ---- history ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Line:
    """What somebody did, and when."""

    at: datetime
    said: str


def history_of(entry: BlacklistEntry, limit: int) -> list[Line]:
    """The newest first."""
    events = EntryEvent.objects.filter(entry=entry).select_related("user")[:limit]
    return [Line(event.at, said) for event in events for said in sentences(event)]


def sentences(event: EntryEvent) -> list[str]:
    who = {"who": who_did(event)}
    if event.what == EntryEvent.What.CREATED:
        return [_("%(who)s added the entry.") % who]
    if event.what == EntryEvent.What.ADDED:
        count = event.changes.get("count", 1)
        said = ngettext("%(who)s added %(count)s photograph.", "%(who)s added %(count)s photographs.", count)
        return [said % {**who, "count": count}]
    if event.what == EntryEvent.What.REMOVED:
        return [_("%(who)s removed a photograph.") % who]
    return [_changed(name, value) % {**who, "value": _worded(name, value)} for name, value in event.changes.items()]


def _changed(name: str, value: Any) -> str:
    if name == "is_active":
        return _("%(who)s switched the entry on.") if value else _("%(who)s switched the entry off.")
    said = {
        "name": (_("%(who)s changed the name."), ""),
        "reason": (_("%(who)s changed the reason."), ""),
        "notes": (_("%(who)s changed the notes."), ""),
        "severity": (_("%(who)s set: %(value)s."), ""),
        "source": (_("%(who)s set the source to “%(value)s”."), _("%(who)s removed the source.")),
        "valid_from": (_("%(who)s set “from %(value)s”."), _("%(who)s removed the first day.")),
        "valid_until": (_("%(who)s set “until %(value)s”."), _("%(who)s removed the last day.")),
    }.get(name, (_("%(who)s changed the entry."), ""))
    return said[0] if value or not said[1] else said[1]


def _worded(name: str, value: Any) -> str:
    if name.startswith("valid_") and value:
        return date_format(date.fromisoformat(value))
    return str(SEVERITY_WORDS.get(value, value)).lower() if name == "severity" else str(value or "")


def who_did(event: EntryEvent) -> str:
    if event.user:
        return str(event.user.get_full_name() or event.user.get_username())
    if event.actor_kind == "user":
        return _("A former user")
    return _("A program with an API key") if event.actor_kind == "key" else _("The service")
