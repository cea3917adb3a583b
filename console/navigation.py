"""The sections of the console. One line here and one module of views are what a section consists of."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Section:
    """`url_name` is its first page, `icon` one of `static/console/icons.svg`."""

    key: str
    title: str | Promise
    icon: str
    url_name: str

    @property
    def is_main(self) -> bool:
        """Whether it stands in the bar of small screens, where the others are behind "More". These come first."""
        return self.key in MAIN


MAIN = ("today", "review", "watchlist", "try")

SECTIONS = (
    Section("today", _("Today"), "home", "home"),
    Section("review", _("Review"), "check", "console:review"),
    Section("watchlist", _("Watch list"), "list", "console:watchlist"),
    Section("try", _("Try it"), "spark", "console:try-who"),
    Section("images", _("Screened images"), "picture", "console:images"),
    Section("people", _("People"), "person", "console:people"),
    Section("albums", _("Albums"), "album", "console:albums"),
    Section("jobs", _("Jobs"), "stack", "console:jobs"),
    Section("system", _("System"), "pulse", "console:system"),
)
