"""The health of galleries: who looks alike, which photographs are odd or poor, and a check of everybody anew."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from audit.types import Action
from clients.authentication import client_of
from clients.models import Scope
from clients.numbering import record_rows
from clients.permissions import require_scope
from console.galleries.shown import STATES, Findings
from console.problems import said
from console.system.tabs import TabPage
from errors import FaceAppError
from people.models import Gallery, GalleryKind
from people.services import Check, Health, check_of, health_of, request_check
from people.types import HealthStatus

MOST_GALLERIES = 200
UNDER_WAY = {HealthStatus.COMPUTING, HealthStatus.NEVER_COMPUTED}


class HealthPage(TabPage):
    """Viewers look; operators start a check."""

    tab = "health"
    scope_read, scope_write = Scope.PEOPLE_READ, Scope.PEOPLE_WRITE

    def gallery(self, pk: int) -> Gallery:
        """Raises `NotFound`, also for galleries of other clients."""
        rows = Gallery.objects.of_client(client_of(self.request)).select_related("client")
        if (found := rows.filter(pk=pk).first()) is None:
            raise NotFound(_("There is no such gallery."))
        if found.kind == GalleryKind.BLACKLIST:
            require_scope(self.request, Scope.BLACKLIST_READ)
        return found


class GalleriesPage(HealthPage):
    def get(self, request: Request) -> HttpResponse:
        rows = Gallery.objects.of_client(client_of(request)).described().select_related("health")
        galleries = rows.order_by("-is_default", "kind", "name")[:MOST_GALLERIES]
        return self.show("console/galleries/list.html", {"galleries": galleries})


class GalleryPage(HealthPage):
    def get(self, request: Request, pk: int) -> HttpResponse:
        """A gallery whose space cannot be searched now has no health, and its page says why."""
        gallery = self.gallery(pk)
        try:
            if request._request.htmx:  # type: ignore[attr-defined]
                return self.show("console/galleries/check.html", self._state(gallery, check_of(gallery)))
            health = health_of(gallery)
            state = self._state(gallery, check_of(gallery) if health.status in UNDER_WAY else health)
            findings = Findings(health, request.query_params.get("show", ""), request.query_params.get("page"))
        except FaceAppError as error:
            return self.show("console/galleries/gallery.html", {"gallery": gallery, "problem_text": said(error)})
        record_rows(Action.VIEW, findings.people, results=len(findings.people))
        return self.show("console/galleries/gallery.html", state | {"findings": findings})

    def _state(self, gallery: Gallery, known: Health | Check) -> dict[str, Any]:
        """How far a check has come is counted while there is one."""
        return {
            "gallery": gallery,
            "known": known,
            "progress": known if isinstance(known, Check) and known.people else None,
            "said": STATES[known.status],
            "is_running": known.status in UNDER_WAY,
            "may_check": self.may(Scope.PEOPLE_WRITE),
        }


class CheckGallery(HealthPage):
    def post(self, request: Request, pk: int) -> HttpResponse:
        request_check(self.gallery(pk))
        return redirect("console:gallery", pk)
