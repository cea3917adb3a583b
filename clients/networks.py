"""Networks of addresses, from which a key or a login is accepted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


def validate_network(text: str) -> None:
    """Raises `ValidationError` unless this is an address or a network in CIDR notation."""
    try:
        ip_network(text)
    except ValueError:
        message = _("%(text)s is not a network. Write an address or a network such as 10.1.0.0/16 or 2001:db8::/32.")
        raise ValidationError(message % {"text": repr(text)}, code="key.bad_network") from None


def contains(networks: Sequence[str], address: str) -> bool:
    """Whether an address is in one of the networks. An IPv4 address that is written as IPv6 counts as IPv4."""
    try:
        found = ip_address(address)
    except ValueError:  # a Unix socket has none
        return False
    found = getattr(found, "ipv4_mapped", None) or found
    return any(found in network_of(text) for text in networks)


def are_networks(texts: Iterable[str]) -> bool:
    """Whether `contains` can read each of them."""
    try:
        for text in texts:
            network_of(text)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=1024)
def network_of(text: str) -> IPv4Network | IPv6Network:
    """The network in CIDR notation, or the single address. Raises `ValueError`."""
    return ip_network(text.strip())
