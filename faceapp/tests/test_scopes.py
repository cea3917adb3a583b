"""A key does what its scopes say and nothing else: every scope alone, and none, against every route."""

from __future__ import annotations

import re
from collections.abc import Iterator
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from clients.models import ApiKey, Client, Scope
from clients.services import create_api_key
from faceapp.tests.test_isolation import api_patterns

pytestmark = pytest.mark.django_db
MATCHING = {Scope.PEOPLE_MATCH, Scope.PEOPLE_SEARCH}
# By the beginning of a route's name: who may read, and who may change. The longest beginning counts.
SCOPES: dict[str, tuple[set[Scope], set[Scope]]] = {
    "api-root": (set(Scope), set()),
    "album": ({Scope.ALBUMS}, {Scope.ALBUMS}),
    "album-group-detail": ({Scope.ALBUMS}, set()),  # a name is a person's: that needs people:write as well
    "audit": ({Scope.AUDIT_READ}, set()),
    "anti-spoof": (set(), {Scope.LIVENESS}),
    "blacklist": ({Scope.BLACKLIST_READ}, {Scope.BLACKLIST_WRITE}),
    "compare": (set(), MATCHING),
    "detect": (set(), {Scope.DETECT}),
    "engine": (set(Scope), set()),
    "erasure": ({Scope.PEOPLE_READ}, set()),
    "gallery": ({Scope.PEOPLE_READ}, {Scope.PEOPLE_WRITE}),
    "job": ({Scope.SCREEN}, {Scope.SCREEN}),
    "key": (set(), {Scope.ROTATE}),
    "liveness": ({Scope.LIVENESS}, {Scope.LIVENESS}),
    "people": ({Scope.PEOPLE_READ}, {Scope.PEOPLE_WRITE}),
    "people-report": (set(), set()),  # needs two
    "people-search": (set(), MATCHING),
    "people-verify": (set(), MATCHING),
    "process": ({Scope.SCREEN}, {Scope.SCREEN}),
    "recogniser": ({Scope.PEOPLE_READ}, {Scope.PEOPLE_WRITE}),
    "reset": (set(), {Scope.RESET}),
    "respace": ({Scope.PEOPLE_READ}, set()),
    "usage": (set(Scope), set()),
    "webhook": ({Scope.WEBHOOKS_READ}, {Scope.WEBHOOKS_WRITE}),
}
# The compatibility APIs that take keys, by path.
DIALECTS: dict[tuple[str, str], set[Scope]] = {
    ("get", "/nextcloud/open"): {Scope.NEXTCLOUD},
    ("post", "/nextcloud/detect"): {Scope.NEXTCLOUD},
    ("post", "/nextcloud/compute"): {Scope.NEXTCLOUD},
    ("post", "/ekyc/check-2-face"): {Scope.PEOPLE_SEARCH},
    ("post", "/ekyc/face-otp"): {Scope.PEOPLE_SEARCH},
    ("post", "/ekyc/register-face"): {Scope.PEOPLE_WRITE},
    ("post", "/ekyc/search"): {Scope.PEOPLE_SEARCH},
    ("post", "/ekyc/api/v2/search"): {Scope.PEOPLE_SEARCH},
    ("post", "/ekyc/api/v3/search"): {Scope.PEOPLE_SEARCH},
    ("post", "/ekyc/remove"): {Scope.PEOPLE_WRITE},
    ("post", "/ekyc/api/v1/delete"): {Scope.PEOPLE_WRITE},
    ("post", "/ekyc/api/v2/face-compare"): {Scope.PEOPLE_SEARCH},
    ("post", "/ekyc/api/v2/anti-spoof"): {Scope.LIVENESS},
    ("post", "/ekyc/face-live"): {Scope.LIVENESS},
    ("post", "/ekyc/face-detect"): {Scope.DETECT},
    ("post", "/deepface/represent"): {Scope.EMBEDDINGS},
    ("post", "/deepface/verify"): {Scope.PEOPLE_MATCH, Scope.PEOPLE_SEARCH},
    ("post", "/deepface/analyze"): {Scope.DETECT},
    ("post", "/deepface/register"): {Scope.PEOPLE_WRITE},
    ("post", "/deepface/search"): {Scope.PEOPLE_SEARCH},
    ("post", "/deepface/build/index"): {Scope.PEOPLE_WRITE},
}


def calls() -> Iterator[tuple[str, str, set[Scope]]]:
    """Method, path and scopes of every route. The paths name nothing that exists."""
    for pattern in api_patterns():
        name = pattern.name or ""
        found = max((start for start in SCOPES if name.startswith(start)), key=len, default=None)
        assert found, f"Say which scopes {name} needs."
        text = re.sub(r"\(\?P<uuid>[^)]+\)", str(UUID(int=0)), str(pattern.pattern))
        path = re.sub(r"\(\?P<\w+>[^)]+\)", "0", text.strip("^$").replace("\\Z", ""))
        for method in {*(getattr(pattern.callback, "actions", None) or ["get"])} - {"head"}:
            yield method, f"/api/v1/{path}", SCOPES[found][method != "get"]
    for (method, path), scopes in DIALECTS.items():
        yield method, path, scopes


@pytest.mark.parametrize("scope", [*Scope, None], ids=lambda scope: str(scope) if scope else "none")
def test_one_scope_opens_its_routes_and_no_others(client_a: Client, scope: Scope | None) -> None:
    row, key = create_api_key(client_name=client_a.name)
    ApiKey.objects.update(scopes=[scope] if scope else [])
    opened, refused = set(), set()
    for method, path, scopes in calls():
        answer = getattr(APIClient(raise_request_exception=False), method)(path, headers={"X-API-Key": key})
        assert answer.status_code != 401 and answer.status_code < 500, (method, path, answer.status_code)
        is_refused = answer.status_code == 403
        assert not is_refused or answer.json()["code"] == "auth.missing_scope", (method, path)
        assert is_refused == (scope not in scopes), (method, path, answer.status_code)
        (refused if is_refused else opened).add((method, path))
    assert len(refused) > 20
    assert bool(opened) == (scope is not None)
    row.refresh_from_db()
    assert row.is_valid(key) == (scope != Scope.ROTATE)
