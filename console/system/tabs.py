"""The pages of *System* beside one another. Those for managers are shown to managers and administrators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from clients.permissions import is_managing
from console.pages import ConsolePage


@dataclass(frozen=True)
class Tab:
    key: str
    title: str | Promise
    url_name: str
    for_managers: bool = True


TABS = (
    Tab("state", _("State"), "console:system", for_managers=False),
    Tab("health", _("Gallery health"), "console:galleries", for_managers=False),
    Tab("clients", _("Clients and keys"), "console:clients"),
    Tab("webhooks", _("Webhooks and e-mail"), "console:webhooks"),
    Tab("audit", _("Audit"), "console:audit"),
)


class TabPage(ConsolePage):
    """`tab` is the key of one of `TABS`."""

    section, tab = "system", ""

    def show(self, template: str, context: dict[str, Any] | None = None, *, status: int = 200) -> HttpResponse:
        tabs = [tab for tab in TABS if is_managing(self.request) or not tab.for_managers]
        return super().show(template, {"tabs": tabs, "tab": self.tab, **(context or {})}, status=status)
