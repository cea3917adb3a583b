"""Clients, keys, members, webhooks, gallery health and the audit in a real Chromium: two widths, light and dark."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, Response, expect
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from clients.models import ApiKey, Client, Membership, Role
from clients.services import create_api_key
from clients.tests.members import make_member
from console.tests.test_browser_console import MOST, check_page, weight_of
from faceapp.tests.browser import follow, log_in, shoot
from notifications.models import Delivery, Subscription
from people.health import tend_health
from people.models import Gallery
from people.tests.test_health import FAR, NEAR_A, A, person
from walls.current import EVERYONE, showing

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
NAME = "عبد الله <b>بن</b> عبد العزيز " * 3
URL = "https://hooks.example/a/path/that/is/longer/than/a/phone/is/wide/and/has/no/place/to/break/anywhere"


@pytest.fixture
def client_a(admin_user: User, settings: Settings) -> Client:
    settings.WEBHOOK_HOSTS, settings.EMAIL_HOST = ["hooks.example"], "mail.example"
    client = Client.objects.create(name="a-client-with-a-long-name-" * 3, max_people=10, max_images_a_day=100)
    Membership.objects.create(user=admin_user, client=client, role=Role.MANAGER)
    return client


@pytest.fixture
def filled(client_a: Client) -> Subscription:
    """Keys in every state, members, messages in every state, and findings in a gallery."""
    now = timezone.now()
    states = {"live": {}, "gone": {"revoked": True}, "soon": {"expiry_date": now + timedelta(days=3)}}
    for name, column in states.items():
        row, _ = create_api_key(client_name=client_a.name, name=f"{name} {NAME}"[:50])
        ApiKey.objects.filter(pk=row.pk).update(**column)
    make_member(client_a, Role.OPERATOR, "olga-" * 20)
    hook = Subscription.objects.create(client=client_a, name=NAME[:100], target=URL, events=["hit", "job.done"])
    Subscription.objects.create(client=client_a, name="Mail", way="email", target="ann@example.org", events=["hit"])
    Subscription.objects.filter(pk=hook.pk).update(failures=2, failing_since=now)
    errors = {"failed": "webhook.answered_error", "pending": "", "delivered": ""}
    for number, (status, error) in enumerate(errors.items()):
        told = {"data": {"job": "1", "hits": [{"entry": 1, "distance": 0.25}]}, "status": status, "error": error}
        told |= {"event": "job.done", "key": str(number), "attempts": number, "due_at": now + timedelta(days=1)}
        Delivery.objects.create(subscription=hook, **told)
    gallery = Gallery.objects.default_of(client_a)
    person(gallery, NAME[:100], A)
    person(gallery, "Bob", NEAR_A, FAR)
    with showing(EVERYONE):
        tend_health()
    return hook


def test_pages_are_light_and_open_to_everybody(
    page: Page, live_server: LiveServer, admin_user: User, client_a: Client, filled: Subscription
) -> None:
    log_in(page, live_server, admin_user)
    loaded: list[Response] = []
    page.on("response", lambda answer: loaded.append(answer))
    gallery, of_client = Gallery.objects.get(client=client_a), [client_a.pk]
    for name, args in {
        "clients": [], "client-new": [], "client": of_client, "client-keys": of_client, "client-key-new": of_client,
        "client-members": of_client, "client-user-new": of_client, "webhooks": [], "webhook-new": [],
        "webhook": [filled.uuid], "galleries": [], "gallery": [gallery.pk], "audit": [],
    }.items():  # fmt: skip
        loaded.clear()
        page.goto(live_server.url + reverse(f"console:{name}", args=args))
        page.wait_for_load_state("networkidle")
        weight = weight_of(loaded)
        assert weight < MOST, (name, weight)
        for details in page.locator("main details").all():
            details.evaluate("node => node.open = true")
        check_page(page, name)
        shoot(page, name)


def test_an_administrator_makes_a_client_with_a_key_a_member_and_a_webhook(
    page: Page, live_server: LiveServer, admin_user: User, client_a: Client
) -> None:
    log_in(page, live_server, admin_user)
    page.goto(live_server.url + reverse("console:system"))
    follow(page.get_by_role("link", name="Clients and keys"))
    follow(page.get_by_role("link", name="New client"))
    page.get_by_label("Name", exact=True).fill("gate")
    follow(page.get_by_role("button", name="Make the client"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("gate")
    follow(page.get_by_role("link", name="Keys", exact=True))
    expect(page.get_by_role("heading", name="There is no key yet")).to_be_visible()
    check_page(page, "no keys")
    follow(page.get_by_role("link", name="New key"))
    page.get_by_label("Name", exact=True).fill("camera")
    page.get_by_label("Screen images and read results").check()
    follow(page.get_by_role("button", name="Make the key"))
    key = page.locator(".secret code").inner_text()
    page.get_by_role("button", name="Copy").click()
    check_page(page, "new key")
    shoot(page, "key")
    follow(page.get_by_role("link", name="I have stored it"))
    expect(page.get_by_text(key.partition(".")[0])).to_be_visible()
    page.get_by_text("Revoke…").click()
    follow(page.get_by_role("button", name="Yes, revoke it"))
    expect(page.get_by_text("revoked", exact=True)).to_be_visible()
    follow(page.get_by_role("link", name="Members"))
    follow(page.get_by_role("link", name="Make a new user"))
    page.get_by_label("User name").fill("nina")
    page.get_by_label("Role").select_option("operator")
    for field in ("Password", "Password confirmation"):
        page.get_by_label(field, exact=True).fill("a long and new password")
    follow(page.get_by_role("button", name="Make the user"))
    expect(page.get_by_role("heading", name="nina")).to_be_visible()
    page.goto(live_server.url + reverse("console:webhook-new"))
    page.get_by_label("Name", exact=True).fill("Door")
    page.get_by_label("Address").fill(URL)
    page.get_by_label("A hit is confirmed").check()
    follow(page.get_by_role("button", name="Add"))
    expect(page.locator(".secret code")).to_contain_text("whsec_")
    check_page(page, "secret")
    follow(page.get_by_role("link", name="I have stored it"))
    follow(page.get_by_role("button", name="Send a test message"))
    expect(page.get_by_text("waiting")).to_be_visible()
    Delivery.objects.update(status="delivered", answer=204, attempts=1)
    expect(page.get_by_text("arrived")).to_be_visible()  # the log asks for itself
    page.goto(live_server.url + reverse("console:audit"))
    expect(page.get_by_role("cell", name="Exported or sent")).to_be_visible()
