"""Django's handlers for errors outside of views: JSON for programs, pages for browsers."""

from __future__ import annotations

import sys
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults

from faceapp.middleware import is_api
from rest.errors import INTERNAL, Problem, problem_of


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Requests refused before a view."""
    return _answer(request, problem_of(exception) or INTERNAL, lambda: defaults.bad_request(request, exception))


def handler403(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, problem_of(exception) or INTERNAL, lambda: defaults.permission_denied(request, exception))


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Paths that no view serves."""
    return _answer(request, problem_of(exception) or INTERNAL, lambda: defaults.page_not_found(request, exception))


def handler500(request: HttpRequest) -> HttpResponse:
    """What no view caught, such as a database that is down when a session is read."""
    exc = sys.exc_info()[1]
    problem = (exc and problem_of(exc)) or INTERNAL
    if problem.status == 503 and not is_api(request):
        return HttpResponse(problem.detail, "text/plain", problem.status, headers=problem.headers)
    return _answer(request, problem, lambda: defaults.server_error(request))


def _answer(request: HttpRequest, problem: Problem, page: Callable[[], HttpResponse]) -> HttpResponse:
    if is_api(request):
        return JsonResponse(problem.body, status=problem.status, headers=problem.headers)
    return page()
