from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import connections, models
from django.db.models import Count, Q
from django.utils import timezone

from clients.keys import WARNING

if TYPE_CHECKING:
    from clients.models import ApiKey, Client, Counter, IdempotentCall  # noqa: F401  named in base classes

USE_INTERVAL = timedelta(minutes=1)  # how often the last use of a key is written at most
ANSWERS_KEPT = timedelta(days=1)


class ClientQuerySet(models.QuerySet["Client"]):
    def active(self) -> ClientQuerySet:
        return self.filter(is_active=True)

    def of_member(self, user: AbstractBaseUser | AnonymousUser) -> ClientQuerySet:
        """The clients a logged-in user may act as, oldest first."""
        return self.filter(members=user.pk).order_by("pk")

    def with_live_keys(self) -> ClientQuerySet:
        """Adds `live_keys`: the number of keys that are neither revoked nor expired."""
        return self.annotate(live_keys=Count("api_keys", filter=_live("api_keys__"), distinct=True))


class CounterQuerySet(models.QuerySet["Counter"]):
    def advance(self, client_id: int, kind: str, by: int) -> int:
        """Move a counter on, which stays locked until the transaction ends. Returns the last number."""
        with connections[self.db].cursor() as cursor:
            cursor.execute(
                "INSERT INTO clients_counter (client_id, kind, last) VALUES (%s, %s, %s)"
                " ON CONFLICT (client_id, kind) DO UPDATE SET last = clients_counter.last + EXCLUDED.last"
                " RETURNING last",
                [client_id, kind, by],
            )
            [last] = cursor.fetchone()
        return int(last)


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def live(self) -> ApiKeyQuerySet:
        """Keys that are neither revoked nor expired."""
        return self.filter(_live())

    def expiring(self) -> ApiKeyQuerySet:
        """Live keys that expire within `WARNING`."""
        return self.live().filter(expiry_date__lt=timezone.now() + WARNING)

    def not_used_recently(self) -> ApiKeyQuerySet:
        return self.filter(Q(last_used_at=None) | Q(last_used_at__lt=timezone.now() - USE_INTERVAL))


class IdempotentCallQuerySet(models.QuerySet["IdempotentCall"]):
    def past(self) -> IdempotentCallQuerySet:
        """Calls whose key may be used for another one."""
        return self.filter(created_at__lt=timezone.now() - ANSWERS_KEPT)

    def abandoned(self) -> IdempotentCallQuerySet:
        """Calls whose process must have died before it stored anything: they have no answer, and their time is over."""
        return self.without_outcome().filter(leased_until__lt=timezone.now())

    def without_outcome(self) -> IdempotentCallQuerySet:
        """Calls that have neither an answer nor stored anything."""
        return self.filter(status=None, has_stored=False)


def _live(prefix: str = "") -> Q:
    unexpired = Q(**{f"{prefix}expiry_date": None}) | Q(**{f"{prefix}expiry_date__gt": timezone.now()})
    return Q(**{f"{prefix}revoked": False}) & unexpired
