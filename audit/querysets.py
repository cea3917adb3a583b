from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from django.db import connections, models
from django.db.models import Exists, F, OuterRef

if TYPE_CHECKING:
    from audit.models import Checkpoint, Record, Seal, Stop, Unsealed  # noqa: F401  named in base classes

# Rows of transactions that ended before every transaction that is still open. Those from the snapshot's end on were
# written by another server, from which the database was restored. Those of our own transaction end with the seal.
SETTLED = (
    "(transaction < pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
    " OR transaction >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
    " OR transaction = pg_current_xact_id_if_assigned()::text::bigint)"
)

IN_NO_SEAL = "NOT EXISTS (SELECT FROM (SELECT unnest(record_ids) AS id FROM audit_seal) s WHERE s.id = audit_record.id)"


class RecordQuerySet(models.QuerySet["Record"]):
    def add(self, *rows: Mapping[str, Any]) -> None:
        """Insert rows with the same columns. Every search waits for one: in plain SQL it takes half as long."""
        names = ", ".join(["uuid", *rows[0]])
        values = ", ".join([f"({', '.join(['%s'] * (len(rows[0]) + 1))})"] * len(rows))
        parameters = [value for row in rows for value in (uuid4(), *row.values())]
        with connections[self.db].cursor() as cursor:
            cursor.execute(f"INSERT INTO audit_record ({names}) VALUES {values}", parameters)  # noqa: S608

    def of_client(self, client_id: int | None) -> Self:
        return self.filter(client_id=client_id)

    def about(self, name: str) -> Self:
        """Rows that name this object, such as `person:12`."""
        return self.filter(objects_named__contains=[name])

    def with_client_name(self) -> Self:
        """Adds `client_name`, None for a client that was deleted."""
        return self.annotate(client_name=F("client__name"))

    def in_no_seal(self) -> Self:
        """Rows that are neither sealed nor about to be: inserted past the trigger."""
        from audit.models import Unsealed

        waiting = Exists(Unsealed.objects.filter(record_id=OuterRef("pk")))
        return self.filter(~waiting).extra(where=[IN_NO_SEAL])  # type: ignore[return-value]  # noqa: S610  a constant


class SealQuerySet(models.QuerySet["Seal"]):
    def of_client(self, client_id: int | None) -> Self:
        return self.filter(client_id=client_id)

    def last_of(self, client_id: int | None) -> Seal | None:
        return self.of_client(client_id).order_by("-number").first()


class UnsealedQuerySet(models.QuerySet["Unsealed"]):
    def settled(self) -> Self:
        """Rows that no open transaction can precede."""
        return self.extra(where=[SETTLED])  # type: ignore[return-value]  # noqa: S610  a constant


class CheckpointQuerySet(models.QuerySet["Checkpoint"]):
    def of_client(self, client_id: int | None) -> Self:
        return self.filter(client_id=client_id)


class StopQuerySet(models.QuerySet["Stop"]):
    def holds(self, client_id: int | None) -> bool:
        """Whether this client is stopped, by itself or with everybody. In plain SQL, as every search asks."""
        with connections[self.db].cursor() as cursor:
            cursor.execute("SELECT FROM audit_stop WHERE client_id = %s OR client_id IS NULL LIMIT 1", [client_id])
            return cursor.rowcount > 0

    def with_client_name(self) -> Self:
        """Adds `client_name`, None for everybody and for a client that was deleted."""
        return self.annotate(client_name=F("client__name"))

    def stopped(self) -> Iterable[int] | None:
        """The clients that are stopped; None: all of them."""
        found = set(self.values_list("client_id", flat=True))
        return None if None in found else found


class ReceiptQuerySet(models.QuerySet["Receipt"]):
    def of_client(self, client_id: int) -> ReceiptQuerySet:
        return self.filter(client=client_id)

    def unsigned(self) -> ReceiptQuerySet:
        """Not yet signed and filed, the oldest first."""
        return self.filter(signature="").order_by("pk")
