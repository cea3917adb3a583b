"""The base of every page: who may see it, for which client, and how errors are shown.

A page is a view of Django REST framework that answers HTML. So whoever is logged in has the same client, role, rate
limit and protection against forged requests here as in the API.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import SAFE_METHODS
from rest_framework.renderers import TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.views import APIView, set_rollback

from clients.authentication import ClientSessionAuthentication, client_of
from clients.models import Scope
from clients.permissions import SCOPES, role_of
from clients.words import ROLES
from console.exceptions import OtherClient
from console.navigation import SECTIONS
from console.problems import explained
from console.state import known_state
from rest.errors import INTERNAL, problem_of, report
from rest.multipart import MultiPartParser
from rest.parsers import FormParser

CLIENT_FIELD = "for_client"  # of every form: the client that its page was shown for


class ConsolePage(APIView):
    """`section` is the key of one of `SECTIONS`. Scopes are named as in the API (`clients.permissions.HasScope`)."""

    schema = None
    authentication_classes = [ClientSessionAuthentication]
    renderer_classes = [TemplateHTMLRenderer]
    parser_classes = [MultiPartParser, FormParser]
    http_method_names = ["get", "head", "post"]
    section = ""

    @property
    def looking_is_work(self) -> bool:
        """Whether faces are compared to answer a `GET`, so that it counts towards the rate limit."""
        return False

    def get_throttles(self) -> list[Any]:
        """Work is counted, looking is not: pages look by themselves whether something has changed."""
        is_free = self.request.method in SAFE_METHODS and not self.looking_is_work
        return [] if is_free else super().get_throttles()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method not in SAFE_METHODS and request.data.get(CLIENT_FIELD) != self.client_of_form:
            raise OtherClient(_("Another client has been chosen since this page was opened. Open the page again."))

    @property
    def client_of_form(self) -> str:
        """What a form must send as `CLIENT_FIELD`: the number of the client that it is about."""
        return str(client_of(self.request).pk)

    def may(self, scope: Scope) -> bool:
        """Whether the user's role has this scope, for pages that show less without it."""
        role = role_of(self.request)
        return role is None or scope in SCOPES[role]

    def show(self, template: str, context: dict[str, Any] | None = None, *, status: int = 200) -> HttpResponse:
        """A page, or a part of one. Neither is kept by browsers: it holds people's faces and names."""
        shown = surroundings(self.request._request) | {"section": self.section, **(context or {})}
        response = render(self.request._request, template, shown, status=status)
        response["Cache-Control"] = "private, no-store"
        return response

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        """A page with the reason, or the part of one that a script asked for."""
        is_part = bool(self.request._request.htmx)  # type: ignore[attr-defined]
        if isinstance(exc, NotAuthenticated):
            return self._log_in(is_part=is_part)
        if settings.DEBUG and problem_of(exc) is None:
            raise exc
        problem = problem_of(exc) or INTERNAL
        if problem is INTERNAL:
            report(exc, self.request)
        set_rollback()
        if problem.code == "auth.client_not_chosen" and not is_part:
            query = urlencode({"next": self.request.get_full_path()})
            return HttpResponseRedirect(f"{reverse('choose-client')}?{query}")
        problem = replace(problem, detail=explained(problem, exc))
        template = "console/problem.html" if is_part else "console/problem_page.html"
        response = self.show(template, {"problem": problem}, status=problem.status)
        for name, value in (problem.headers | {"X-Problem": problem.code}).items():
            response[name] = value
        return response

    def _log_in(self, *, is_part: bool) -> HttpResponse:
        """A script keeps the files and says so; a form is answered by `login.sessions`, which shows what was typed."""
        if not is_part:
            return redirect_to_login(self.request.get_full_path())
        response = self.show("console/session_over.html", status=401)
        response["X-Problem"] = "auth.required"
        return response


def surroundings(request: HttpRequest) -> dict[str, Any]:
    """What the base template shows on every page: client, role, menu and state."""
    choice = ClientSessionAuthentication.by_choice(request) if request.user.is_authenticated else None
    return {
        "sections": SECTIONS if choice else SECTIONS[:1],
        "client": choice.client if choice else None,
        "role": ROLES[choice.role] if choice and choice.role else _("Administrator"),
        "state": known_state(),
    }
