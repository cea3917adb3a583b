"""Ids that callers see: a UUID, and a number that counts within one client.

The primary key counts across all clients. Shown to a caller, it would tell one client how much another one stores.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, ClassVar, TypeVar

from django.db import models, transaction
from django.db.models import Q

from audit.services import NOWHERE, record
from audit.types import Action, Searched
from clients import idempotency, quotas
from clients.models import Counter
from clients.quotas import Quota

Row = TypeVar("Row", bound="Numbered")


class Numbered(models.Model):
    """A row with public ids. `number` is unique for a client and `counted_as`, and may have gaps."""

    counted_as: ClassVar[str]
    owner: ClassVar[str] = "client_id"  # path to the client within which the number counts
    quota: ClassVar[Quota | None] = None  # how many of them a client may have

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    number = models.PositiveBigIntegerField(editable=False)

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.number is not None:
            return super().save(*args, **kwargs)
        with transaction.atomic():  # what `assign_numbers` notes is true only together with the row
            assign_numbers([self])
            return super().save(*args, **kwargs)

    @property
    def audit_name(self) -> str:
        """What the audit calls the row, such as `person:12`."""
        return f"{self.counted_as.replace(' ', '_')}:{self.number}"

    @property
    def owner_id(self) -> int:
        """The number of the client within which the row's number counts."""
        return int(attrgetter(self.owner.replace("__", "."))(self))


def assign_numbers(rows: Sequence[Row], *, beyond_quota: bool = False) -> Sequence[Row]:
    """Give numbers to new rows of one client and one kind that `bulk_create` is going to store. Returns the rows.

    The client's counter stays locked until the transaction ends: take numbers shortly before it does, and after
    every other lock. Within that lock the client's quotas are checked, so that no two callers share the last place.
    `beyond_quota`: they are not checked, for rows without which nothing could be erased or put right.

    Raises what `quotas.require_room_for` raises, and `CallRunning` if another process carries out the current call.
    """
    if rows:
        idempotency.note_stored()
        first = rows[0]
        last = Counter.objects.advance(first.owner_id, first.counted_as, len(rows))
        for number, row in enumerate(rows, start=last - len(rows) + 1):
            row.number = number
        if not beyond_quota:
            quotas.require_room_for(rows)
    return rows


def record_rows(
    action: Action, rows: Sequence[Numbered], *, searched: Searched = NOWHERE, results: int | None = None
) -> None:
    """Record what is done to rows of one client, in the caller's transaction."""
    if rows:
        names = [row.audit_name for row in rows]
        record(action, client_id=rows[0].owner_id, objects=names, searched=searched, results=results)


def public_id(value: str | int | uuid.UUID) -> Q:
    """The condition for a row with this number or UUID; what is neither matches no row."""
    text = str(value)
    if text.isascii() and text.isdecimal() and len(text) < 19:
        return Q(number=int(text))
    try:
        return Q(uuid=uuid.UUID(text))
    except ValueError:
        return Q(pk__in=[])
