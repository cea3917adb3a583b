"""Which entries are shown, in which order: a form that the addresses of the pages carry along."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from blacklist.models import BlacklistEntry
from blacklist.querysets import BlacklistEntryQuerySet
from clients.models import Client
from console.numbers import count_of, in_words
from people.models import Gallery, GalleryKind

ON_A_PAGE = 40
LAST_PAGE = 100_000
STATES = [
    ("", _("All")),
    ("in force", _("In force")),
    ("not yet", _("Not in force yet")),
    ("over", _("Over")),
    ("inactive", _("Switched off")),
]
SEVERITIES = [("", _("All")), ("high", _("High")), ("normal", _("Normal")), ("low", _("Low"))]
ORDERS = {"": ["-pk"], "name": ["name", "pk"], "changed": ["-updated_at", "-pk"]}
ORDER_WORDS = [("", _("Newest first")), ("name", _("By name")), ("changed", _("Last changed first"))]
LOOKS = [("", _("Grid")), ("list", _("List"))]


class EntryFilter(forms.Form):
    """The filter, the order and the look of the list."""

    name = forms.CharField(label=_("Name contains"), required=False, max_length=100)
    state = forms.ChoiceField(label=_("State"), choices=STATES, required=False)
    severity = forms.ChoiceField(label=_("Severity"), choices=SEVERITIES, required=False)
    gallery = forms.IntegerField(label=_("Gallery"), required=False, min_value=1, max_value=2**63 - 1)
    source = forms.CharField(label=_("Source contains"), required=False, max_length=100)
    order = forms.ChoiceField(label=_("Order"), choices=ORDER_WORDS, required=False)
    look = forms.ChoiceField(choices=LOOKS, required=False)

    @cached_property
    def chosen(self) -> dict[str, str]:
        """What was filled in and can be used, as text."""
        self.is_valid()
        return {name: str(value) for name, value in self.cleaned_data.items() if value}

    @property
    def is_narrowed(self) -> bool:
        return bool(self.chosen.keys() - {"order", "look"}) or not self.is_valid()

    @property
    def query(self) -> str:
        return urlencode(self.chosen)

    @property
    def other_look(self) -> str:
        """The same list in the other look, as the end of an address."""
        others = {name: value for name, value in self.chosen.items() if name != "look"}
        return urlencode(others if self.chosen.get("look") else others | {"look": "list"})

    def entries(self, client: Client) -> BlacklistEntryQuerySet:
        """Those of the client that the filter lets pass, in its order; none if it cannot be used."""
        entries = BlacklistEntry.objects.of_client(client)
        if not self.is_valid():
            return entries.none()
        chosen = self.cleaned_data
        if chosen["name"]:
            entries = entries.filter(name__icontains=chosen["name"])
        if chosen["state"]:
            entries = entries.in_state(chosen["state"], timezone.localdate())
        if chosen["severity"]:
            entries = entries.filter(severity=chosen["severity"])
        if chosen["gallery"]:
            entries = entries.filter(gallery=chosen["gallery"])
        if chosen["source"]:
            entries = entries.filter(source__icontains=chosen["source"])
        return entries.order_by(*ORDERS[chosen["order"]])


def galleries_of(client: Client) -> list[Gallery]:
    """Galleries to choose from; none where there is just one."""
    galleries = list(Gallery.objects.of_client(client).of_kind(GalleryKind.BLACKLIST))
    return galleries if len(galleries) > 1 else []


@dataclass(frozen=True)
class Page:
    """Entries of one page. `total`: how many pass the filter, in words."""

    entries: list[Any]
    number: int
    total: str
    has_next: bool

    @classmethod
    def of(cls, entries: BlacklistEntryQuerySet, number: int) -> Page:
        """The page with this number; the first one if there are not so many."""
        number = min(max(number, 1), LAST_PAGE)
        start = (number - 1) * ON_A_PAGE
        # First which ones: PostgreSQL would count the hits of all entries on the pages before as well.
        shown = list(entries.values_list("pk", flat=True)[start : start + ON_A_PAGE + 1])
        if not shown and number > 1:
            return cls.of(entries, 1)
        found = BlacklistEntry.objects.filter(pk__in=shown[:ON_A_PAGE]).with_overview().in_bulk()
        total = in_words(count_of(entries))
        return cls([found[pk] for pk in shown[:ON_A_PAGE] if pk in found], number, total, len(shown) > ON_A_PAGE)

    @property
    def previous(self) -> int | None:
        return self.number - 1 if self.number > 1 else None

    @property
    def next(self) -> int | None:
        return self.number + 1 if self.has_next else None
