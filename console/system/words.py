"""Numbers and times as the pages of the system say them."""

from __future__ import annotations

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext


def figure(number: int) -> str:
    return number_format(number, force_grouping=True)


def duration(seconds: float | None) -> str:
    """A number in the unit that suits it; a dash for None."""
    if seconds is None:
        return "—"
    seconds = max(seconds, 0)
    if seconds < 1:
        return _("%(number)s ms") % {"number": round(seconds * 1000)}
    if seconds < 120:
        return _("%(number)s s") % {"number": number_format(round(seconds, 1) if seconds < 10 else round(seconds))}
    if seconds < 2 * 3600:
        return _("%(number)s min") % {"number": round(seconds / 60)}
    if seconds < 2 * 86400:
        return _("%(number)s h") % {"number": round(seconds / 3600)}
    days = round(seconds / 86400)
    return ngettext("%(number)s day", "%(number)s days", days) % {"number": figure(days)}
