"""Addresses from which a key is accepted."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from django.core.exceptions import ValidationError


def validate_network(text: str) -> None:
    """Raises `ValidationError` unless this is an address or a network in CIDR notation."""
    try:
        ip_network(text)
    except ValueError:
        message = f"{text!r} is not a network. Write an address or a network such as 10.1.0.0/16 or 2001:db8::/32."
        raise ValidationError(message, code="key.bad_network") from None


def contains(networks: Sequence[str], address: str) -> bool:
    """Whether an address is in one of the networks. An IPv4 address that is written as IPv6 counts as IPv4."""
    try:
        found = ip_address(address)
    except ValueError:  # a Unix socket has none
        return False
    found = getattr(found, "ipv4_mapped", None) or found
    return any(found in ip_network(network) for network in networks)
