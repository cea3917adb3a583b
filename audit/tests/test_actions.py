"""Every route of the API, and what the audit says after it was called: each action is recorded by a real call."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import StringIO
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client as Browser
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from audit.models import Record
from audit.types import Action
from blacklist.services import create_entry
from clients.models import ApiKey, Client, Role, Scope
from clients.rotation import rotate_api_key
from clients.services import create_api_key, make_path_token, revoke_api_key, withdraw_path_token
from clients.tests.members import make_member
from faceapp.tests.test_isolation import api_patterns, owner_key
from faceapp.tests.test_isolation import owned as stored
from people.models import Gallery, Person
from recognition.services import judge, screening_options, submit_images
from recognition.types import ReviewState
from vision.tests.drawing import BLUE, RED, data_url, picture
from vision.types import Upload
from work.submissions import read_submission

pytestmark = pytest.mark.django_db
IMAGE = data_url(picture(RED))
OTHER = data_url(picture(BLUE))
NO_PERSON = "tells of no person"
NO_FACE = "has rows about faces, but neither names nor photographs"
STORES_NOTHING = "embeds nothing and stores nothing"
ITSELF = "the audit itself"
STATE = "a state of a challenge"

# What each route records, or why it records nothing. Those that erase come last.
HOOK = "https://hooks.example/faceapp"
ROUTES: dict[tuple[str, str], tuple[Action | str, Any]] = {
    ("api-root", "get"): (NO_PERSON, None),
    ("engine-list", "get"): (NO_PERSON, None),
    ("usage-list", "get"): (NO_PERSON, None),
    ("audit-list", "get"): (ITSELF, None),
    ("audit-export", "get"): (ITSELF, None),
    ("blacklist-list", "get"): (Action.VIEW, None),
    ("blacklist-list", "post"): (
        Action.ENROL, lambda: {"name": "Blue", "images": [SimpleUploadedFile("b.png", picture(BLUE))]},
    ),
    ("blacklist-detail", "get"): (Action.VIEW, None),
    ("blacklist-detail", "put"): (Action.CHANGE, {"name": "Crimson"}),
    ("blacklist-detail", "patch"): (Action.CHANGE, {"is_active": True}),
    ("blacklist-images", "post"): (Action.ENROL, lambda: {"images": [SimpleUploadedFile("a.png", picture(RED))]}),
    ("blacklist-images", "get"): (NO_FACE, None),
    ("blacklist-image", "get"): (Action.VIEW, None),
    ("detect-detect-face", "post"): (STORES_NOTHING, {"image": IMAGE}),
    ("process-process-images", "post"): (Action.SCREEN, {"images": [IMAGE]}),
    ("job-list", "get"): (NO_PERSON, None),
    ("job-detail", "get"): (NO_PERSON, None),
    ("job-results", "get"): (Action.VIEW, None),
    ("job-cancel", "post"): (Action.CHANGE, {}),
    ("processed-image-list", "get"): (Action.VIEW, None),
    ("processed-image-detail", "get"): (Action.VIEW, None),
    ("processed-image-image", "get"): (Action.VIEW, None),
    ("processed-image-sidecar", "get"): (Action.EXPORT, None),
    ("recogniser-list", "get"): (NO_PERSON, None),
    ("recogniser-detail", "get"): (NO_PERSON, None),
    ("recogniser-train", "post"): (Action.TRAIN, {"source": ""}),
    ("recogniser-activate", "post"): (Action.CHANGE, {}),
    ("recogniser-deactivate", "post"): (Action.CHANGE, {}),
    ("album-list", "get"): (NO_PERSON, None),
    ("album-list", "post"): (Action.CREATE, {"name": "Blue"}),
    ("album-detail", "get"): (NO_PERSON, None),
    ("album-detail", "patch"): (Action.CHANGE, {"name": "Crimson"}),
    ("album-image-list", "get"): (NO_FACE, None),
    ("album-image-list", "post"): (Action.CREATE, {"images": [IMAGE, OTHER]}),
    ("album-process", "post"): (Action.MATCH, {}),  # by the worker
    ("album-image-detail", "get"): (NO_FACE, None),
    ("album-image-matches", "get"): (Action.MATCH, None),
    ("album-image-sidecar", "get"): (Action.EXPORT, None),
    ("album-group-list", "get"): (NO_FACE, None),
    ("album-group-detail", "get"): (NO_FACE, None),
    ("album-group-merge", "post"): (Action.MERGE, lambda: {"groups": [second_group()]}),
    ("album-group-split", "post"): (Action.SPLIT, lambda: {"faces": [first_face()]}),
    ("album-group-detail", "patch"): (Action.CHANGE, {"name": "Ruby"}),
    ("liveness-session-list", "post"): (STATE, {"purpose": "onboarding", "subject": "u2"}),
    ("liveness-session-detail", "get"): (STATE, None),
    ("liveness-session-frames", "post"): (Action.LIVENESS, {"nonce": "x", "frames": [IMAGE]}),
    ("anti-spoof-list", "post"): (STORES_NOTHING, {"image": IMAGE}),
    ("people-list", "get"): (Action.VIEW, None),
    ("people-list", "post"): (Action.ENROL, {"name": "Blue", "image": OTHER}),
    ("people-search", "post"): (Action.SEARCH, {"image": IMAGE}),
    ("people-detail", "get"): (Action.VIEW, None),
    ("people-detail", "patch"): (Action.CHANGE, {"name": "Crimson"}),
    ("people-report", "get"): (Action.EXPORT, None),
    ("people-report-of-image", "post"): (Action.EXPORT, {"image": IMAGE}),
    ("people-images", "get"): (NO_FACE, None),
    ("people-images", "post"): (Action.ENROL, {"image": IMAGE}),
    ("people-image", "get"): (Action.VIEW, None),
    ("people-primary", "post"): (Action.CHANGE, {}),
    ("webhook-list", "get"): (NO_PERSON, None),
    ("webhook-list", "post"): (Action.SETTINGS_CHANGED, {"name": "x", "url": HOOK, "events": ["hit"]}),
    ("webhook-detail", "get"): (NO_PERSON, None),
    ("webhook-detail", "patch"): (Action.SETTINGS_CHANGED, {"name": "y"}),
    ("webhook-test", "post"): (Action.EXPORT, {}),
    ("webhook-rotate-secret", "post"): (Action.SETTINGS_CHANGED, {}),
    ("webhook-deliveries", "get"): (Action.VIEW, None),
    ("webhook-redeliver", "post"): (Action.EXPORT, {}),
    ("people-verify", "post"): (Action.VERIFY, {"image": IMAGE}),
    ("people-apart", "post"): (Action.CHANGE, lambda: {"person": another_person()}),
    ("people-merge", "post"): (Action.MERGE, lambda: {"person": another_person()}),
    ("people-split", "post"): (Action.SPLIT, lambda: {"images": [newest_photograph()]}),
    ("compare-list", "post"): (Action.COMPARE, {"image": IMAGE, "images": [OTHER]}),
    ("gallery-list", "get"): (NO_PERSON, None),
    ("gallery-detail", "get"): (NO_PERSON, None),
    ("gallery-detail", "patch"): (Action.SETTINGS_CHANGED, {"threshold": 0.2}),
    ("gallery-health-list", "get"): (NO_PERSON, None),
    ("gallery-health-look-alikes", "get"): (NO_FACE, None),
    ("gallery-health-odd-photographs", "get"): (NO_FACE, None),
    ("gallery-health-poor-people", "get"): (NO_FACE, None),
    ("respace-list", "get"): (NO_PERSON, None),
    ("erasure-list", "get"): (NO_PERSON, None),
    ("erasure-detail", "get"): (NO_PERSON, None),
    ("webhook-detail", "delete"): (Action.ERASE, None),
    ("blacklist-image", "delete"): (Action.ERASE, None),
    ("blacklist-detail", "delete"): (Action.ERASE, None),
    ("processed-image-detail", "delete"): (Action.ERASE, None),
    ("album-image-detail", "delete"): (Action.ERASE, None),
    ("album-detail", "delete"): (Action.ERASE, None),
    ("liveness-session-detail", "delete"): (STATE, None),
    ("people-image", "delete"): (Action.ERASE, None),
    ("people-detail", "delete"): (Action.ERASE, None),
    ("gallery-detail", "delete"): (Action.ERASE, None),
    ("reset-list", "post"): (Action.ERASE, {}),
    ("key-rotate", "post"): (Action.KEY_ROTATED, {}),
}  # fmt: skip
REFUSED = {"recogniser-train", "recogniser-activate", "anti-spoof-list", "job-cancel", "people-detail"}
REFUSED_BUT_TRIED = {"liveness-session-frames"}  # a failed attempt counts


def second_group() -> int:
    from albums.models import FaceGroup

    return max(FaceGroup.objects.values_list("number", flat=True))


def first_face() -> int:
    from albums.models import FaceGroup

    group = FaceGroup.objects.get(number=1)
    return min(group.faces.values_list("number", flat=True))


def another_person() -> int:
    return Person.objects.filter(client__name="alice", kind="people").latest("number").number


def newest_photograph() -> int:
    from people.models import ReferenceImage

    return ReferenceImage.objects.filter(person__kind="people").latest("pk").number


def test_every_route_says_what_it_records() -> None:
    found = {
        (pattern.name or "", method)
        for pattern in api_patterns()
        for method in getattr(pattern.callback, "actions", {"get": "root"})
        if method != "head"  # the framework adds it with the first call
    }
    assert found == set(ROUTES)


owned = stored  # a fixture: one of everything


@pytest.fixture
def root(client_a: Client) -> APIClient:
    """A key of alice that may do everything."""
    return APIClient(headers={"X-API-Key": create_api_key(client_name="alice", scopes=Scope.values)[1]})


def path_of(name: str, owned: dict[str, str]) -> str:
    pattern = next(one for one in api_patterns() if one.name == name)
    text = str(pattern.pattern).removeprefix("^").removesuffix("$").replace("\\Z", "")
    text = text.replace("(?P<album_id>[^/]+)", owned["album"])
    image = owned["image_id of people" if name.startswith("people") else "image_id"]
    text = text.replace("(?P<image_id>[^/]+)", image).replace("(?P<delivery_id>[^/.]+)", owned["delivery_id"])
    if "(?P<" in text:
        text = re.sub(r"\(\?P<(pk|name|uuid)>[^)]+\)", owned[owner_key(name)], text)
    return f"/api/v1/{text}"


def test_every_route_records_its_action(
    owned: dict[str, str],
    root: APIClient,
    client_a: Client,
    settings: Settings,
) -> None:
    """By the caller's key, for the caller's client, with the id of the request."""
    settings.ALLOW_RESET, settings.WEBHOOK_HOSTS = True, ["hooks.example"]
    prefix, numbers = ApiKey.objects.latest("created").prefix, count()
    for (name, method), (expected, body) in ROUTES.items():
        body = body() if callable(body) else body
        kind = "multipart" if name.startswith("blacklist") and method == "post" else "json"
        sent = {} if body is None else {"data": body, "format": kind}
        before = set(Record.objects.values_list("pk", flat=True))
        identity = f"call-{next(numbers)}"
        answer = getattr(root, method)(path_of(name, owned), **sent, headers={"X-Request-ID": identity})
        new = Record.objects.exclude(pk__in=before)
        if name in REFUSED and answer.status_code >= 400:
            continue
        assert answer.status_code < 300 or name in REFUSED_BUT_TRIED, (name, method, answer.content)
        assert {row.client_id for row in new} <= {client_a.pk}, name
        found = {row.action for row in new}
        assert (expected in found) if isinstance(expected, Action) else not found, (name, method, found)
        for row in new:
            assert (row.actor_kind, row.actor, row.request_id) == ("key", prefix, identity), name


def people_table(folder: Path) -> None:
    (folder / "u1").mkdir(parents=True)
    (folder / "u1" / "a.png").write_bytes(picture(RED))


def login(client: Client) -> None:
    User.objects.create_superuser("boss", password="boss's password")
    browser = Browser()
    for password in ("wrong", "boss's password"):
        browser.post("/login/", {"login": "boss", "password": password})
    user = User.objects.create_user("ann")
    form = {"username": "ann", "is_active": "on", "is_staff": "on", "date_joined_0": "2026-01-01"}
    form |= {"date_joined_1": "00:00:00", "memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
    browser.post(f"/admin/auth/user/{user.pk}/change/", form)
    browser.post("/admin/logout/")


def keys(client: Client) -> None:
    row, _ = create_api_key(client_name=client.name)
    make_path_token(key=row)
    withdraw_path_token(key=row)
    browser = Browser()
    browser.force_login(User.objects.create_superuser("root"))
    data = {"name": "renamed", "scopes": ["detect"], "rate_limit": "", "expiry_date_0": "", "expiry_date_1": ""}
    assert browser.post(f"/admin/clients/apikey/{row.pk}/change/", data).status_code == 302
    rotate_api_key(key=row)
    revoke_api_key(key=row)


def nextcloud(client: Client) -> None:
    api = APIClient(headers={"X-API-Key": create_api_key(client_name=client.name, scopes=["nextcloud"])[1]})
    sent = {"file": SimpleUploadedFile("x.png", picture(RED))}
    assert api.post("/detect", sent, format="multipart").status_code == 200


def decide(client: Client) -> None:
    entry = create_entry(client=client, name="Mallory", uploads=[Upload(picture(RED))]).entry
    submissions = [read_submission(Upload(picture(RED)))]
    submit_images(client=client, submissions=submissions, options=screening_options(client=client))
    judge(match=entry.matches.get(), user=make_member(client, Role.OPERATOR), said=ReviewState.DISMISSED)


CALLS: dict[Action, Callable[[Client], object]] = {
    Action.LOGIN: login,
    Action.FAILED_LOGIN: login,
    Action.LOGOUT: login,
    Action.ROLE_CHANGED: login,
    Action.KEY_MADE: keys,
    Action.KEY_CHANGED: keys,
    Action.KEY_ROTATED: keys,
    Action.KEY_REVOKED: keys,
    Action.DETECT: nextcloud,
    Action.DECIDE: decide,
    Action.STOP: lambda client: call_command("stop_searching", client=client.name, stdout=StringIO()),
    Action.GO: lambda client: [
        call_command("stop_searching", client=client.name, resume=resume, stdout=StringIO()) for resume in (False, True)
    ],
}


@pytest.mark.parametrize("action", CALLS)
def test_what_is_no_call_of_the_api_is_recorded(action: Action, client_a: Client) -> None:
    CALLS[action](client_a)
    assert Record.objects.filter(action=action).exists()


def test_export_and_import(client_a: Client, tmp_path: Path, redis_flush: None, settings: Settings) -> None:
    Person.objects.create(client=client_a, name="Red Secretname")
    call_command("export_people", client="alice", output=tmp_path / "a.zip", plain=True, stdout=StringIO())
    row = Record.objects.get(action=Action.EXPORT)
    assert (row.client_id, row.objects_named, row.results) == (client_a.pk, ["person:1"], 1)
    call_command("import_people", archive=tmp_path / "a.zip", client="bob", stdout=StringIO())
    assert Record.objects.filter(action=Action.IMPORT).exclude(client=client_a).exists()


def test_every_action_is_recorded_by_one_of_these_calls() -> None:
    by_routes = {expected for expected, _ in ROUTES.values() if isinstance(expected, Action)}
    elsewhere = {Action.EXPORT, Action.IMPORT}
    assert by_routes | set(CALLS) | elsewhere == set(Action)


def test_nothing_that_identifies_a_person_is_recorded(owned: dict[str, str], root: APIClient) -> None:
    root.post("/api/v1/people/", {"name": "Secretname", "external_id": "SECRET-1", "image": IMAGE}, format="json")
    root.post("/api/v1/people/search", {"image": IMAGE}, format="json")
    Gallery.objects.filter(name="staff").update(name="Secretgallery")
    text = str(list(Record.objects.values())).lower()
    assert "person:" in text and "secret" not in text and "data:image" not in text


def test_a_search_says_where_it_looked(owned: dict[str, str], root: APIClient) -> None:
    def search() -> Record:
        root.post("/api/v1/people/search", {"image": IMAGE, "sources": [""]}, format="json")
        return Record.objects.filter(action=Action.SEARCH).first()  # type: ignore[return-value]

    row = search()
    gallery = Gallery.objects.get(kind="people", is_default=True)
    assert (row.galleries, row.gallery_people, row.results) == ([gallery.pk], 1, 1)
    assert row.threshold and row.space and len(row.gallery_version) == 16
    assert search().gallery_version == row.gallery_version
    root.post("/api/v1/people/", {"name": "Blue", "image": OTHER}, format="json")
    assert search().gallery_version != row.gallery_version
