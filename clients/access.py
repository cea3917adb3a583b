"""Whose data a person who is logged in works with, and what the person's role allows there: one rule for admin and API.

A member of one client works with that one. Who is a member of several chooses one, which the session keeps; deployment
administrators (superusers) choose one or all. A choice ends with the membership: it never turns into another client.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from django.contrib.auth.models import Permission
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from clients.lookups import client_numbered, memberships_of
from clients.models import Client, Role
from walls.current import EVERYONE, show

SESSION_KEY = "client"  # number of the chosen client
Rows = TypeVar("Rows", bound=QuerySet[Any])


@dataclass(frozen=True)
class Choice:
    """The client whose data is shown and changed (None: all of them), and the role there (None: administrator)."""

    client: Client | None
    role: Role | None


def choice_of(request: HttpRequest) -> Choice | None:
    """What the user has chosen; None if there is nothing to choose from, or a choice is to be made (again).

    From the first call on the database shows the rows of that choice.
    """
    if not hasattr(request, "chosen"):
        request.chosen = choice = _find_choice(request)  # type: ignore[attr-defined]
        if choice:
            show(EVERYONE if choice.client is None else choice.client.pk)
    found: Choice | None = request.chosen  # type: ignore[attr-defined]
    return found


def choose(request: HttpRequest, client: Client | None) -> None:
    """Remember one of `Client.objects.open_to(user)`; None is for administrators and means all clients.

    The session gets a new key, so that browsers do not show pictures from their caches that they got for another one.
    """
    request.session.pop(SESSION_KEY, None)
    if client is not None:
        request.session[SESSION_KEY] = client.pk
    request.session.cycle_key()
    vars(request).pop("chosen", None)


def is_administrator(request: HttpRequest) -> bool:
    """Whether the user stands above the clients, whichever of them is chosen."""
    choice = choice_of(request)
    return choice is not None and choice.role is None


def allows(request: HttpRequest, permission: str) -> bool:
    """Whether the user may do this, such as `people.view_person`, with the rows of the chosen client.

    Members may do what the group of their role may. Permissions given to users themselves do not count: they hold for
    no client in particular.
    """
    choice = choice_of(request)
    if choice is None or choice.role is None:
        return choice is not None
    if not hasattr(request, "role_permissions"):
        of_role = Permission.objects.filter(group__name=choice.role.label).order_by()
        request.role_permissions = set(of_role.values_list("content_type__app_label", "codename"))  # type: ignore[attr-defined]
    app_label, _, codename = permission.partition(".")
    return (app_label, codename) in request.role_permissions  # type: ignore[attr-defined]


def visible(request: HttpRequest, rows: Rows, path: str = "") -> Rows:
    """The rows that belong to the chosen client. `path` leads to it, as in a lookup; see `path_to_client`."""
    choice = choice_of(request)
    if choice is None:
        return rows.none()
    return rows if choice.client is None else rows.filter(**{path or path_to_client(rows.model): choice.client.pk})


def path_to_client(model: type[Model]) -> str:
    """`client`, or `pk` of a client itself. Raises `ImproperlyConfigured` for models that are further away."""
    if model is Client:
        return "pk"
    try:
        model._meta.get_field("client")
    except FieldDoesNotExist as error:
        raise ImproperlyConfigured(f"Say which path leads from {model.__name__} to its client.") from error
    return "client"


def _find_choice(request: HttpRequest) -> Choice | None:
    user: Any = request.user
    session: Any = getattr(request, "session", {})
    chosen = session.get(SESSION_KEY)
    if user.is_active and user.is_superuser:
        client = client_numbered(chosen) if chosen else None
        return None if chosen and client is None else Choice(client, None)
    memberships = memberships_of(user)
    if chosen is not None:
        membership = next((one for one in memberships if one.client_id == chosen), None)
        return Choice(membership.client, Role(membership.role)) if membership else None
    if len(memberships) != 1:
        return None
    [only] = memberships
    session[SESSION_KEY] = only.client_id  # what is sent from an open page is for this client, and for no later one
    return Choice(only.client, Role(only.role))
