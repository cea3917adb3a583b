"""Photographs that are judged as soon as they are chosen, one by one, and kept until the form is saved."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.request import Request

from blacklist.exceptions import PhotographGone
from blacklist.models import BlacklistEntry, CheckedPhotograph
from blacklist.services import check_photograph, choose, forget
from clients.models import Scope
from console.exceptions import NothingSent
from console.problems import said
from console.watchlist.list import WatchlistPage
from console.watchlist.shown import cards_of
from errors import NotFound
from storage.pictures import picture_response
from vision.types import Upload

GONE = gettext_lazy("A photograph was saved or removed meanwhile, or it has waited for over an hour.")


class CheckedPage(WatchlistPage):
    """Photographs of a form belong to whoever sent them: colleagues do not see them. Only who adds has any."""

    scope_read = Scope.BLACKLIST_WRITE

    def photographs(self, entry: BlacklistEntry | None, batch: UUID | None) -> list[CheckedPhotograph]:
        """Of one form, in the order in which they came."""
        own = CheckedPhotograph.objects.filter(client=self.client).of_form(self.user.pk, entry=entry, batch=batch)
        return list(own.select_related("client"))

    def photograph(self, uuid: UUID) -> CheckedPhotograph:
        """Raises `PhotographGone` for those of others, too."""
        own = CheckedPhotograph.objects.filter(client=self.client, user=self.user, uuid=uuid).current()
        found: CheckedPhotograph | None = own.select_related("client", "entry").first()
        if found is None:
            raise PhotographGone(
                _("This photograph was saved or removed meanwhile, or it has waited for over an hour.")
            )
        return found

    def show_cards(
        self, photographs: list[CheckedPhotograph], entry: BlacklistEntry | None, only: Any = None
    ) -> HttpResponse:
        """Cards for a script; `only`: of one photograph, which is compared with the others."""
        cards = [card for card in cards_of(photographs, entry) if only is None or card.photograph.pk == only.pk]
        return self.show("console/watchlist/cards.html", {"cards": cards, "entry": entry})


class CheckPage(CheckedPage):
    """One file that was chosen: its card, or why it cannot be used."""

    takes_images = frozenset({"post"})

    def post(self, request: Request, number: int | None = None, batch: UUID | None = None) -> HttpResponse:
        entry = self.entry(number) if number else None
        file = request.FILES.get("image")
        if file is None:
            raise NothingSent(_("Choose a photograph first."))
        upload = Upload(file.read(), file.name or "")
        checked = check_photograph(client=self.client, user=self.user, upload=upload, entry=entry, batch=batch)
        return self.show_cards(self.photographs(entry, batch), entry, only=checked)


class CardsPart(CheckedPage):
    """All cards of a form: what is said of one may change with the others."""

    def get(self, request: Request, number: int | None = None, batch: UUID | None = None) -> HttpResponse:
        entry = self.entry(number) if number else None
        return self.show_cards(self.photographs(entry, batch), entry)


class ChoicePage(CheckedPage):
    """The face that was clicked: the card anew, with what is said of that face."""

    def post(self, request: Request, photograph: UUID) -> HttpResponse:
        own = self.photograph(photograph)
        choose(photograph=own, face=face_in(request.data.get("face")))
        return self.show_cards(self.photographs(own.entry, own.batch), own.entry, only=own)


class RemovalPage(CheckedPage):
    def post(self, request: Request, photograph: UUID) -> HttpResponse:
        forget([self.photograph(photograph)])
        return self.show("console/watchlist/cards.html", {"cards": []})


class PhotographPicture(CheckedPage):
    """A rendering of a checked photograph, for the user who sent it."""

    def get(self, request: Request, photograph: UUID, variant: str) -> HttpResponse:
        try:
            own = self.photograph(photograph)
        except PhotographGone as error:
            raise NotFound(said(error)) from error
        return picture_response(own.image, variant=variant)


def face_in(text: Any) -> int:
    """The index that a radio button has sent; -1 for what is none."""
    return int(text) if isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) < 4 else -1
