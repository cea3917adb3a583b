import re
from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import IntegrityError, connection, transaction
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings
from unfold.admin import ModelAdmin

from clients import services
from clients.models import ApiKey, Client, Role, Scope
from clients.tests.members import browser_of, make_member

KEYS = "/admin/clients/apikey/"
KEY = re.compile(r"[A-Za-z0-9]{8}\.[A-Za-z0-9]{32}")
pytestmark = pytest.mark.django_db


@pytest.fixture
def browser() -> Browser:
    browser = Browser()
    browser.force_login(User.objects.create_superuser("root"))
    return browser


def make(browser: Browser, owner: Client, **fields: object) -> str:
    """The page after a key was made."""
    data = {
        "client": owner.pk,
        "name": "till",
        "rate_limit": "",
        "expiry_date_0": "",
        "expiry_date_1": "",
        "scopes": "detect",
    } | fields
    return browser.post(f"{KEYS}add/", data, follow=True).content.decode()


def test_a_new_key_is_shown_once(browser: Browser, client_a: Client) -> None:
    page = make(browser, client_a, scopes=["detect", "screen"], rate_limit="60/min")
    (key,) = set(KEY.findall(page))
    row = ApiKey.objects.get()
    assert row.is_valid(key) and row.scopes == ["detect", "screen"] and row.rate_limit == "60/min"
    for path in (KEYS, f"{KEYS}{row.pk}/change/", f"{KEYS}{row.pk}/history/", "/admin/"):
        later = browser.get(path, follow=True).content.decode()
        assert key not in later and "never shown again" not in later


def test_the_form_offers_each_scope_as_a_checkbox(browser: Browser) -> None:
    page = browser.get(f"{KEYS}add/").content.decode()
    boxes = re.findall(r'<input[^>]*type="checkbox"[^>]*name="scopes"[^>]*', page)
    boxes = boxes or re.findall(r'<input[^>]*name="scopes"[^>]*type="checkbox"[^>]*', page)
    assert len(boxes) == len(Scope.values)


def test_a_preset_adds_to_what_is_ticked(browser: Browser, client_a: Client) -> None:
    make(browser, client_a, scopes="rotate", preset="read", networks="10.1.0.0/16,192.0.2.7")
    row = ApiKey.objects.get()
    assert row.scopes == ["blacklist:read", "people:read", "rotate"]
    assert (row.networks, row.expiry_date) == (["10.1.0.0/16", "192.0.2.7"], None)
    make(browser, client_a, scopes=[], preset="enrol")
    assert ApiKey.objects.first().scopes == ["people:write", "liveness"]  # type: ignore[union-attr]


def test_the_form_proposes_a_year_and_the_list_says_what_ends_soon(browser: Browser, client_a: Client) -> None:
    year = timezone.now() + timedelta(days=365)
    assert f'value="{year:%Y-%m-%d}"' in browser.get(f"{KEYS}add/").content.decode()
    services.create_api_key(client_name=client_a.name, expires_in_days=31)
    assert "expires soon" not in browser.get(KEYS).content.decode()
    services.create_api_key(client_name=client_a.name, expires_in_days=29)
    assert browser.get(KEYS).content.decode().count("expires soon") == 1


def test_no_page_shows_the_hash(browser: Browser, client_a: Client) -> None:
    row, _ = services.create_api_key(client_name=client_a.name)
    for path in ("", f"{row.pk}/change/", f"{row.pk}/delete/", f"{row.pk}/history/"):
        page = browser.get(f"{KEYS}{path}").content.decode()
        assert row.prefix in page and row.hashed_key not in page and row.hashed_key.rpartition("$")[2] not in page


def test_a_key_stays_with_its_client_and_its_secret(browser: Browser, client_a: Client, client_b: Client) -> None:
    row, key = services.create_api_key(client_name=client_a.name)
    data = {"client": client_b.pk, "name": "renamed", "revoked": "on", "hashed_key": "x", "prefix": "x"}
    data |= {"rate_limit": "", "expiry_date_0": "", "expiry_date_1": "", "scopes": "detect"}
    assert browser.post(f"{KEYS}{row.pk}/change/", data).status_code == 302
    changed = ApiKey.objects.get()
    assert changed.name == "renamed" and changed.client == client_a and not changed.revoked and changed.is_valid(key)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"client": ""},
        {"scopes": ["fly"]},
        {"scopes": []},
        {"preset": "fly"},
        {"networks": "10.0.0.1/8"},
        {"networks": "office"},
        {"rate_limit": "fast"},
        {"expiry_date_0": "2020-01-01", "expiry_date_1": "00:00"},
    ],
)
def test_a_key_that_makes_no_sense_is_refused(browser: Browser, client_a: Client, fields: dict[str, object]) -> None:
    assert not KEY.search(make(browser, client_a, **fields))
    assert not ApiKey.objects.exists()


def test_an_inactive_client_gets_no_key(browser: Browser, client_a: Client) -> None:
    Client.objects.update(is_active=False)
    assert "This client is inactive" in make(browser, client_a)
    assert not ApiKey.objects.exists()


def test_keys_are_revoked_by_an_action(browser: Browser, client_a: Client) -> None:
    rows = [services.create_api_key(client_name=client_a.name)[0] for _ in range(3)]
    chosen = [row.pk for row in rows[:2]]
    action = {"action": "revoke", "_selected_action": chosen}
    asked = browser.post(KEYS, action).content.decode()
    assert "This cannot be undone" in asked and all(f'value="{key}"' in asked for key in chosen)
    assert not ApiKey.objects.filter(revoked=True).exists()
    page = browser.post(KEYS, action | {"confirmed": "yes"}, follow=True).content.decode()
    assert "Keys revoked: 2." in page
    assert list(ApiKey.objects.filter(revoked=False)) == [rows[2]]
    assert browser.get(f"{KEYS}{chosen[0]}/change/").status_code == 200


@pytest.mark.parametrize(
    ("rate", "taken"),
    [("", True), ("60/min", True), ("1/s", True), ("2/s", False), ("61/h", False), ("10/s", False), ("fast", False)],
)
def test_a_manager_allows_no_key_more_than_the_deployment_does(
    browser: Browser, client_a: Client, settings: Settings, rate: str, taken: bool
) -> None:
    settings.RATE_LIMIT = "60/min"
    manager = browser_of(make_member(client_a, Role.MANAGER))
    assert bool(KEY.search(make(manager, client_a, rate_limit=rate))) == taken
    assert rate == "fast" or KEY.search(make(browser, client_a, rate_limit=rate))


def test_an_operator_cannot_revoke(client_a: Client) -> None:
    row, _ = services.create_api_key(client_name=client_a.name)
    browser = browser_of(make_member(client_a, Role.OPERATOR))
    answer = browser.post(KEYS, {"action": "revoke", "_selected_action": [row.pk]})
    assert answer.status_code == browser.get(KEYS).status_code == 403 and not ApiKey.objects.get().revoked


def test_the_list_of_clients_counts_live_keys(browser: Browser, client_a: Client) -> None:
    for _ in range(3):
        row, _key = services.create_api_key(client_name=client_a.name)
    services.revoke_api_key(key=row)
    page = browser.get("/admin/clients/client/").content.decode()
    cell = re.search(r"field-live_keys[^>]*>(.*?)</td>", page, re.DOTALL)
    assert cell and re.sub(r"<[^>]*>", "", cell[1]).strip() == "2"


@pytest.mark.parametrize("path", [KEYS, "/admin/clients/client/", "/admin/auth/user/"])
def test_lists_cost_the_same_with_more_rows(browser: Browser, path: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(path).status_code == 200
        return len(captured)

    _populate("first")
    before = queries()
    for name in ("second", "third", "fourth"):
        _populate(name)
    assert queries() == before


def _populate(name: str) -> None:
    row, _ = services.create_api_key(client_name=name)
    make_member(row.client, Role.VIEWER, name)


@pytest.mark.parametrize("model", ["auth/user", "clients/client", "clients/apikey"])
@pytest.mark.parametrize("page", ["", "add/"])
def test_every_page_opens(browser: Browser, model: str, page: str) -> None:
    assert browser.get(f"/admin/{model}/{page}").status_code == 200


def test_a_user_is_made_and_given_a_role(browser: Browser, client_a: Client) -> None:
    form = {"username": "ann", "usable_password": "true", "password1": "a long one!", "password2": "a long one!"}
    member = {"memberships-TOTAL_FORMS": "1", "memberships-INITIAL_FORMS": "0", "memberships-0-client": client_a.pk}
    assert all(f'name="{name}"' in browser.get("/admin/auth/user/add/").content.decode() for name in form)
    assert browser.post("/admin/auth/user/add/", form | member | {"memberships-0-role": "operator"}).status_code == 302
    user = User.objects.get(username="ann")
    assert (user.memberships.get().client, user.memberships.get().role) == (client_a, "operator")
    page = browser.get(f"/admin/auth/user/{user.pk}/change/").content.decode()
    assert 'name="is_staff"' in page and "user_permissions" not in page


def test_a_client_page_opens_with_members(browser: Browser, member: User) -> None:
    page = browser.get(f"/admin/clients/client/{member.memberships.get().client_id}/change/").content.decode()
    assert "ann" in page


def test_every_model_has_the_sites_looks() -> None:
    assert all(isinstance(admin.site._registry[model], ModelAdmin) for model in (User, Group, Client, ApiKey))


def test_clients_are_offered_by_name_while_typing(browser: Browser, client_b: Client, client_a: Client) -> None:
    query = {"app_label": "clients", "model_name": "apikey", "field_name": "client", "term": ""}
    answer = browser.get("/admin/autocomplete/", query).json()
    assert [item["text"] for item in answer["results"]] == ["alice", "bob"]


@pytest.mark.parametrize("field", ["max_people", "max_templates", "max_stored_mb", "max_images_a_day"])
@pytest.mark.parametrize("limit", [-1, 10**9 + 1])
def test_a_limit_that_makes_no_sense_is_refused_by_the_form_and_by_the_database(
    browser: Browser, client_a: Client, field: str, limit: int
) -> None:
    page = browser.post(f"/admin/clients/client/{client_a.pk}/change/", {"name": "alice", field: limit})
    assert list(page.context["adminform"].form.errors) == [field]  # type: ignore[attr-defined]
    with pytest.raises(IntegrityError), transaction.atomic():
        Client.objects.update(**{field: limit})
    Client.objects.update(**{field: 10**9})
