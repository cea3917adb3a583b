"""Keys as a part of the address, for programs that can be configured with a base URL only: `/k/<token>/search`."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.http import http_date

from clients.keys import WARNING
from vision import dispatch, sources

PREFIX = re.compile(r"/+k/+([^/]*)(.*)\Z", re.DOTALL)
IN_REFERER = re.compile(r"/k/+[^/?#]*")
HIDDEN = "/k/-"  # what logs see instead of prefix and token


class PathTokenMiddleware:
    """Takes the prefix off the path and keeps the token for the authentication.

    The token must not appear anywhere else. Django logs the paths that it refuses, and the server writes its access log
    from the dictionary that is the request's META, so both get the path without it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        dispatch.act_for("")  # until the authentication knows better; a thread serves one caller after the other
        sources.may_refer.set(False)
        if referer := request.META.get("HTTP_REFERER"):
            request.META["HTTP_REFERER"] = IN_REFERER.sub(HIDDEN, referer)
        found = PREFIX.match(request.path_info)
        if found is None:
            return self.get_response(request)
        self.take_off(request, token=found[1], rest=found[2] or "/")
        response = self.get_response(request)
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    def is_served(self, request: HttpRequest) -> bool:
        """Whether `path_info` is a path that is served behind a token."""
        return True

    def take_off(self, request: HttpRequest, *, token: str, rest: str) -> None:
        """Make the request one for `rest`, or for a path that does not exist; `path_token_of` returns the token."""
        request.path_token = token  # type: ignore[attr-defined]
        root = request.path.removesuffix(request.path_info)
        request.path_info = rest
        if not self.is_served(request):
            request.path_info = HIDDEN + rest
        request.path = root + request.path_info
        request.META["PATH_INFO"] = request.path_info
        query = request.META.get("QUERY_STRING", "")
        for name in {"RAW_URI", "REQUEST_URI"} & set(request.META):
            request.META[name] = HIDDEN + quote(rest) + (f"?{query}" if query else "")


def tell_expiry(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """`Api-Key-Expires` on the answers to a key that expires soon: when it does, in the form of the header `Date`."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        ends_at = getattr(request, "key_ends_at", None)
        if ends_at is not None and ends_at < timezone.now() + WARNING:
            response.headers["Api-Key-Expires"] = http_date(ends_at.timestamp())
        return response

    return middleware


def path_token_of(request: HttpRequest) -> str | None:
    """The token that came with the path, which may be empty; None if the path had none."""
    token: str | None = getattr(request, "path_token", None)
    return token
