"""The API, the commands and the admin page by which the audit is read."""

from __future__ import annotations

import json
from hashlib import sha256
from io import StringIO

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client as Browser
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from audit.canonical import canonical
from audit.models import Record, Seal
from audit.sealing import seal_all
from audit.services import record
from audit.tests.test_verification import without_triggers
from audit.types import Action
from clients.models import Client, Role, Scope
from clients.services import create_api_key
from clients.tests.members import browser_of, make_member

pytestmark = pytest.mark.django_db
URL = "/api/v1/audit/"


@pytest.fixture
def api(client_a: Client) -> APIClient:
    return APIClient(headers={"X-API-Key": create_api_key(client_name="alice", scopes=[Scope.AUDIT_READ])[1]})


@pytest.fixture
def rows(client_a: Client, client_b: Client) -> None:
    record(Action.SEARCH, client_id=client_a.pk, objects=["person:1", "person:12"], results=2)
    record(Action.VIEW, client_id=client_a.pk, objects=["person:1"])
    record(Action.VIEW, client_id=client_b.pk, objects=["person:1"])
    record(Action.LOGIN, client_id=None)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["view", "search", "key_made"]),
        ("action=view", ["view"]),
        ("object=person:12", ["search"]),
        ("object=person:1", ["view", "search"]),
        ("actor=nobody", []),
        ("since=2999-01-01T00:00:00Z", []),
        ("until=2999-01-01T00:00:00Z&action=search", ["search"]),
    ],
)
def test_a_client_reads_its_own_rows_newest_first(query: str, expected: list[str], api: APIClient, rows: None) -> None:
    body = api.get(f"{URL}?{query}").json()
    assert [item["action"] for item in body["items"]] == expected and body["total_items"] == len(expected)


def test_a_row_as_it_is_answered(api: APIClient, rows: None) -> None:
    [item] = api.get(f"{URL}?action=search").json()["items"]
    row = Record.objects.get(action=Action.SEARCH)
    assert item["objects"] == ["person:1", "person:12"] and item["results"] == 2 and item["id"] == str(row.uuid)
    assert str(row.pk) not in {str(value) for value in item.values()}, "counts across clients"


@pytest.mark.parametrize("path", [URL, f"{URL}export/"])
def test_the_scope_must_be_named(path: str, client_a: Client, settings: Settings) -> None:
    assert APIClient(headers={"X-API-Key": create_api_key(client_name="alice")[1]}).get(path).status_code == 403
    assert APIClient().get(path).status_code == 401
    ann, member = make_member(client_a, Role.MANAGER), APIClient()
    member.force_login(ann)
    settings.ANONYMOUS_CLIENT = "alice"
    for caller, code in ((member, "auth.missing_role"), (APIClient(), "auth.missing_scope")):
        answer = caller.get(path)
        assert (answer.status_code, answer.json()["code"]) == (403, code)


def test_pages_can_be_followed_while_rows_are_added(api: APIClient, client_a: Client, rows: None) -> None:
    first = api.get(f"{URL}?limit=2")
    record(Action.SEARCH, client_id=client_a.pk)
    link = first.headers["Link"].partition("<")[2].partition(">")[0]
    assert [item["action"] for item in api.get(link).json()["items"]] == ["key_made"]


def test_an_export_can_be_checked_without_the_service(api: APIClient, rows: None, client_a: Client) -> None:
    seal_all()
    answer = api.get(f"{URL}export/")
    assert answer["Content-Type"] == "application/x-ndjson"
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    head, seal, *records = [json.loads(line) for line in text.splitlines()]
    hashes = [sha256(canonical(line["record"])).digest() for line in records]
    assert [line["hash"] for line in records] == [one.hex() for one in hashes]
    assert seal["seal"]["digest"] == sha256(b"".join(hashes)).hexdigest()
    assert seal["hash"] == sha256(canonical(seal["seal"])).hexdigest()
    key = load_pem_public_key(head["public_key"].encode())
    key.verify(bytes.fromhex(seal["signature"]), bytes.fromhex(seal["hash"]))  # type: ignore[union-attr,call-arg,arg-type]
    assert [line["record"]["action"] for line in records] == ["key_made", "search", "view"]
    out = StringIO()
    call_command("export_audit", client="alice", stdout=out)
    assert out.getvalue() == text


def test_the_command_verifies(as_owner: None, rows: None, client_a: Client) -> None:
    out = StringIO()
    call_command("verify_audit", stdout=out)
    heads = list(Seal.objects.values_list("hash", flat=True))
    assert "The audit is intact." in out.getvalue() and all(head in out.getvalue() for head in heads)
    with without_triggers():
        Record.objects.filter(client=client_a, action=Action.VIEW).update(results=7)
    with pytest.raises(CommandError, match="tampered"):
        call_command("verify_audit", client="alice", stdout=out)
    assert f"client {client_a.pk}: changed: row" in out.getvalue()
    call_command("verify_audit", client="bob", stdout=StringIO())
    with pytest.raises(CommandError, match="There is no client"):
        call_command("verify_audit", client="nobody")


def test_the_admin_records_settings_without_their_values(client_a: Client) -> None:
    browser, ann = Browser(), User.objects.create_user("ann")
    browser.force_login(User.objects.create_superuser("root"))
    fields = ["retention_days", "liveness_policy", "fpir_per_thousand", "fmr_per_million", "review_fpir_per_thousand"]
    fields += ["max_people", "max_templates", "max_stored_mb", "max_images_a_day"]
    data = dict.fromkeys(fields, "") | {"name": "alice", "is_active": "on", "max_people": "77"}
    data |= {"memberships-TOTAL_FORMS": "1", "memberships-INITIAL_FORMS": "0"}
    data |= {"memberships-0-user": ann.pk, "memberships-0-role": "operator"}
    page = f"/admin/clients/client/{client_a.pk}"
    assert browser.post(f"{page}/change/", data).status_code == 302
    row = Record.objects.get(action=Action.SETTINGS_CHANGED)
    assert row.client_id == client_a.pk and "setting:max_people" in row.objects_named and "77" not in row.objects_named
    assert Record.objects.get(action=Action.ROLE_CHANGED).objects_named == [f"user:{ann.pk}", "role:operator"]
    key, _ = create_api_key(client_name="alice")
    assert browser.post(f"/admin/clients/apikey/{key.pk}/delete/", {"post": "yes"}).status_code == 302
    assert Record.objects.get(action=Action.KEY_REVOKED).objects_named == [f"key:{key.prefix}"]
    number = client_a.pk
    assert browser.post(f"{page}/delete/", {"post": "yes"}).status_code == 302
    gone = Record.objects.get(action=Action.ERASE)
    assert (gone.client_id, gone.objects_named) == (number, [f"client:{number}"])
    assert f"deleted ({number})" in browser.get("/admin/audit/record/").content.decode()
    assert browser.get(f"/admin/audit/record/{gone.pk}/change/").status_code == 200


def test_the_admin_shows_rows_and_changes_none(rows: None) -> None:
    alice = Client.objects.get(name="alice")
    assert browser_of(make_member(alice, Role.OPERATOR)).get("/admin/audit/record/").status_code == 403
    browser = browser_of(make_member(alice, Role.MANAGER))
    page = browser.get("/admin/audit/record/?q=person:12").content.decode()
    assert "person:12" in page and "alice" in page and "bob" not in page
    row = Record.objects.get(action=Action.SEARCH)
    assert browser.get(f"/admin/audit/record/{row.pk}/change/").status_code == 200
    for path in ("add/", f"{row.pk}/delete/"):
        assert browser.post(f"/admin/audit/record/{path}").status_code == 403
