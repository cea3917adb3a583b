"""Pages for people are served to the networks of FACEAPP_ADMIN_NETWORKS alone, as if they did not exist elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse

from login.throttling import address_of

PAGES = re.compile(r"/+(?:admin|login|docs|api/+login|choose-client)(?:/|\Z)")
Network = IPv4Network | IPv6Network


def admin_networks_only(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Elsewhere the pages answer 404, and a login that was made inside is not accepted by the API either."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if settings.ADMIN_NETWORKS and not is_inside(address_of(request)):
            request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
            if PAGES.match(request.path_info):
                raise Http404
        return get_response(request)

    return middleware


def is_inside(address: str) -> bool:
    """Whether the address belongs to one of the networks; False for what is no address, such as a socket's."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return any(found in network for network in networks(tuple(settings.ADMIN_NETWORKS)))


@lru_cache(maxsize=8)
def networks(texts: tuple[str, ...]) -> list[Network]:
    """Raises `ValueError` for a text that is no network."""
    return [ip_network(text.strip()) for text in texts]
