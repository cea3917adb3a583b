"""Pages for people are served to the networks of FACEAPP_ADMIN_NETWORKS alone, as if they did not exist elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse

from clients.networks import contains
from login.throttling import address_of

PAGES = re.compile(r"/+(?:admin|login|docs|api/+login|choose-client|console)(?:/|\Z)")


def admin_networks_only(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Elsewhere the pages answer 404, and a login that was made inside is not accepted by the API either."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if settings.ADMIN_NETWORKS and not contains(settings.ADMIN_NETWORKS, address_of(request)):
            request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
            if PAGES.match(request.path_info):
                raise Http404
        return get_response(request)

    return middleware
