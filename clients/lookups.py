"""Whose key this is, and for whom a user may work: what must be asked before a client is known.

Nothing else in a request looks at the rows of every client at once; see `walls.current`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clients.models import ApiKey, Client, Membership
from clients.path_tokens import digest
from walls.current import EVERYONE, show, showing

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User


def key_of_prefix(prefix: str) -> ApiKey | None:
    """The key that begins with this, usable or not."""
    with showing(EVERYONE):
        return ApiKey.objects.select_related("client").filter(prefix=prefix).first()


def key_of_path_token(token: str) -> ApiKey | None:
    """The key whose path token this is, usable or not."""
    if not token:
        return None
    with showing(EVERYONE):
        return ApiKey.objects.select_related("client").filter(path_token_hash=digest(token)).first()


def memberships_of(user: User | AnonymousUser) -> list[Membership]:
    """The user's memberships of active clients."""
    if not user.pk:
        return []
    with showing(EVERYONE):
        return list(Membership.objects.usable_by(user).order_by("client__name"))


def client_numbered(number: int) -> Client | None:
    """For administrators, who may choose any client."""
    with showing(EVERYONE):
        return Client.objects.filter(pk=number).first()


def show_own_clients(user: User | AnonymousUser) -> None:
    """From now on, show the rows of all clients that the user may choose."""
    is_administrator = user.is_active and user.is_superuser
    show(EVERYONE if is_administrator else [membership.client_id for membership in memberships_of(user)])
