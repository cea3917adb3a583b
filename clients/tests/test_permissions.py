from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.routers import APIRootView
from rest_framework.test import APIClient

from clients.authentication import ClientSessionAuthentication
from clients.models import ApiKey, Client, Membership, Role
from clients.permissions import HasScope
from clients.tests.members import make_member

pytestmark = pytest.mark.django_db
scoped = pytest.mark.urls("clients.tests.urls")


@scoped
@pytest.mark.parametrize(
    ("scopes", "method", "path", "missing"),
    [
        ([], "get", "/api/notes/", "screen"),
        ([], "post", "/api/notes/", "blacklist:write"),
        (["screen"], "get", "/api/notes/", None),
        (["screen"], "head", "/api/notes/", None),
        (["screen"], "options", "/api/notes/", None),
        (["screen"], "post", "/api/notes/", "blacklist:write"),
        (["blacklist:write"], "post", "/api/notes/", None),
        (["blacklist:write"], "get", "/api/notes/", "screen"),
        (["detect"], "post", "/api/detect/", None),
        (["screen"], "post", "/api/detect/", "detect"),
        (["screen"], "post", "/api/other/", None),
        (["detect"], "post", "/api/other/", "screen"),
    ],
)
def test_a_key_does_what_its_scopes_say(
    make_key: Callable[..., str], scopes: list[str], method: str, path: str, missing: str | None
) -> None:
    response = getattr(APIClient(), method)(path, headers={"X-API-Key": make_key(*scopes)})
    if missing is None:
        assert response.status_code == 200
    else:
        assert response.status_code == 403
        assert response.json() == {"detail": f"This API key lacks the scope '{missing}'.", "code": "auth.missing_scope"}


@scoped
@pytest.mark.parametrize(
    ("role", "method", "path", "status"),
    [
        ("viewer", "get", "/api/notes/", 200),
        ("viewer", "post", "/api/notes/", 403),
        ("viewer", "post", "/api/detect/", 403),
        ("operator", "post", "/api/notes/", 200),
        ("operator", "post", "/api/detect/", 200),
        ("operator", "delete", "/api/notes/", 403),
        ("manager", "delete", "/api/notes/", 405),
    ],
)
def test_members_do_what_their_roles_say(client_a: Client, role: str, method: str, path: str, status: int) -> None:
    api = APIClient()
    api.force_login(make_member(client_a, Role(role)))
    response = getattr(api, method)(path)
    assert response.status_code == status
    assert status != 403 or response.json()["code"] == "auth.missing_role"


def test_there_are_no_other_roles(client_a: Client) -> None:
    with pytest.raises(IntegrityError):
        Membership.objects.create(user=User.objects.create_user("eve"), client=client_a, role="owner")


@scoped
def test_a_new_role_counts_at_once(client_a: Client) -> None:
    user = make_member(client_a, Role.OPERATOR)
    api = APIClient()
    api.force_login(user)
    assert api.post("/api/notes/").status_code == 200
    user.memberships.update(role=Role.VIEWER)
    assert api.post("/api/notes/").status_code == 403
    user.memberships.all().delete()
    assert api.get("/api/notes/").json()["code"] == "auth.no_client"


@pytest.mark.parametrize("path", ["", "add/", "{pk}/change/", "{pk}/delete/"])
def test_the_admin_takes_no_key(key_a: str, path: str) -> None:
    row = ApiKey.objects.get()
    url = f"/admin/clients/apikey/{path.format(pk=row.pk)}"
    for headers in ({"X-API-Key": key_a}, {"Authorization": f"Api-Key {key_a}"}):
        for send in (APIClient().get, APIClient().post):
            response = send(url, {"client": row.client_id, "name": "mine"}, format="multipart", headers=headers)
            assert response.status_code == 302 and response["Location"].startswith("/admin/login/")
    assert list(ApiKey.objects.all()) == [row]


def test_no_route_outside_the_admin_serves_clients_or_keys() -> None:
    served = {getattr(getattr(view, "queryset", None), "model", None) for view in _views(get_resolver())}
    assert not served & {ApiKey, Client}


def test_every_resource_names_the_scopes_it_needs() -> None:
    """A view without scopes would be open to every key and role."""
    guarded = {view for view in _views(get_resolver()) if HasScope in getattr(view, "permission_classes", [])}
    resources = {view for view in guarded if not issubclass(view, APIRootView) and not _is_for_managers_alone(view)}
    assert resources
    assert [view for view in resources if not hasattr(view, "scope_write") and not hasattr(view, "scope_read")] == []
    writers = [view for view in resources if hasattr(view, "create") or hasattr(view, "destroy")]
    assert [view for view in writers if not hasattr(view, "scope_write")] == []


def _is_for_managers_alone(view: Any) -> bool:
    """Whether it takes no keys, and every method that it has is for managers."""
    methods = {name for name in ("get", "post", "put", "patch", "delete") if hasattr(view, name)}
    is_for_users = view.authentication_classes == [ClientSessionAuthentication]
    return is_for_users and methods <= set(getattr(view, "for_managers", ()))


def _views(resolver: URLResolver) -> Iterator[Any]:
    for pattern in resolver.url_patterns:  # the admin registers views without a class
        if isinstance(pattern, URLResolver):
            yield from _views(pattern)
        elif isinstance(pattern, URLPattern):
            yield getattr(pattern.callback, "cls", None)
