from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client as Browser
from django.utils import timezone
from rest_framework.test import APIClient

from clients import services
from clients.exceptions import InactiveClient, InvalidKeyOptions, RevokedKey
from clients.models import ApiKey, Client, IdempotentCall

pytestmark = pytest.mark.django_db
ROTATE, USAGE = "/api/v1/keys/rotate/", "/api/v1/usage/"


@pytest.fixture
def own(client_a: Client) -> str:
    """A key that may replace itself."""
    scopes = ["people:read", "rotate"]
    return services.create_api_key(client_name=client_a.name, name="till", scopes=scopes, expires_in_days=90)[1]


def rotate(key: str, idempotency_key: str = "", **body: Any) -> Any:
    headers = {"X-API-Key": key} | ({"Idempotency-Key": idempotency_key} if idempotency_key else {})
    return APIClient().post(ROTATE, body, headers=headers)


def status_with(key: str) -> int:
    status: int = APIClient().get("/api/v1/people/", headers={"X-API-Key": key}).status_code
    return status


def later(**changes: timedelta) -> None:
    """Let time pass for the row's times."""
    row = ApiKey.objects.get()
    ApiKey.objects.update(**{name: getattr(row, name) - by for name, by in changes.items()})


def test_a_key_replaces_itself(own: str) -> None:
    before = ApiKey.objects.get()
    answer = rotate(own)
    new = answer.json()["key"]
    assert answer.status_code == 200 and answer["Cache-Control"] == "no-store"
    assert re.fullmatch(r"\w{8}\.\w{32}", new) and new != own
    after = ApiKey.objects.get()
    for field in ("prefix", "name", "client_id", "scopes", "networks", "rate_limit", "created"):
        assert getattr(after, field) == getattr(before, field)
    assert new.partition(".")[2] not in str(ApiKey.objects.values())
    assert (status_with(own), status_with(new)) == (200, 200)
    later(previous_until=timedelta(hours=24))
    assert (status_with(own), status_with(new)) == (401, 200)
    refused = APIClient().get(USAGE, headers={"X-API-Key": own})
    assert refused.json()["code"] == "auth.expired_key"


def test_the_new_key_lasts_as_long_as_the_former_did(own: str) -> None:
    later(created=timedelta(days=60), expiry_date=timedelta(days=60))
    answer = rotate(own).json()
    row = ApiKey.objects.get()
    assert row.expiry_date is not None and row.previous_until is not None
    assert timedelta(days=89) < row.expiry_date - timezone.now() <= timedelta(days=90)
    assert timedelta(hours=23) < row.previous_until - timezone.now() <= timedelta(hours=24)
    assert answer["expires_at"].startswith(f"{row.expiry_date:%Y-%m-%dT%H:%M}")
    second = rotate(answer["key"]).json()
    row = ApiKey.objects.get()
    assert timedelta(days=89) < row.expiry_date - timezone.now() <= timedelta(days=90)
    assert status_with(own) == 401 and status_with(answer["key"]) == status_with(second["key"]) == 200


def test_the_former_key_never_outlives_its_own_expiry(own: str) -> None:
    later(expiry_date=timedelta(days=89, hours=12))
    ends = ApiKey.objects.get().expiry_date
    rotate(own)
    assert ApiKey.objects.get().previous_until == ends


def test_a_key_that_never_expires_stays_so(client_a: Client) -> None:
    row, _ = services.create_api_key(client_name=client_a.name, expires_in_days="never")
    services.rotate_api_key(key=row)
    assert ApiKey.objects.get().expiry_date is None


def test_a_repetition_gets_the_same_key_and_nothing_is_kept(own: str) -> None:
    first, again = rotate(own, "a", overlap_hours=1), rotate(own, "a", overlap_hours=1)
    assert first.json()["key"] == again.json()["key"]
    assert ("Idempotent-Replayed" in first, again["Idempotent-Replayed"]) == (False, "true")
    assert not IdempotentCall.objects.exists()
    assert first.json()["key"].partition(".")[2] not in str(ApiKey.objects.values())
    assert status_with(first.json()["key"]) == 200


@pytest.mark.parametrize("idempotency_key", ["", "b"])
def test_a_former_key_replaces_nothing(own: str, idempotency_key: str) -> None:
    new = rotate(own, "a").json()["key"]
    refused = rotate(own, idempotency_key)
    assert (refused.status_code, refused.json()["code"]) == (409, "key.rotated")
    assert status_with(new) == 200


@pytest.mark.parametrize("hours", [-1, 721, "soon", None])
def test_an_overlap_that_makes_no_sense_is_refused(own: str, hours: object) -> None:
    assert rotate(own, overlap_hours=hours).status_code in {400, 422}
    assert ApiKey.objects.get().is_valid(own)


def test_without_an_overlap_the_former_key_ends_at_once(own: str) -> None:
    new = rotate(own, overlap_hours=0).json()["key"]
    assert (status_with(own), status_with(new)) == (401, 200)


def test_only_a_key_with_the_scope_replaces_itself(client_a: Client, member: User) -> None:
    key = services.create_api_key(client_name=client_a.name, scopes=["all"])[1]
    assert rotate(key).json()["code"] == "auth.missing_scope"
    session = APIClient()
    session.force_login(member)
    assert session.post(ROTATE).status_code == 403
    assert ApiKey.objects.get().is_valid(key)


def test_a_path_token_does_not_become_a_key(own: str) -> None:
    path = f"/k/{services.make_path_token(key=ApiKey.objects.get())}"
    refused = APIClient().post(f"{path}{ROTATE}")
    assert (refused.status_code, refused.json()["code"]) == (403, "auth.key_needed")
    rotate(own, overlap_hours=0)
    assert APIClient().get(f"{path}{USAGE}").status_code == 200  # it is a secret of its own


def test_revoking_ends_both_keys(own: str) -> None:
    new = rotate(own).json()["key"]
    services.revoke_api_key(key=ApiKey.objects.get())
    assert (status_with(own), status_with(new)) == (401, 401)


def test_a_key_that_ends_soon_says_when(own: str) -> None:
    def header(key: str) -> str | None:
        found: str | None = APIClient().get(USAGE, headers={"X-API-Key": key}).headers.get("Api-Key-Expires")
        return found

    assert header(own) is None
    new = rotate(own).json()["key"]
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT", header(own) or "")
    assert header(new) is None
    later(expiry_date=timedelta(days=61))
    assert header(new) is not None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("names", "statuses"), [("aaaa", [200] * 4), ("abcd", [200, 409, 409, 409])])
def test_of_simultaneous_calls_one_replaces_the_key(own: str, names: str, statuses: list[int]) -> None:
    def call(name: str) -> Any:
        try:
            return rotate(own, name)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(names)) as pool:
        answers = list(pool.map(call, names))
    assert sorted(answer.status_code for answer in answers) == statuses
    [new] = {answer.json()["key"] for answer in answers if answer.status_code == 200}
    assert ApiKey.objects.get().is_valid(new) and ApiKey.objects.get().is_previous(own)


# ---- by the manager ---------------------------------------------------------------------------------------------
def revoke(row: ApiKey) -> None:
    services.revoke_api_key(key=row)


def deactivate(row: ApiKey) -> None:
    Client.objects.update(is_active=False)


@pytest.mark.parametrize(("end", "error"), [(revoke, RevokedKey), (deactivate, InactiveClient)])
def test_what_is_over_is_not_replaced(own: str, end: Callable[[ApiKey], None], error: type[Exception]) -> None:
    end(ApiKey.objects.get())
    with pytest.raises(error):
        services.rotate_api_key(key=ApiKey.objects.get())
    with pytest.raises(InvalidKeyOptions):
        services.rotate_api_key(key=ApiKey.objects.get(), overlap_hours=721)


@pytest.mark.parametrize(("action", "hours"), [("rotate_24", 24), ("rotate_168", 168), ("rotate_0", 0)])
def test_the_admin_replaces_keys(own: str, action: str, hours: int) -> None:
    browser = Browser()
    browser.force_login(User.objects.create_superuser("root"))
    row = ApiKey.objects.get()
    url = "/admin/clients/apikey/"
    chosen = {"action": action, "_selected_action": [row.pk], "confirmed": "yes"}
    page = browser.post(url, chosen, follow=True).content.decode()
    [new] = re.findall(r"<code[^>]*>(\w{8}\.\w{32})</code>", page)
    row.refresh_from_db()
    assert row.is_valid(new) and row.is_previous(own) and row.previous_until is not None
    assert abs(row.previous_until - timezone.now() - timedelta(hours=hours)) < timedelta(minutes=1)
    assert new not in browser.get(url).content.decode()


def test_the_command_replaces_a_key(own: str) -> None:
    out, err = StringIO(), StringIO()
    call_command("rotate_api_key", own.partition(".")[0], "--overlap-hours", "2", stdout=out, stderr=err)
    row = ApiKey.objects.get()
    assert (
        row.is_valid(out.getvalue().strip()) and row.is_previous(own) and out.getvalue().strip() not in err.getvalue()
    )
    assert row.previous_until is not None
    assert abs(row.previous_until - timezone.now() - timedelta(hours=2)) < timedelta(minutes=1)
    for arguments, message in (("nobody",), "no key"), ((row.prefix, "--overlap-hours", "-1"), "0 to 720 hours"):
        with pytest.raises(CommandError, match=message):
            call_command("rotate_api_key", *arguments, stdout=out, stderr=err)
