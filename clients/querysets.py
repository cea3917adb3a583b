from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import connections, models
from django.db.models import Count, Q
from django.utils import timezone

from clients.keys import WARNING

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

    from clients.models import ApiKey, Client, Counter, IdempotentCall, Membership  # noqa: F401  in base classes

USE_INTERVAL = timedelta(minutes=1)  # how often the last use of a key is written at most
ANSWERS_KEPT = timedelta(days=1)


class ClientQuerySet(models.QuerySet["Client"]):
    def active(self) -> ClientQuerySet:
        return self.filter(is_active=True)

    def open_to(self, user: User | AnonymousUser) -> ClientQuerySet:
        """The clients that this user may choose: all for administrators, active ones for their members."""
        if user.is_active and user.is_superuser:
            return self
        return self.active().filter(memberships__user__pk=user.pk) if user.pk else self.none()

    def with_live_keys(self) -> ClientQuerySet:
        """Adds `live_keys`: the number of keys that are neither revoked nor expired."""
        return self.annotate(live_keys=Count("api_keys", filter=_live("api_keys__"), distinct=True))


class MembershipQuerySet(models.QuerySet["Membership"]):
    def usable_by(self, user: User | AnonymousUser) -> MembershipQuerySet:
        """This user's memberships of active clients."""
        return self.filter(user=user.pk, client__is_active=True).select_related("client")


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

    def last_number(self, client_id: int, kind: str) -> int:
        """The last number that was given out; 0 before the first."""
        with connections[self.db].cursor() as cursor:
            cursor.execute("SELECT last FROM clients_counter WHERE client_id = %s AND kind = %s", [client_id, kind])
            found = cursor.fetchone()
        return int(found[0]) if found else 0


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
