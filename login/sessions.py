"""How long a login lasts, and what happens to a form that is sent after its end."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import urlencode

from login.interrupted import interrupted

LOGGED_IN_AT, SEEN_AT = "logged_in_at", "seen_at"
WITHOUT_LOGIN = {"static", "healthz", "readyz", "metrics"}  # which answer while the database is away
UNATTENDED = "X-Unattended"  # header of requests that an open page makes by itself
SEEN_EVERY = 60  # seconds between two notes in the database that a session is in use


@receiver(user_logged_in)
def begin(sender: Any, request: HttpRequest, **_: Any) -> None:
    request.session[LOGGED_IN_AT] = request.session[SEEN_AT] = int(time.time())


class SessionLimits(MiddlewareMixin):
    """Ends sessions that are too old or were idle for too long: a page that is left open uses nothing.

    A form that nobody is logged in for is answered with its contents, not with a redirect that would lose them.
    """

    def process_request(self, request: HttpRequest) -> None:
        if not is_of_browser(request) or not request.user.is_authenticated:
            return
        now, session = int(time.time()), request.session
        began, seen = session.get(LOGGED_IN_AT, 0), session.get(SEEN_AT, 0)
        if now - began >= settings.SESSION_COOKIE_AGE or now - seen >= settings.SESSION_IDLE_SECONDS:
            logout(request)
        elif now - seen >= SEEN_EVERY and UNATTENDED not in request.headers:
            session[SEEN_AT] = now

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        is_form = request.method == "POST" and request.COOKIES and "Location" in response  # programs send no cookies
        if not is_form or request.user.is_authenticated:
            return response
        login, target = reverse("account_login"), response["Location"].partition("?")[0]
        is_own = request.path_info.startswith((login, reverse("admin:logout")))
        if is_own or target not in (login, reverse("admin:login")):
            return response
        return interrupted(request, f"{login}?{urlencode({REDIRECT_FIELD_NAME: request.path})}")


def is_of_browser(request: HttpRequest) -> bool:
    """Whether somebody may be logged in, and it matters. Nothing is read from the database to find out."""
    first = request.path_info.strip("/").partition("/")[0]
    return settings.SESSION_COOKIE_NAME in request.COOKIES and first not in WITHOUT_LOGIN
