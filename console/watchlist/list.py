"""The list of entries, as a grid or a table."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from audit.types import Action
from blacklist.exceptions import EntryNotFound
from blacklist.models import BlacklistEntry
from blacklist.services import get_entry
from clients.authentication import client_of
from clients.models import Client, Scope
from clients.numbering import record_rows
from clients.permissions import is_managing
from console.pages import ConsolePage
from console.watchlist.filters import EntryFilter, Page, galleries_of
from console.watchlist.shown import Tile


class WatchlistPage(ConsolePage):
    """What the section's pages have in common. Viewers look, operators add and change, managers erase."""

    section = "watchlist"
    scope_read: ClassVar[Scope] = Scope.BLACKLIST_READ
    scope_write: ClassVar[Scope] = Scope.BLACKLIST_WRITE

    def show(self, template: str, context: dict[str, Any] | None = None, *, status: int = 200) -> HttpResponse:
        response = super().show(template, context, status=status)
        if status >= 400 and "X-Problem" not in response:  # a form that is shown again, with what was typed
            response["X-Problem"] = "conflict" if status == 409 else "unprocessable"
        return response

    @property
    def client(self) -> Client:
        return client_of(self.request)

    @property
    def user(self) -> Any:
        return self.request.user

    @property
    def may_write(self) -> bool:
        return self.may(Scope.BLACKLIST_WRITE)

    @property
    def is_manager(self) -> bool:
        return is_managing(self.request)

    def entry(self, number: int) -> BlacklistEntry:
        """Raises `EntryNotFound`, also for entries of other clients."""
        try:
            return get_entry(client=self.client, entry_id=number)
        except EntryNotFound as error:
            raise EntryNotFound(_("There is no such entry. It may have been deleted.")) from error


class ListPage(WatchlistPage):
    """Forty at a time."""

    def get(self, request: Request) -> HttpResponse:
        form = EntryFilter(request.query_params)
        number = request.query_params.get("page", "")
        page = Page.of(
            form.entries(self.client), int(number) if number.isascii() and number.isdecimal() and len(number) < 9 else 1
        )
        record_rows(Action.VIEW, page.entries, results=len(page.entries))
        context = {
            "galleries": galleries_of(self.client),
            "form": form,
            "page": page,
            "tiles": [Tile(entry) for entry in page.entries],
            "may_write": self.may_write,
            "deleted": request.query_params.get("deleted") == "1",
        }
        return self.show("console/watchlist/list.html", context, status=200 if form.is_valid() else 422)
