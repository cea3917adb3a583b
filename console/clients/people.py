"""Members of a client, and users who are made for it.

Managers and administrators decide who works for the client; nobody but an administrator changes the own role. Only
administrators make users.
"""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request

from clients.members import add_user, end_membership, save_membership
from clients.models import Client, Membership, Role
from console.clients.forms import MemberForm, RoleForm, UserForm
from console.clients.shown import ShownMember
from console.clients.views import ClientsBase

ON_A_PAGE = 50


class MembersPage(ClientsBase):
    to_confirm = frozenset({"post"})

    def get(self, request: Request, pk: int) -> HttpResponse:
        client = self.client()
        return self._show(client, self._form(client))

    def post(self, request: Request, pk: int) -> HttpResponse:
        """Add a user who exists."""
        client = self.client()
        form = self._form(client, request.data)
        if not form.is_valid():
            return self._show(client, form, status=422)
        save_membership(membership=Membership(user=form.user, client=client, role=form.cleaned_data["role"]))
        return redirect("console:client-members", pk)

    def _form(self, client: Client, data: Any = None) -> MemberForm:
        return MemberForm(data, client=client, is_administrator=self.administers)

    def _show(self, client: Client, form: MemberForm, *, status: int = 200) -> HttpResponse:
        rows = Membership.objects.filter(client=client).select_related("user").order_by("user__username", "pk")
        page = Paginator(rows, ON_A_PAGE).get_page(self.request.query_params.get("page"))
        members = [ShownMember(row, row.user_id == self.request.user.pk) for row in page]
        roles = RoleForm().fields["role"].choices  # type: ignore[attr-defined]
        shown = {"one": client, "part": "members", "members": members, "page": page, "form": form, "roles": roles}
        return self.show("console/clients/members.html", shown, status=status)


class MemberAction(ClientsBase):
    def membership(self, number: int) -> Membership:
        """Raises `NotFound` for what is no membership of this client, `PermissionDenied` for a manager's own."""
        found = Membership.objects.filter(client=self.client(), pk=number).select_related("user").first()
        if found is None:
            raise NotFound(_("This user is not a member any more."))
        if found.user_id == self.request.user.pk and not self.administers:
            raise PermissionDenied(_("Nobody changes the own role. Ask another manager or an administrator."))
        return found


class ChangeRole(MemberAction):
    to_confirm = frozenset({"post"})

    def post(self, request: Request, pk: int, number: int) -> HttpResponse:
        membership, form = self.membership(number), RoleForm(request.data)
        if not form.is_valid():
            raise NotFound(_("There is no such role."))
        membership.role = form.cleaned_data["role"]
        save_membership(membership=membership)
        return redirect("console:client-members", pk)


class RemoveMember(MemberAction):
    to_confirm = frozenset({"post"})

    def post(self, request: Request, pk: int, number: int) -> HttpResponse:
        end_membership(membership=self.membership(number))
        return redirect("console:client-members", pk)


class NewUserPage(ClientsBase):
    """A user with a password, who is a member of this client."""

    to_confirm = frozenset({"get", "post"})

    for_administrators = True

    def get(self, request: Request, pk: int) -> HttpResponse:
        return self._show(self.client(), UserForm())

    def post(self, request: Request, pk: int) -> HttpResponse:
        client, form = self.client(), UserForm(request.data)
        if not form.is_valid():
            return self._show(client, form, status=422)
        add_user(user=form.save(commit=False), client=client, role=Role(form.cleaned_data["role"]))
        return redirect("console:client-members", pk)

    def _show(self, client: Client, form: UserForm, *, status: int = 200) -> HttpResponse:
        return self.show(
            "console/clients/user_new.html", {"one": client, "part": "members", "form": form}, status=status
        )
