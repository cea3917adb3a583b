"""Django's handlers for errors outside of views: JSON for programs, pages for browsers."""

from __future__ import annotations

import sys
from collections.abc import Callable

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views import defaults

from clients.access import choice_of
from console.problems import sentence
from faceapp.middleware import is_api
from rest.errors import INTERNAL, Problem, problem_of


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Requests refused before a view."""
    return _answer(request, problem_of(exception) or INTERNAL, lambda: defaults.bad_request(request, exception))


def handler403(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What a user may not see or do."""
    return _answer(
        request,
        problem_of(exception) or INTERNAL,
        lambda: _of_the_admin(request, 403) or defaults.permission_denied(request, exception),
    )


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Paths that no view serves, and rows that are not there for the caller."""
    return _answer(
        request,
        problem_of(exception) or INTERNAL,
        lambda: _of_the_admin(request, 404) or defaults.page_not_found(request, exception),
    )


def handler500(request: HttpRequest) -> HttpResponse:
    """What no view caught, such as a database that is down when a session is read."""
    exc = sys.exc_info()[1]
    problem = (exc and problem_of(exc)) or INTERNAL
    if problem.status == 503 and not is_api(request):
        said = sentence(str(problem.detail), problem.code)
        return HttpResponse(said, "text/plain; charset=utf-8", problem.status, headers=problem.headers)
    return _answer(request, problem, lambda: defaults.server_error(request))


def _answer(request: HttpRequest, problem: Problem, page: Callable[[], HttpResponse]) -> HttpResponse:
    if is_api(request) or is_program(request):
        return JsonResponse(problem.body, status=problem.status, headers=problem.headers)
    return page()


def is_program(request: HttpRequest) -> bool:
    """Whether the caller expects no page: browsers say that they accept HTML."""
    sent, accepted = request.content_type == "application/json", request.headers.get("Accept", "")
    return sent or (bool(accepted) and "html" not in accepted)


def _of_the_admin(request: HttpRequest, status: int) -> HttpResponse | None:
    """The page in the look of the admin, for those who work there; None for others."""
    is_known = hasattr(request, "user")  # not where somebody was refused before
    if not is_known or not request.path_info.startswith(reverse("admin:index")):
        return None
    if not admin.site.has_permission(request) or choice_of(request) is None:
        return None
    context = admin.site.each_context(request) | {"title": "Not found" if status == 404 else "Not allowed"}
    return render(request, f"admin/{status}.html", context, status=status)
