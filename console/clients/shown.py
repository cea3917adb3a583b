"""Clients, keys and members as pages show them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Count, Max
from django.template.defaultfilters import filesizeformat
from django.utils.formats import number_format

from clients.models import ApiKey, Client, Membership, Role, Scope
from clients.quotas import Quota, Use, usage_of
from console.clients.words import EXPIRED, LIVE, QUOTAS, REVOKED, ROLES, SCOPES, SOON


@dataclass(frozen=True)
class Meter:
    """What is used of a quota. `used` and `limit` are in words, None if not known or not limited."""

    quota: Quota
    use: Use

    @property
    def title(self) -> Any:
        return QUOTAS[self.quota]

    @property
    def used(self) -> str | None:
        return self._in_words(self.use.used)

    @property
    def limit(self) -> str | None:
        return self._in_words(self.use.limit)

    def _in_words(self, amount: int | None) -> str | None:
        if amount is None:
            return None
        return (
            filesizeformat(amount) if self.quota == Quota.STORED_BYTES else number_format(amount, force_grouping=True)
        )


def meters_of(client: Client) -> list[Meter]:
    return [Meter(quota, use) for quota, use in usage_of(client).items()]


@dataclass(frozen=True)
class ShownClient:
    row: Any
    members: int
    last_used_at: datetime | None


def shown_clients(rows: Iterable[Any]) -> list[ShownClient]:
    """With the number of their members, and when one of their keys was used last."""
    rows = list(rows)
    ids = [row.pk for row in rows]
    members = Membership.objects.filter(client__in=ids).order_by().values_list("client").annotate(Count("pk"))
    used = ApiKey.objects.filter(client__in=ids).order_by().values_list("client").annotate(Max("last_used_at"))
    count_of, last_of = dict(members), dict(used)
    return [ShownClient(row, count_of.get(row.pk, 0), last_of.get(row.pk)) for row in rows]


@dataclass(frozen=True)
class ShownKey:
    """`requests`: that count towards the limit now; None if they are not counted."""

    row: ApiKey
    requests: int | None = None

    @property
    def rate(self) -> str:
        return self.row.rate_limit or settings.RATE_LIMIT

    @property
    def scopes(self) -> list[Any]:
        return [SCOPES[Scope(scope)] for scope in self.row.scopes if scope in SCOPES]

    @property
    def state(self) -> Any:
        if self.row.revoked:
            return REVOKED
        if self.row.has_expired:
            return EXPIRED
        return SOON if self.row.expires_soon else LIVE

    @property
    def tone(self) -> str:
        if self.row.revoked or self.row.has_expired:
            return ""
        return "careful" if self.row.expires_soon else "good"

    @property
    def can_be_replaced(self) -> bool:
        return not self.row.revoked


@dataclass(frozen=True)
class ShownMember:
    """`is_own`: the user looks at the own membership."""

    row: Membership
    is_own: bool

    @property
    def role(self) -> Any:
        return ROLES[Role(self.row.role)]
