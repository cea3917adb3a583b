"""Who may be the same person: pairs that the check of a gallery has found, and the check itself."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from rest_framework.request import Request

from audit.types import Action
from clients.models import Scope
from clients.numbering import record_rows
from clients.permissions import is_managing
from console.numbers import number_in
from console.people.lists import PeoplePage
from console.people.shown import Pair
from errors import NotFound
from people.models import Gallery
from people.services import check_of, request_check, same_person_pairs, search_in
from people.types import HealthStatus

ON_A_PAGE = 20
LAST_PAGE = 10_000


class SamePage(PeoplePage):
    def gallery(self, name: str | None) -> Gallery | None:
        """The one with this name, or the default one; None where the client has none yet. Raises `NotFound`."""
        if not name:
            return self.galleries[0] if self.galleries else None
        found = next((gallery for gallery in self.galleries if gallery.name == name), None)
        if found is None:
            raise NotFound(_("There is no such gallery."))
        return found

    def state(self, gallery: Gallery) -> dict[str, Any]:
        check = check_of(gallery)
        return {
            "gallery": gallery,
            "check": check,
            "share": round(100 * check.done / check.people) if check.people else 100,
            "is_running": check.status == HealthStatus.COMPUTING,
            "may_check": self.may(Scope.PEOPLE_WRITE),
        }


class SamePeople(SamePage):
    """Pairs of one gallery, the nearest first. A part of the page says how the check is getting on."""

    def get(self, request: Request) -> HttpResponse:
        query = request.query_params
        gallery = self.gallery(query.get("gallery"))
        if gallery is None:
            return self.show("console/people/same.html", {"gallery": None})
        if request._request.htmx:  # type: ignore[attr-defined]
            return self.show("console/people/check.html", self.state(gallery) | {"is_part": True})
        page = max(min(number_in(query.get("page")) or 1, LAST_PAGE), 1)
        first = ON_A_PAGE * (page - 1)
        rows = list(same_person_pairs(gallery)[first : first + ON_A_PAGE + 1])
        point = search_in(client=self.client, galleries=[gallery], one_to_one=True, beside=True).point
        people = [one for row in rows[:ON_A_PAGE] for one in (row.person, row.other)]
        record_rows(Action.VIEW, people, results=len(people))
        context = {
            "galleries": self.galleries,
            "pairs": [Pair(row, point.compare([row.distance])[0]) for row in rows[:ON_A_PAGE]],
            "earlier": page - 1,
            "later": page + 1 if len(rows) > ON_A_PAGE else 0,
            "may_say": self.may(Scope.PEOPLE_WRITE),
            "may_merge": is_managing(request),
        }
        return self.show("console/people/same.html", self.state(gallery) | context)


class CheckPeople(SamePage):
    """Everybody of a gallery is compared anew, in the background."""

    def post(self, request: Request) -> HttpResponse:
        gallery = self.gallery(request.data.get("gallery"))
        if gallery is None:
            raise NotFound(_("There is no such gallery."))
        request_check(gallery)
        return HttpResponseRedirect(f"{reverse('console:people-same')}?{urlencode({'gallery': gallery.name})}")
