"""What the health of a gallery has found, as pages show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.urls import reverse
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from console.try_it.words import reason
from people.models import GalleryKind, Person, ReferenceImage
from people.services import Health
from people.types import HealthStatus

ON_A_PAGE = 12
STATES = {
    HealthStatus.NEVER_COMPUTED: _("Not checked yet. This begins within a minute."),
    HealthStatus.COMPUTING: _("Being checked. The lists are not complete yet."),
    HealthStatus.OUTDATED: _("People, photographs or the threshold have changed. It is checked again within a minute."),
    HealthStatus.CURRENT: _("Up to date."),
}
ALIKE, ODD, POOR = "alike", "odd", "poor"
LISTS = {
    ALIKE: (
        _("People who look alike"),
        _(
            "The photographs of these two are within the threshold, as those of one person are. Somebody may be"
            " enrolled twice, or with a photograph of somebody else. If both are right, a search may confuse them."
        ),
    ),
    ODD: (
        _("Odd photographs"),
        _(
            "Each is beyond the threshold from every other photograph of the same person. It may show somebody else,"
            " or too little of the face."
        ),
    ),
    POOR: (
        _("Poor photographs only"),
        _("The best photograph of each person is shown. Searches miss these people easily: enrol a better photograph."),
    ),
}


@dataclass(frozen=True)
class Found:
    """A person with the photograph that it is about."""

    person: Person
    image: ReferenceImage

    @property
    def url(self) -> str:
        """The person's own page, or that of the entry."""
        is_entry = self.person.kind == GalleryKind.BLACKLIST
        return reverse("console:watchlist-entry" if is_entry else "console:person", args=[self.person.number])


@dataclass(frozen=True)
class Finding:
    people: list[Found]
    said: str


class Findings:
    """One page of one of the three lists, and how long each of them is."""

    def __init__(self, health: Health, wanted: str, page: str | None) -> None:
        self.health = health
        self.rows = {ALIKE: health.look_alikes, ODD: health.odd_photographs, POOR: health.poor_people}
        self.wanted = wanted if wanted in self.rows else ALIKE
        self.counts = {key: rows.count() for key, rows in self.rows.items()}
        self.title, self.about = LISTS[self.wanted]
        paginator = Paginator(self.rows[self.wanted], ON_A_PAGE)
        paginator.count = self.counts[self.wanted]  # counted once
        self.page = paginator.get_page(page)
        self.shown = [self._finding(row) for row in self.page]

    @property
    def tabs(self) -> list[tuple[str, Any, int]]:
        return [(key, title, self.counts[key]) for key, (title, _about) in LISTS.items()]

    @property
    def people(self) -> Sequence[Person]:
        return [one.person for finding in self.shown for one in finding.people]

    def _finding(self, row: Any) -> Finding:
        if self.wanted == ALIKE:
            return Finding([Found(row.person, row.image), Found(row.other, row.other_image)], self._near(row.distance))
        if self.wanted == ODD:
            return Finding([Found(row.person, row.image)], self._near(row.distance))
        return Finding(
            [Found(row.person, row.best_image)], _now("The face is %(reason)s.") % {"reason": reason(row.reason)}
        )

    def _near(self, distance: float) -> str:
        return _now("Similarity %(percent)s %%") % {"percent": round(100 * self.health.point.similarity(distance))}
