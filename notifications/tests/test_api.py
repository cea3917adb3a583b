"""`/api/v1/webhooks/`; which keys and roles reach it is tested in `faceapp.tests`."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from audit.models import Record
from clients.models import Client, Role
from clients.services import create_api_key
from clients.tests.members import make_member
from notifications.models import MOST_OF_CLIENT, Delivery, Subscription
from notifications.services import notify
from notifications.signing import secret_text
from notifications.tests.conftest import subscribe
from notifications.tests.receiver import Receiver
from notifications.types import Event, Message, State, Way

pytestmark = pytest.mark.django_db
LIST = "/api/v1/webhooks/"


@pytest.fixture
def api(client_a: Client) -> APIClient:
    scopes = ["webhooks:read", "webhooks:write"]
    return APIClient(headers={"X-API-Key": create_api_key(client_name=client_a.name, scopes=scopes)[1]})


def made(api: APIClient, receiver: Receiver, **changed: Any) -> Any:
    return api.post(LIST, {"name": "door", "url": receiver.url, "events": ["hit"]} | changed, format="json")


def path(row: Subscription, *more: object) -> str:
    return "/".join([f"{LIST}{row.uuid}", *map(str, more), ""])


def test_a_secret_is_told_once(api: APIClient, client_a: Client, receiver: Receiver) -> None:
    answer = made(api, receiver, events=["hit", "job.done", "hit"])
    row = Subscription.objects.get()
    assert answer.status_code == 201 and answer["Cache-Control"] == "no-store"
    assert answer.json()["secret"] == secret_text(row) and answer.json()["id"] == str(row.uuid)
    assert (row.client, row.way, row.events, row.is_active) == (client_a, Way.WEBHOOK, ["hit", "job.done"], True)
    for url in (LIST, path(row)):
        assert "whsec_" not in api.get(url).content.decode()
    answer = api.post(path(row, "rotate-secret"))
    row.refresh_from_db()
    assert answer.json()["secret"] == secret_text(row) and answer["Cache-Control"] == "no-store"
    again = api.post(path(row, "rotate-secret"))
    assert (again.status_code, again.json()["code"]) == (409, "subscription.secret_replaced")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"url": "https://elsewhere.example/"}, "url"),
        ({"url": "no url"}, "url"),
        ({"url": ""}, "url"),
        ({"events": []}, "events"),
        ({"events": ["test"]}, "events"),
        ({"name": "x" * 101}, "name"),
        ({"name": ""}, "name"),
    ],
)
def test_what_cannot_be_told_is_refused(
    api: APIClient, receiver: Receiver, subscription: Subscription, changed: dict[str, Any], field: str
) -> None:
    for answer in (made(api, receiver, **changed), api.patch(path(subscription), changed, format="json")):
        assert answer.status_code == 422 and answer.json()["detail"][0]["loc"][:2] == ["body", field]
    assert Subscription.objects.get().target == receiver.url


def test_changes_are_recorded_and_forget_failures(
    api: APIClient, receiver: Receiver, subscription: Subscription, settings: Settings
) -> None:
    Subscription.objects.update(is_active=False, failures=12, switched_off_at=subscription.created_at)
    assert api.get(path(subscription)).json()["state"] == "switched_off"
    settings.WEBHOOK_HOSTS = []
    answer = api.patch(path(subscription), {"is_active": True}, format="json")
    assert answer.status_code == 422 and "FACEAPP_WEBHOOK_HOSTS" in answer.content.decode()
    assert api.patch(path(subscription), {"name": "gate"}, format="json").json()["name"] == "gate"
    settings.WEBHOOK_HOSTS = [f"127.0.0.1:{receiver.port}"]
    found = api.patch(path(subscription), {"is_active": True}, format="json").json()
    assert (found["state"], found["failures"], found["switched_off_at"]) == ("active", 0, None)
    row = Record.objects.filter(action="settings_changed").latest("pk")
    assert row.objects_named == [f"subscription:{subscription.pk}", "setting:is_active"]


def test_messages_are_listed_and_sent_again(api: APIClient, client_a: Client, subscription: Subscription) -> None:
    notify(Event.HIT, Message("a", {"image": 7}, ["processed_image:7", "person:4"]), client_id=client_a.pk)
    test = api.post(path(subscription, "test"))
    assert (test.status_code, test.json()["event"], test.json()["status"]) == (202, "test", "pending")
    found = api.get(path(subscription, "deliveries")).json()
    assert [one["event"] for one in found["items"]] == ["test", "hit"] and found["items"][1]["data"] == {"image": 7}
    seen = Record.objects.filter(action="view").latest("pk")
    assert seen.objects_named == [f"subscription:{subscription.pk}", "processed_image:7", "person:4"]
    Delivery.objects.update(status=State.FAILED, attempts=6)
    assert api.get(path(subscription, "deliveries"), {"status": "pending"}).json()["items"] == []
    [hit] = api.get(path(subscription, "deliveries"), {"event": "hit"}).json()["items"]
    assert hit["due_at"] is None
    again = api.post(path(subscription, "deliveries", hit["id"], "redeliver"))
    assert (again.status_code, again.json()["status"], again.json()["id"]) == (202, "pending", hit["id"])
    assert Delivery.objects.get(pk=hit["id"]).attempts == 0
    for unknown in ("0", "no-uuid", subscription.uuid):
        assert api.post(path(subscription, "deliveries", unknown, "redeliver")).status_code == 404
    api.patch(path(subscription), {"is_active": False}, format="json")
    for call in (path(subscription, "test"), path(subscription, "deliveries", hit["id"], "redeliver")):
        assert api.post(call).json()["code"] == "subscription.off"


def test_a_message_is_sent_again_by_its_own_webhook_only(
    api: APIClient, client_a: Client, subscription: Subscription
) -> None:
    other = subscribe(client_a, subscription.target)
    delivery = api.post(path(other, "test")).json()["id"]
    assert api.post(path(subscription, "deliveries", delivery, "redeliver")).status_code == 404


def test_deleting_takes_the_messages_along(api: APIClient, subscription: Subscription) -> None:
    api.post(path(subscription, "test"))
    assert api.delete(path(subscription)).status_code == 204
    assert not Delivery.objects.exists() and api.get(path(subscription)).status_code == 404
    assert Record.objects.filter(action="erase", objects_named=[f"subscription:{subscription.pk}"]).count() == 1


def test_email_is_not_a_webhook(api: APIClient, client_a: Client) -> None:
    row = subscribe(client_a, "ann@example.org", way=Way.EMAIL)
    assert api.get(LIST).json()["items"] == []
    for call in (api.get, api.delete, api.patch):
        assert call(path(row)).status_code == 404


def test_there_are_no_more_than_so_many(api: APIClient, client_a: Client, receiver: Receiver) -> None:
    row = {"client": client_a, "name": "x", "target": receiver.url, "events": ["hit"]}
    Subscription.objects.bulk_create(Subscription(**row) for _ in range(MOST_OF_CLIENT))
    answer = made(api, receiver)
    assert answer.status_code == 422 and "at most" in answer.content.decode()
    row = Subscription.objects.first()
    assert row and api.patch(path(row), {"url": receiver.url}, format="json").status_code == 200


def test_a_manager_who_is_logged_in_has_the_same(client_a: Client, receiver: Receiver, settings: Settings) -> None:
    """After confirming it, as in the console."""
    api = APIClient()
    api.force_login(make_member(client_a, Role.MANAGER))
    assert made(api, receiver).status_code == 201 and len(api.get(LIST).json()["items"]) == 1
    row, settings.CONFIRM_SECONDS = Subscription.objects.get(), 300
    answers = [made(api, receiver), api.patch(path(row), {}), api.delete(path(row))]
    answers += [api.post(path(row, call)) for call in ("test", "rotate-secret", f"deliveries/{row.uuid}/redeliver")]
    assert {(one.status_code, one.json()["code"]) for one in answers} == {(403, "auth.confirmation_required")}
