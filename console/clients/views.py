"""Clients with their limits, keys and members. Managers see their own client, administrators each of them."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request

from clients.access import is_administrator
from clients.authentication import client_of
from clients.models import Client
from clients.services import save_client
from console.clients.forms import NewClientForm, SettingsForm
from console.clients.shown import meters_of, shown_clients
from console.system.tabs import TabPage
from walls.current import EVERYONE, show

ON_A_PAGE = 50


class ClientsBase(TabPage):
    """`for_administrators`: nobody else sees the page. The client of a page is the one in its address."""

    tab = "clients"
    for_managers: tuple[str, ...] = ("get", "post")
    for_administrators = False

    @property
    def administers(self) -> bool:
        return self.request.user.is_authenticated and is_administrator(self.request._request)

    def check_permissions(self, request: Request) -> None:
        """Administrators need no client of their own, and see the rows of all."""
        if self.administers:
            show(EVERYONE)
            return
        super().check_permissions(request)
        if self.for_administrators:
            raise PermissionDenied(code="auth.missing_role")

    @property
    def client_of_form(self) -> str:
        return str(self.kwargs.get("pk", "new"))

    def client(self) -> Client:
        """The client of the address. Raises `NotFound`, for managers also for every client but theirs."""
        number = self.kwargs["pk"]
        own = None if self.administers else client_of(self.request).pk
        found = Client.objects.filter(pk=number).first() if own in {None, number} else None
        if found is None:
            raise NotFound(_("There is no such client."))
        return found

    def show(self, template: str, context: dict[str, Any] | None = None, *, status: int = 200) -> HttpResponse:
        shown = {"administers": self.administers, "form_client": self.client_of_form} | (context or {})
        return super().show(template, shown, status=status)


class ClientsPage(ClientsBase):
    def get(self, request: Request) -> HttpResponse:
        """All clients, by name; for managers their own."""
        if not self.administers:
            return redirect("console:client", client_of(request).pk)
        wanted = request.query_params.get("q", "")[:100].replace("\0", "")
        rows = Client.objects.filter(name__icontains=wanted).order_by("name")
        page = Paginator(rows, ON_A_PAGE).get_page(request.query_params.get("page"))
        with_keys = Client.objects.filter(pk__in=[row.pk for row in page]).with_live_keys().order_by("name")
        return self.show("console/clients/list.html", {"clients": shown_clients(with_keys), "page": page, "q": wanted})


class NewClientPage(ClientsBase):
    to_confirm = frozenset({"post"})
    for_administrators = True

    def get(self, request: Request) -> HttpResponse:
        return self.show("console/clients/new.html", {"form": NewClientForm()})

    def post(self, request: Request) -> HttpResponse:
        form = NewClientForm(request.data)
        if not form.is_valid():
            return self.show("console/clients/new.html", {"form": form}, status=422)
        client = form.save(commit=False)
        save_client(client=client, changed=form.changed_data)
        return redirect("console:client", client.pk)


class ClientPage(ClientsBase):
    """What a client uses, and its limits."""

    to_confirm = frozenset({"post"})

    def get(self, request: Request, pk: int) -> HttpResponse:
        client = self.client()
        return self._show(client, self._form(client))

    def post(self, request: Request, pk: int) -> HttpResponse:
        client = self.client()
        form = self._form(client, request.data)
        if not form.is_valid():
            return self._show(self.client(), form, status=422)
        save_client(client=form.save(commit=False), changed=form.changed_data)
        return redirect("console:client", pk)

    def _form(self, client: Client, data: Any = None) -> SettingsForm:
        return SettingsForm(data, instance=client, is_administrator=self.administers)

    def _show(self, client: Client, form: SettingsForm, *, status: int = 200) -> HttpResponse:
        shown = {"one": client, "part": "client", "form": form, "meters": meters_of(client)}
        return self.show("console/clients/client.html", shown, status=status)
