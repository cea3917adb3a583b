"""Keys of a client. A key is shown once, in the answer to the form that made it."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.db.models import F
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from clients.exceptions import InactiveClient
from clients.models import ApiKey, Client
from clients.rotation import OVERLAP_HOURS
from clients.services import revoke_api_key, rotate_api_key, save_new_key
from clients.throttling import requests_now
from console.clients.forms import KeyForm
from console.clients.shown import ShownKey
from console.clients.views import ClientsBase

ON_A_PAGE = 25
OVERLAPS = (OVERLAP_HOURS, 7 * 24, 0)  # hours for which the former key is accepted


class Overlap(serializers.Serializer):  # type: ignore[type-arg]
    hours = serializers.ChoiceField(OVERLAPS)


class KeysPage(ClientsBase):
    def get(self, request: Request, pk: int) -> HttpResponse:
        """The live ones first, the newest of each first."""
        client = self.client()
        rows = ApiKey.objects.filter(client=client).order_by("revoked", F("created").desc(), "pk")
        page = Paginator(rows, ON_A_PAGE).get_page(request.query_params.get("page"))
        counts = requests_now(page)
        keys = [ShownKey(row, counts.get(row.prefix)) for row in page]
        shown = {"one": client, "part": "keys", "keys": keys, "page": page}
        return self.show("console/clients/keys.html", shown)


class NewKeyPage(ClientsBase):
    to_confirm = frozenset({"get", "post"})

    def get(self, request: Request, pk: int) -> HttpResponse:
        client = self.client()
        return self._show(client, KeyForm(is_administrator=self.administers))

    def post(self, request: Request, pk: int) -> HttpResponse:
        client = self.client()
        if not client.is_active:
            raise InactiveClient(_("The client is inactive. Activate it before making a key for it."))
        form = KeyForm(request.data, instance=ApiKey(client=client), is_administrator=self.administers)
        if not form.is_valid():
            return self._show(client, form, status=422)
        row = form.save(commit=False)
        key = save_new_key(row=row)
        return self.show("console/clients/key.html", {"one": client, "part": "keys", "row": row, "key": key})

    def _show(self, client: Client, form: KeyForm, *, status: int = 200) -> HttpResponse:
        return self.show("console/clients/key_new.html", {"one": client, "part": "keys", "form": form}, status=status)


class KeyAction(ClientsBase):
    def key(self, prefix: str) -> ApiKey:
        """Raises `NotFound`, also for keys of other clients."""
        found = ApiKey.objects.filter(client=self.client(), prefix=prefix.replace("\0", "")).first()
        if found is None:
            raise NotFound(_("There is no such key."))
        return found


class RotateKey(KeyAction):
    to_confirm = frozenset({"post"})

    def post(self, request: Request, pk: int, prefix: str) -> HttpResponse:
        given = Overlap(data=request.data)
        given.is_valid(raise_exception=True)
        row = self.key(prefix)
        key, _is_replayed = rotate_api_key(key=row, overlap_hours=given.validated_data["hours"])
        row.refresh_from_db()
        return self.show("console/clients/key.html", {"one": self.client(), "part": "keys", "row": row, "key": key})


class RevokeKey(KeyAction):
    def post(self, request: Request, pk: int, prefix: str) -> HttpResponse:
        revoke_api_key(key=self.key(prefix))
        return redirect("console:client-keys", pk)
