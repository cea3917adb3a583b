"""Doors of other pages that lead to the one login page, and the answer to a form of an earlier login."""

from __future__ import annotations

from urllib.parse import quote

from allauth.account.utils import get_next_redirect_url
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache

from login.confirmation import PENDING
from login.interrupted import interrupted


@never_cache
def to_login(request: HttpRequest) -> HttpResponse:
    """Who is logged in and was sent here may not see what they asked for."""
    if request.user.is_authenticated:
        raise PermissionDenied
    target = get_next_redirect_url(request)
    query = f"?{REDIRECT_FIELD_NAME}={quote(target)}" if target else ""
    return HttpResponseRedirect(reverse("account_login") + query)


@never_cache
@login_required
def go_on(request: HttpRequest) -> HttpResponse:
    """Sends what waited for a confirmation, from a page, so that what comes next has its own address."""
    pending = request.session.pop(PENDING, None)
    return render(request, "login/go_on.html", pending) if pending else redirect("admin:index")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The page was opened before the last login or logout, or is one of another site."""
    return interrupted(request, request.path, stale=True)
