"""The last 24 hours, hour by hour: images, hits, and how long results took."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from clients.models import Client
from console.charts import Chart, bars
from console.system.remembered import remembered
from console.system.words import duration, figure
from recognition.models import Match, ProcessedImage

HOURS = 24


@dataclass(frozen=True)
class Hour:
    """`half` and `most`: the seconds within which half, and 95 of 100, of its images had their result."""

    begins: datetime
    images: int = 0
    failed: int = 0
    hits: int = 0
    half: float | None = None
    most: float | None = None

    @property
    def clock(self) -> str:
        return date_format(timezone.localtime(self.begins), "H:i")


@dataclass(frozen=True)
class Day:
    """`hours` in their order, the current one last."""

    hours: list[Hour]

    @property
    def images(self) -> int:
        return sum(hour.images for hour in self.hours)

    @property
    def failed(self) -> int:
        return sum(hour.failed for hour in self.hours)

    @property
    def hits(self) -> int:
        return sum(hour.hits for hour in self.hours)

    @property
    def charts(self) -> list[Chart]:
        return [self._images(), self._hits(), self._seconds()]

    def _images(self) -> Chart:
        failed = ngettext("%(count)s failed", "%(count)s failed", self.failed) % {"count": figure(self.failed)}
        return bars(
            "images",
            _("Images"),
            [{"value": hour.images - hour.failed, "failed": hour.failed} for hour in self.hours],
            headline=figure(self.images),
            about=failed,
            description=self._most_of([hour.images for hour in self.hours]),
        )

    def _hits(self) -> Chart:
        return bars(
            "hits",
            _("Hits"),
            [{"hit": hour.hits} for hour in self.hours],
            headline=figure(self.hits),
            about=_("faces that are on the watch list"),
            description=self._most_of([hour.hits for hour in self.hours]),
        )

    def _seconds(self) -> Chart:
        last = next((hour for hour in reversed(self.hours) if hour.half is not None), None)
        about = _("for half of the images since %(time)s; 95 of 100 within %(most)s")
        return bars(
            "seconds",
            _("From arrival to result"),
            [{"value": hour.half or 0, "slow": (hour.most or 0) - (hour.half or 0)} for hour in self.hours],
            headline=duration(last.half) if last else "—",
            about=about % {"time": last.clock, "most": duration(last.most)} if last else _("no image yet"),
            description=_("Time within which half, and 95 of 100, of the images of an hour had their result."),
        )

    def _most_of(self, values: list[int]) -> str:
        if not any(values):
            return _("None in the last 24 hours.")
        place = values.index(max(values))
        said = _("Most in the hour from %(time)s: %(count)s.")
        return said % {"time": self.hours[place].clock, "count": figure(values[place])}


def last_day(client: Client | None) -> Day:
    """Of one client, or of all of them that the database shows. Images count in the hour in which they arrived.

    What was counted is repeated for half a minute: counting 100,000 images of one day takes a third of a second.
    """
    rows = remembered(f"console.day.{client.pk if client else 'all'}", lambda: [astuple(one) for one in _count(client)])
    return Day([Hour(*row) for row in rows])


def _count(client: Client | None) -> list[Hour]:
    now = timezone.now().astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    since = now - timedelta(hours=HOURS - 1)
    images, hits = ProcessedImage.objects.all(), Match.objects.without_reviews()
    if client:
        images, hits = images.of_client(client), hits.of_client(client)
    counted: dict[datetime, dict[str, Any]] = {row["hour"]: row for row in images.by_hour(since)}
    found = {row["hour"]: row["hits"] for row in hits.by_hour(since)}
    moments = [since + timedelta(hours=number) for number in range(HOURS)]
    return [_hour(moment, counted.get(moment), found.get(moment, 0)) for moment in moments]


def _hour(begins: datetime, row: dict[str, Any] | None, hits: int) -> Hour:
    if row is None:
        return Hour(begins, hits=hits)
    half, most = row["seconds"] or (None, None)
    return Hour(begins, row["images"], row["failed"], hits, half, most)
