"""The audit: managers read that of their client, administrators that of each client and of the deployment."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from audit.models import Record, Seal, Unsealed
from audit.querysets import RecordQuerySet
from audit.spot_checks import Proof, check_rows, waiting_among
from clients.authentication import client_of
from console.auditing.forms import AuditFilter
from console.auditing.shown import rows_of
from console.clients.views import ClientsBase
from console.keyset import Place, older, place

ON_A_PAGE = 50
ALL, DEPLOYMENT = "all", "deployment"


class AuditPage(ClientsBase):
    """`of` says whose rows an administrator reads: the chosen client's, those of all, or the deployment's own."""

    tab = "audit"
    for_managers = ("get",)

    def get(self, request: Request) -> HttpResponse:
        form = AuditFilter(request.query_params)
        of = self._whose()
        shown: dict[str, Any] = {"form": form, "of": of, "rows": [], "is_filtered": bool(form.query)}
        if not form.is_valid():
            return self.show("console/auditing/page.html", shown, status=422)
        start = place(request.query_params.get("before", ""), numbers=True)
        found = list(self._from(form.narrow(self._records(of)).with_client_name(), start, of)[: ON_A_PAGE + 1])
        records = found[:ON_A_PAGE]
        shown |= {
            "rows": rows_of(records, self._proofs(records, of)),
            "following": str(Place(records[-1].at, str(records[-1].pk))) if len(found) > ON_A_PAGE else "",
            "is_first": start is None,
        }
        return self.show("console/auditing/page.html", shown | self._chain(of))

    @property
    def client_id(self) -> int | None:
        """Of the chosen client; None for an administrator who has chosen none."""
        if self.administers:
            chosen = getattr(self.request._request, "client", None)
            return chosen.pk if chosen else None
        return client_of(self.request).pk

    def _whose(self) -> str:
        if not self.administers:
            return ""
        wanted = self.request.query_params.get("of", "")
        return wanted if wanted in {ALL, DEPLOYMENT} else ("" if self.client_id else ALL)

    def _records(self, of: str) -> RecordQuerySet:
        if of == ALL:
            return Record.objects.all()
        return Record.objects.of_client(None if of == DEPLOYMENT else self.client_id)

    @staticmethod
    def _from(records: RecordQuerySet, start: Place | None, of: str) -> RecordQuerySet:
        """Newest first. Those of all clients are in the order of their keys, which is the only one with an index."""
        if of == ALL:
            return (records.filter(pk__lt=start.key) if start else records).order_by("-pk")
        records = records.order_by("-at", "-pk")
        return older(records, start, time="at") if start else records

    def _proofs(self, records: list[Record], of: str) -> dict[int, Proof]:
        if of != ALL:
            return check_rows(client_id=None if of == DEPLOYMENT else self.client_id, records=records)
        waiting = waiting_among(records)
        return {one.pk: Proof.WAITING if one.pk in waiting else Proof.UNKNOWN for one in records}

    def _chain(self, of: str) -> dict[str, Any]:
        """The newest seal, and how many rows wait for one."""
        if of == ALL:
            return {"waiting": Unsealed.objects.count()}
        owner = None if of == DEPLOYMENT else self.client_id
        return {
            "seal": Seal.objects.defer("record_ids", "record_hashes").last_of(owner),
            "waiting": Unsealed.objects.filter(client_id=owner).count(),
        }
