"""How long ago something was, as a sentence has it."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from django.utils.translation import ngettext


def ago(moment: datetime) -> str:
    """In the largest unit of which there are at least two."""
    seconds = max((timezone.now() - moment).total_seconds(), 0)
    if seconds < 120:
        count = int(seconds)
        said = ngettext("%(count)s second ago", "%(count)s seconds ago", count)
    elif seconds < 2 * 3600:
        count = round(seconds / 60)
        said = ngettext("%(count)s minute ago", "%(count)s minutes ago", count)
    elif seconds < 2 * 86400:
        count = round(seconds / 3600)
        said = ngettext("%(count)s hour ago", "%(count)s hours ago", count)
    else:
        count = round(seconds / 86400)
        said = ngettext("%(count)s day ago", "%(count)s days ago", count)
    return said % {"count": count}
