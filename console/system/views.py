"""The state of the service, for members as far as it is about their client, for administrators altogether."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request

from clients.access import is_administrator
from clients.authentication import client_of
from clients.models import Scope
from console.state import current_state, worker_answered_at
from console.system import figures
from console.system.day import last_day
from console.system.tabs import TabPage
from console.times import ago
from walls.current import EVERYONE, showing


class SystemBase(TabPage):
    """Figures are those of the client, or of all clients for administrators of the deployment."""

    tab = "state"
    scope_read = Scope.SCREEN

    @property
    def sees_all(self) -> bool:
        return is_administrator(self.request._request)

    def counting(self) -> AbstractContextManager[None]:
        return showing(EVERYONE) if self.sees_all else nullcontext()

    def now(self) -> dict[str, Any]:
        """What changes from second to second."""
        state, answered_at = current_state(), worker_answered_at()
        with self.counting():
            waiting, recurring = figures.waiting(), figures.recurring()
        return {
            "state": state,
            "answered_at": answered_at,
            "answered": ago(answered_at) if answered_at else "",
            "waiting": waiting,
            "queues": figures.queues() if self.sees_all else [],
            "recurring": recurring,
            "sees_all": self.sees_all,
        }

    def day(self) -> dict[str, Any]:
        with self.counting():
            return {"day": last_day(None if self.sees_all else client_of(self.request)), "sees_all": self.sees_all}


class SystemPage(SystemBase):
    def get(self, request: Request) -> HttpResponse:
        shown = {
            "stores": figures.storage(client_of(request), is_administrator=self.sees_all),
            "engines": figures.running_engines(),
            "version": settings.SPECTACULAR_SETTINGS["VERSION"],
        }
        return self.show("console/system/page.html", self.now() | self.day() | shown)


class NowPart(SystemBase):
    """The part that asks for itself every five seconds."""

    def get(self, request: Request) -> HttpResponse:
        return self.show("console/system/now.html", self.now())


class DayPart(SystemBase):
    """The charts, which ask for themselves every minute."""

    def get(self, request: Request) -> HttpResponse:
        return self.show("console/system/day.html", self.day())
