"""What holds for every path of the API."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve

# The form of our keys, prefix and secret, for services that have them in the path.
KEY = r"[A-Za-z0-9]{4,16}\.[A-Za-z0-9]{16,64}"
ANY_KEY = re.compile(r"\b([A-Za-z0-9]{4,16})\.[A-Za-z0-9]{16,64}\b", re.ASCII)
KEY_IN_PATH = rf"/+{KEY}(?:/+(?:train|recognize))?/*\Z"
# `/api/`, and what programs made for other services call; those repeat slashes.
API_PATHS = re.compile(
    r"/+(?:api|nextcloud|ekyc|k)/|/+(?:open|detect|compute|welcome|health|train|recognize)/*\Z"
    rf"|/+(?:check-2-face|face-otp|register-face|search|remove)/*\Z|{KEY_IN_PATH}",
    re.ASCII,
)


def is_api_path(path: str) -> bool:
    """Whether programs call this path: errors are JSON, and slashes do not matter."""
    return API_PATHS.match(path) is not None


class SlashMiddleware:
    """Accepts every API path with and without a trailing slash, and with repeated ones, without a redirect.

    Clients of the older services use both forms, and a redirect would lose the body of a POST.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if is_api_path(request.path_info):
            request.path_info = known_form(request.path_info)
        return self.get_response(request)


def keep_private(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """No cache on the way keeps an answer: the same address gives each client its own people, and `X-API-Key` is no
    header by which caches tell callers apart."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if is_api_path(request.path_info):
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    return middleware


def known_form(path: str) -> str:
    """`path` in the form that the URL configuration knows; unchanged when it knows neither."""
    single = re.sub("/{2,}", "/", path)
    other = single.removesuffix("/") if single.endswith("/") else f"{single}/"
    return next((form for form in (single, other) if _resolves(form)), path)


def _resolves(path: str) -> bool:
    try:
        resolve(path)
    except Resolver404:
        return False
    return True
