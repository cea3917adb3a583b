"""Every page of the admin, driven by members of every role, of this client and of another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.core.files.base import ContentFile
from django.db.models import Model
from django.test import Client as Browser
from django.test import RequestFactory
from django.urls import reverse

from albums.models import AlbumImage
from audit.services import stop_searching
from calibration.models import SpaceCalibration
from clients.access import path_to_client
from clients.models import ApiKey, Client, Membership, Role
from clients.services import create_api_key
from clients.tests.members import browser_of, make_member
from clients.walled_admin import AdministratorsOnly, WalledAdmin, WalledInline
from compat.compreface.models import Service
from compat.faceanalysis.models import Account
from compat.nextcloud.models import KeyModel
from compat.rekognition.models import SigningSecret
from faceapp.roles import PERMISSIONS
from faceapp.tests.source import source_files
from faceapp.tests.test_isolation import owned  # noqa: F401  a fixture
from notifications.models import Subscription
from notifications.services import send_test
from notifications.types import Event
from people.models import Gallery, Person, ReferenceImage
from recognition.models import ProcessedImage
from training.models import TrainingOptions
from vision.tests.drawing import RED, picture

pytestmark = pytest.mark.django_db

OF_THE_DEPLOYMENT = {  # and why no client has a part in them
    User: "a user may work for several clients, and whoever edits users gives himself any role",
    Group: "the groups are what the roles of all clients may do",
}
STANDARD = {"changelist": "view", "add": "add", "change": "view", "delete": "delete", "history": "view"}
PAGES = {  # the others: the model whose row they show, and what follows its number in the path
    "albums_picture": (AlbumImage, []),
    "albums_face": (AlbumImage, [0]),
    "blacklist_photograph": (ReferenceImage, ["face"]),
    "clients_client_usage": (Client, []),
    "people_gallery_health": (Gallery, []),
    "people_person_report": (Person, []),
    "people_photograph": (ReferenceImage, ["face"]),
    "recognition_face": (ProcessedImage, ["face", 0]),
    "recognition_picture": (ProcessedImage, ["thumbnail"]),
}
WITHOUT_ROWS = {"blacklist_check"}  # looks at a file that is sent
WORDS = re.compile(r"\b(alice|Red)\b")  # what everything of that client is called


@dataclass(frozen=True)
class Page:
    """`permission` is what a role needs for it; `shows` is a row of the client (None: a list or an empty form)."""

    url: str
    permission: str
    shows: Model | None = None


@pytest.fixture
def world(
    owned: dict[str, str],  # noqa: F811
    client_a: Client,
    client_b: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> Client:
    """At least one row of everything that the admin shows belongs to alice."""
    key, _ = create_api_key(client_name=client_a.name, name="alice")
    KeyModel.objects.create(api_key=key, model=1)
    SigningSecret.objects.create(api_key=key)
    Service.objects.create(client=client_a, api_key=key, name="alice", kinds=["D"])
    Account.objects.create(client=client_a, username="alice", password="!")
    SpaceCalibration.objects.create(client=client_a, space="fake", metric="euclidean", threshold=0.1)
    TrainingOptions.objects.create(client=client_a)
    make_member(client_a, Role.VIEWER)
    events = [Event.HIT.value]
    hook = Subscription.objects.create(client=client_a, name="alice", target="http://alice.example/", events=events)
    send_test(subscription=hook)
    stop_searching(client_id=client_a.pk)
    monkeypatch.setattr("people.report.require_searching", lambda _: None)  # a report is shown all the same
    AlbumImage.objects.get().image.save("a.png", ContentFile(picture(RED)))
    return client_a


@pytest.fixture
def root() -> User:
    return User.objects.create_superuser("root")


def pages_of(client: Client, root: User) -> list[Page]:
    """Every page that shows a row of the client, or a list of such rows; pictures included."""
    return [
        page for model in walled() for page in [*standard_pages(model, client, root), *own_pages(model, client, root)]
    ]


def walled() -> list[type[Model]]:
    return [model for model, page in admin.site._registry.items() if isinstance(page, WalledAdmin)]


def standard_pages(model: type[Model], client: Client, root: User) -> Iterator[Page]:
    opts = model._meta
    row = first_row(model, client, root)
    for name, action in STANDARD.items():
        on_row = row if name not in {"changelist", "add"} else None
        url = reverse(f"admin:{opts.app_label}_{opts.model_name}_{name}", args=[on_row.pk] if on_row else [])
        yield Page(url, f"{opts.app_label}.{action}_{opts.model_name}", on_row)


def own_pages(model: type[Model], client: Client, root: User) -> Iterator[Page]:
    opts = model._meta
    of_django = {f"{opts.app_label}_{opts.model_name}_{name}" for name in STANDARD} | {None}
    for name in {pattern.name for pattern in admin.site._registry[model].get_urls()} - of_django - WITHOUT_ROWS:
        assert name in PAGES, f"say what the page {name} shows"
        shown, rest = PAGES[name]
        row = first_row(shown, client, root, of=model)
        yield Page(reverse(f"admin:{name}", args=[row.pk, *rest]), f"{opts.app_label}.view_{opts.model_name}", row)


def first_row(model: type[Model], client: Client, root: User, of: type[Model] | None = None) -> Any:
    """The first row of alice's that the admin shows; a photograph is one of a person or an entry (`of`)."""
    if model is ReferenceImage:
        return ReferenceImage.objects.get(person=first_row(of or Person, client, root).pk)
    request = RequestFactory().get("/")
    request.user = root
    registered = admin.site._registry[model]
    path = registered.path_to_client or path_to_client(model)  # type: ignore[attr-defined]
    row = registered.get_queryset(request).filter(**{path: client.pk}).first()
    assert row, f"the fixture makes no {model.__name__}"
    return row


# ---- pages ------------------------------------------------------------------------------------------------------
def test_every_page_is_behind_the_wall() -> None:
    ours = {model: page for model, page in admin.site._registry.items() if model not in OF_THE_DEPLOYMENT}
    assert [model for model, page in ours.items() if not isinstance(page, WalledAdmin)] == []
    assert len(ours) >= 17
    inlines = [inline for page in admin.site._registry.values() for inline in page.inlines]
    assert inlines and all(issubclass(inline, WalledInline) for inline in inlines)
    for model in OF_THE_DEPLOYMENT:
        assert isinstance(admin.site._registry[model], AdministratorsOnly)
    named = {*PERMISSIONS[Role.MANAGER]}
    assert {f"{p.content_type.app_label}.{p.codename}" for p in permissions_of("Manager")} == named


def test_one_module_asks_what_users_may_do() -> None:
    """Django's own question knows no client."""
    asking = [file for file in source_files() if ".has_perm(" in file.read_text() or ".has_perms(" in file.read_text()]
    assert not asking


def permissions_of(group: str) -> Any:
    return Group.objects.get(name=group).permissions.select_related("content_type")


def test_members_see_their_client_as_far_as_their_role_goes(world: Client, root: User) -> None:
    pages, administrator = pages_of(world, root), browser_of(root)
    refused_to_all = {page.url for page in pages if administrator.get(page.url).status_code == 403}
    for role in Role:
        browser = browser_of(make_member(world, role, f"{role} here"))
        for page in pages:
            allowed = page.permission in PERMISSIONS[role] and page.url not in refused_to_all
            assert browser.get(page.url).status_code == (200 if allowed else 403), (role, page)
    assert len(pages) >= 80


def test_members_of_another_client_find_nothing(world: Client, client_b: Client, root: User) -> None:
    browser = browser_of(make_member(client_b, Role.MANAGER))
    before = everything()
    for page in pages_of(world, root):
        answer = browser.get(page.url)
        assert answer.status_code == 404 if page.shows else answer.status_code in {200, 403}, page
        assert not WORDS.search(answer.content.decode(errors="replace")), page
        if page.shows:
            assert browser.post(page.url, {"post": "yes", "name": "Stolen"}).status_code in {404, 405}, page
    for model in walled():
        for name in admin.site._registry[model].get_actions(requested(browser)):
            chosen = {"action": name, "_selected_action": [first_row(model, world, root).pk], "post": "yes"}
            url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
            browser.post(url, chosen | {"confirmed": "yes"})
            assert browser.post(url, chosen | {"confirmed": "yes", "select_across": "1"}).status_code in {403, 404}
    assert everything() == before


def requested(browser: Browser) -> Any:
    """A request as the browser makes it."""
    return browser.get(reverse("admin:index")).wsgi_request


def everything() -> dict[str, list[Any]]:
    return {model.__name__: list(model._default_manager.order_by("pk").values_list()) for model in walled()}


def test_without_a_login_there_is_nothing(world: Client, root: User) -> None:
    for page in pages_of(world, root):
        assert Browser().get(page.url).url.startswith("/admin/login/")  # type: ignore[attr-defined]


@pytest.mark.parametrize("model", OF_THE_DEPLOYMENT)
def test_tables_of_the_deployment_are_for_administrators(model: type[Model], client_a: Client) -> None:
    manager = make_member(client_a, Role.MANAGER)
    manager.user_permissions.set(Permission.objects.all())
    browser, name = browser_of(manager), f"admin:auth_{model._meta.model_name}"
    row = model._default_manager.order_by("pk").first()
    assert row
    for page in (reverse(f"{name}_changelist"), reverse(f"{name}_add"), reverse(f"{name}_change", args=[row.pk])):
        assert browser.get(page).status_code == browser.post(page, {}).status_code == 403


# ---- what pages offer -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("model", "field"), [("apikey", "client"), ("membership", "client"), ("membership", "user"), ("apikey", "x")]
)
def test_nothing_foreign_is_completed(world: Client, client_b: Client, model: str, field: str) -> None:
    browser = browser_of(make_member(client_b, Role.MANAGER))
    query = {"app_label": "clients", "model_name": model, "field_name": field, "term": ""}
    answer = browser.get("/admin/autocomplete/", query)
    offered = [item["text"] for item in answer.json()["results"]] if answer.status_code == 200 else []
    assert offered == (["bob"] if field == "client" else [])


def test_the_search_of_the_menu_and_the_first_page_name_nothing_foreign(world: Client, client_b: Client) -> None:
    browser = browser_of(make_member(client_b, Role.MANAGER))
    for url in ("/admin/search/?s=Red&extended=1", "/admin/search/?s=e", "/admin/", "/admin/people/", "/admin/models/"):
        assert not WORDS.search(browser.get(url).content.decode())
    foreign, own = (one.get("/admin/").context for one in (browser, browser_of(make_member(world, Role.VIEWER, "v"))))
    assert [count["value"] for count in foreign["counts"]] == [0] * 5
    assert [count["value"] for count in own["counts"]] == [1, 1, 1, 0, 0]
    assert (len(foreign["latest_matches"]), len(own["latest_matches"])) == (0, 1)


def test_a_form_makes_nothing_for_another_client(world: Client, client_b: Client) -> None:
    browser = browser_of(make_member(client_b, Role.MANAGER))
    before = everything()
    form = {"client": world.pk, "name": "x", "space": "fake-fake-4", "threshold": "0.1", "username": "mallory"}
    form |= {
        "new_password": "a long password",
        "api_key": ApiKey.objects.filter(client=world).values_list("pk", flat=True)[0],
        "model": "1",
    }
    for model in walled():
        url = f"admin:{model._meta.app_label}_{model._meta.model_name}_add"
        assert browser.post(reverse(url), form).status_code in {200, 403}
    assert everything() == before


# ---- those who tried it before ----------------------------------------------------------------------------------
def test_permissions_of_the_user_alone_open_nothing(world: Client, client_b: Client) -> None:
    """Who may view everything in Django's eyes, and works for bob, sees nothing of alice's."""
    staff = make_member(client_b, Role.VIEWER, "bobstaff")
    staff.user_permissions.set(Permission.objects.all())
    browser, person = browser_of(staff), Person.objects.of_kind("people").get()
    assert browser.get(reverse("admin:people_person_change", args=[person.pk])).status_code == 404
    image = ProcessedImage.objects.get()
    assert browser.get(reverse("admin:recognition_picture", args=[image.pk, "original"])).status_code == 404
    assert "Red" not in browser.get(reverse("admin:blacklist_blacklistentry_changelist")).content.decode()
    assert browser.get(reverse("admin:clients_apikey_changelist")).status_code == 403
    Membership.objects.all().delete()
    assert "not a member" in browser.get("/admin/").content.decode()


def test_a_manager_sees_the_members_and_changes_none(client_a: Client, client_b: Client) -> None:
    manager = make_member(client_a, Role.MANAGER)
    other = make_member(client_a, Role.VIEWER)
    stranger = make_member(client_b, Role.VIEWER)
    browser, url = browser_of(manager), reverse("admin:clients_client_change", args=[client_a.pk])
    page = browser.get(url).content.decode()
    assert (
        other.username in page
        and stranger.username not in page
        and "memberships-0-role" not in page
        and "/auth/user/" not in page
    )
    _, second = Membership.objects.filter(client=client_a).order_by("pk")
    form = {"memberships-TOTAL_FORMS": "2", "memberships-INITIAL_FORMS": "1", "retention_days": "7",
            "memberships-0-id": second.pk, "memberships-0-client": client_a.pk, "memberships-0-user": other.pk,
            "memberships-0-role": "manager", "memberships-1-client": client_a.pk,
            "memberships-1-user": stranger.pk, "memberships-1-role": "manager"}  # fmt: skip
    browser.post(url, form)
    browser.post(reverse("admin:clients_client_change", args=[client_b.pk]), form)
    client_a.refresh_from_db()
    assert client_a.retention_days == 7  # the form itself was accepted
    assert list(Membership.objects.order_by("pk").values_list("user", "client", "role")) == [
        (manager.pk, client_a.pk, "manager"), (other.pk, client_a.pk, "viewer"), (stranger.pk, client_b.pk, "viewer"),
    ]  # fmt: skip


def test_the_log_of_the_admin_is_shown_for_own_rows_alone(world: Client, client_b: Client, root: User) -> None:
    gallery = Gallery.objects.filter(client=world).first()
    assert gallery
    LogEntry.objects.log_actions(root.pk, [gallery], 2, "Red", single_object=True)
    url = reverse("admin:people_gallery_history", args=[gallery.pk])
    assert browser_of(make_member(world, Role.VIEWER, "v")).get(url).status_code == 200
    assert browser_of(make_member(client_b, Role.MANAGER)).get(url).status_code == 404
