"""One entry: the case with its photographs, hits and history, and what can be done with it."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from rest_framework.request import Request

from audit.types import Action
from blacklist.models import BlacklistEntry
from blacklist.services import delete_entry, delete_image, save_entry
from clients.models import Scope
from clients.numbering import record_rows
from console.review.shown import WORDS, tone_of, validity_of
from console.watchlist.checks import CheckedPage
from console.watchlist.list import WatchlistPage
from console.watchlist.shown import Tile, cards_of, history_of
from people.models import ReferenceImage
from recognition.models import Match

HITS = 8  # shown of one entry
EVENTS = 20
MOST_PHOTOGRAPHS = 200


class EntryPage(CheckedPage):
    scope_read = Scope.BLACKLIST_READ

    def get(self, request: Request, number: int) -> HttpResponse:
        return self.show_entry(self.entry(number))

    def show_entry(self, entry: BlacklistEntry, *, status: int = 200, **context: Any) -> HttpResponse:
        """`context`: what became of the photographs that were sent."""
        overview = BlacklistEntry.objects.filter(pk=entry.pk).with_overview().get()
        found = list(ReferenceImage.objects.filter(person=entry).primary_first()[: MOST_PHOTOGRAPHS + 1])
        photographs = found[:MOST_PHOTOGRAPHS]
        record_rows(Action.VIEW, [entry, *photographs], results=1)
        checked = self.photographs(entry, None) if self.may_write else []
        shown = {
            "entry": entry,
            "tile": Tile(overview),
            "validity": validity_of(entry),
            "photographs": photographs,
            "most": MOST_PHOTOGRAPHS if len(found) > MOST_PHOTOGRAPHS else None,
            "hits": [(hit, WORDS[hit.state], tone_of(hit.state)) for hit in self._hits(entry)],
            "sees_hits": self.sees_hits,
            "history": history_of(entry, EVENTS),
            "cards": cards_of(checked, entry),
            "may_write": self.may_write,
            "may_erase": self.is_manager,
            "check_url": reverse("console:watchlist-check", args=[entry.number]),
            "cards_url": reverse("console:watchlist-cards", args=[entry.number]),
        }
        return self.show("console/watchlist/entry.html", shown | context, status=status)

    @property
    def sees_hits(self) -> bool:
        """Viewers do as well: *Review* shows them the same."""
        return True

    def _hits(self, entry: BlacklistEntry) -> list[Match]:
        """The newest, without those for which nothing but a look was asked."""
        hits = Match.objects.filter(entry=entry).without_reviews().select_related("face__image", "entry__gallery")
        return list(hits.order_by("-pk")[:HITS])


class RemovePhotograph(WatchlistPage):
    """For managers; the last photograph stays."""

    to_confirm = frozenset({"post"})

    for_managers = ("post",)

    def post(self, request: Request, number: int, image: int) -> HttpResponse:
        delete_image(entry=self.entry(number), image_id=image)
        return HttpResponseRedirect(reverse("console:watchlist-entry", args=[number]))


class SwitchEntry(WatchlistPage):
    """On, or off: nothing is erased."""

    def post(self, request: Request, number: int) -> HttpResponse:
        entry = self.entry(number)
        entry.is_active = request.data.get("on") == "1"
        save_entry(entry=entry, fields=["is_active"])
        return HttpResponseRedirect(reverse("console:watchlist-entry", args=[number]))


class DeleteEntry(WatchlistPage):
    """With photographs and hits, for good. Managers only, who confirm who they are (`login.confirmation`)."""

    to_confirm = frozenset({"post"})

    for_managers = ("post",)

    def post(self, request: Request, number: int) -> HttpResponse:
        delete_entry(entry=self.entry(number))
        return HttpResponseRedirect(f"{reverse('console:watchlist')}?deleted=1")
