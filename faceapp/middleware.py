"""Middleware for every path of the API."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.middleware.gzip import GZipMiddleware
from django.urls import is_valid_path

from clients.middleware import PathTokenMiddleware
from clients.quotas import returnable
from compat.dialect import claims_root, dialects, is_stray
from rest.bodies import announced_length
from rest.errors import INTERNAL, problem_of

GetResponse = Callable[[HttpRequest], HttpResponse]
OURS = {500, 502, 503, 504}  # failures of the service; 507 says that a client has used up its storage
LOGINS = re.compile(r"/+(?:login|admin/+login|api/+login)(?:/|\Z)")
LOGIN_BYTES = 64 * 1024  # a password, or what a passkey signed
OWN_PATHS = re.compile(r"/+(?:api|k)/")  # of the native API, and of path tokens


def is_api_path(path: str) -> bool:
    """Whether programs call this path, whatever they send: errors are JSON, and slashes do not matter."""
    is_root = not path.strip("/")
    return not is_root and (OWN_PATHS.match(path) is not None or any(one.serves(path) for one in dialects()))


def is_api(request: HttpRequest) -> bool:
    """Whether a program sent this request: to a path of the API, or to `/` as a compatibility API has it."""
    is_root = not request.path_info.strip("/")
    return claims_root(request) if is_root else is_api_path(request.path_info) or is_stray(request)


class ApiPathTokens(PathTokenMiddleware):
    """Behind a path token are the API and its welcome, and nothing else."""

    def is_served(self, request: HttpRequest) -> bool:
        return is_api(request) or not request.path_info.strip("/")


def limit_request_size(get_response: GetResponse) -> GetResponse:
    """Refuse a body above `DATA_UPLOAD_MAX_MEMORY_SIZE` before any of it is read.

    Django applies that setting to forms without counting files, and DRF reads JSON past it. Who is not logged in yet
    may send much less.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        limit = LOGIN_BYTES if LOGINS.match(request.path_info) else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if limit is not None and announced_length(request.META) > limit:
            problem = problem_of(RequestDataTooBig()) or INTERNAL
            return JsonResponse(problem.body, status=problem.status)
        return get_response(request)

    return middleware


class SlashMiddleware:
    """Accepts every API path with and without a trailing slash, and with repeated ones, without a redirect.

    Clients of the older services use both forms, and a redirect would lose the body of a POST.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if is_api_path(request.path_info):
            request.path_info = known_form(request.path_info)
        elif is_stray(request):
            request.path_info = re.sub("/{2,}", "/", request.path_info)
            request.urlconf = "compat.stray_urls"  # type: ignore[attr-defined]  # Django reads it
            hide_path(request)
        return self.get_response(request)


def hide_path(request: HttpRequest) -> None:
    """Keep a path that may be a key out of the access log, which is written from the request's META."""
    request.META |= {name: "/-" for name in ("PATH_INFO", "RAW_URI", "REQUEST_URI") if name in request.META}


def known_form(path: str) -> str:
    """`path` in the form that the URL configuration knows; unchanged if it knows neither."""
    single = re.sub("/{2,}", "/", path)
    other = single.removesuffix("/") if single.endswith("/") else f"{single}/"
    return next((form for form in (single, other) if is_valid_path(form)), path)


def keep_private(get_response: GetResponse) -> GetResponse:
    """Forbid caches to keep answers of the API: the same address gives each client its own people, and caches do not
    tell callers apart by `X-API-Key`."""

    def middleware(request: HttpRequest) -> HttpResponse:
        private = is_api(request)
        response = get_response(request)
        if private:
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    return middleware


def omit_body_of_head(get_response: GetResponse) -> GetResponse:
    """Answer HEAD with the headers of GET alone. Views answer both alike, and the server would log each body."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.method == "HEAD" and isinstance(response, StreamingHttpResponse):
            response.streaming_content = []
        elif request.method == "HEAD":
            response.content = b""
        return response

    return middleware


class CompressPages(GZipMiddleware):
    """Django's, for pages alone. Answers of the API hold what callers sent beside what they must not guess, which the
    length of a compressed answer would help with.
    """

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        is_page = response.get("Content-Type", "").startswith("text/html")
        return super().process_response(request, response) if is_page else response


def give_back_images(get_response: GetResponse) -> GetResponse:
    """Images of calls that failed for reasons that are not the caller's do not count (`clients.quotas`)."""

    def middleware(request: HttpRequest) -> HttpResponse:
        with returnable() as give_back:
            response = get_response(request)
            if response.status_code in OURS:
                give_back()
        return response

    return middleware
