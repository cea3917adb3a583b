"""What users who are logged in may do in the API: every route and method, in every role."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from clients.models import Client, Role, Scope
from clients.permissions import SCOPES
from clients.tests.members import make_member
from faceapp.tests.test_isolation import OPEN, api_patterns, owned, routes  # noqa: F401  `owned` is a fixture
from vision.tests.drawing import RED, data_url, picture

pytestmark = pytest.mark.django_db
VIEWER, OPERATOR, MANAGER = Role

# The lowest role for reading is a viewer and for everything else an operator, except:
LOWEST = {
    ("liveness-session-detail", "get"): OPERATOR,  # holds the nonce of an attempt
    ("people-report", "get"): OPERATOR,  # searches
    ("blacklist-detail", "delete"): MANAGER,
    ("blacklist-image", "delete"): MANAGER,
    ("processed-image-detail", "delete"): MANAGER,
    ("album-detail", "delete"): MANAGER,
    ("album-image-detail", "delete"): MANAGER,
    ("people-detail", "delete"): MANAGER,
    ("people-image", "delete"): MANAGER,
    ("people-merge", "post"): MANAGER,
    ("gallery-detail", "patch"): MANAGER,
    ("gallery-detail", "delete"): MANAGER,
    **{
        (f"webhook-{name}", method): MANAGER
        for name, method in (
            ("list", "get"),
            ("list", "post"),
            ("detail", "get"),
            ("detail", "patch"),
            ("detail", "delete"),
            ("test", "post"),
            ("rotate-secret", "post"),
            ("deliveries", "get"),
            ("redeliver", "post"),
        )
    },
}
NOBODY = {  # these need a key that names the scope
    ("reset-list", "post"),
    ("audit-list", "get"),
    ("audit-export", "get"),
    ("key-rotate", "post"),
}


def all_routes(owned: dict[str, str]) -> list[tuple[str, str, str]]:  # noqa: F811
    """Those that name no stored object come first, what erases comes last."""
    nameless = [
        (str(pattern.name), method, f"/api/v1/{pattern.pattern}".replace("^", "").replace("$", "").replace("\\Z", ""))
        for pattern in api_patterns()
        if pattern.name in OPEN
        for method in getattr(pattern.callback, "actions", None) or ["get"]
    ]
    found = [route for route in [*nameless, *routes(owned)] if route[1] != "head"]
    return sorted(found, key=lambda route: route[1] == "delete")


def test_every_route_in_every_role(owned: dict[str, str], client_a: Client) -> None:  # noqa: F811
    tried = set()
    for role in Role:
        api = APIClient()
        api.force_login(make_member(client_a, role))
        for name, method, path in all_routes(owned):
            answer = getattr(api, method)(path, format="json")
            lowest = LOWEST.get((name, method), VIEWER if method == "get" else OPERATOR)
            allowed = list(Role).index(role) >= list(Role).index(lowest) and (name, method) not in NOBODY
            assert (answer.status_code != 403) == allowed, (role, name, method, answer.status_code)
            if not allowed and (name, method) not in NOBODY:
                assert answer.json()["code"] == "auth.missing_role", (role, name, method)
            tried.add((name, method))
    assert len(tried) >= 65 and tried >= LOWEST.keys() | NOBODY


def test_members_of_another_client_find_nothing(owned: dict[str, str], client_b: Client) -> None:  # noqa: F811
    api = APIClient()
    api.force_login(make_member(client_b, MANAGER))
    for name, method, path in routes(owned):
        if method == "get" and not name.endswith("-list"):
            assert api.get(path).status_code == 404, (name, path)


@pytest.mark.parametrize(("role", "status"), [(VIEWER, 403), (OPERATOR, 403), (MANAGER, 200)])
def test_only_managers_erase_through_the_older_api(client_a: Client, role: Role, status: int) -> None:
    api = APIClient()
    api.force_login(make_member(client_a, OPERATOR))
    new = {"people_id": "u1", "created_at": "1", "image": data_url(picture(RED)), "is_live_check": False}
    assert api.post("/register-face", new, format="json").status_code == 200
    api.force_login(make_member(client_a, role, f"another {role}"))
    assert api.post("/remove", {"people_id": "u1"}, format="json").status_code == status
    assert api.post("/search", {"image": new["image"]}, format="json").status_code == (403 if role == VIEWER else 200)


def test_no_role_has_a_scope_that_must_be_named() -> None:
    assert not any(SCOPES[role] & {Scope.EMBEDDINGS, Scope.RESET} for role in Role)
    assert SCOPES[VIEWER] < SCOPES[OPERATOR] <= SCOPES[MANAGER]
