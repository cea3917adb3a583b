"""Every kind of page keeps to its Content-Security-Policy, in a real Chromium: the fixture `page` fails otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from playwright.sync_api import Page
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from clients.models import Client, Membership
from faceapp.policies import devices_of, policy_of
from faceapp.tests.browser import log_in
from vision.tests.drawing import RED, picture

ADMIN = [
    "/admin/clients/client/", "/admin/clients/apikey/add/", "/admin/auth/user/{user}/change/",
    "/admin/auth/user/{user}/password/", "/admin/blacklist/blacklistentry/add/", "/admin/people/person/",
    "/admin/recognition/processedimage/", "/admin/models/", "/admin/clients/client/{client}/usage/",
    "/admin/clients/client/{client}/delete/", "/admin/clients/client/{client}/history/",
]  # fmt: skip


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_no_page_breaks_its_policy(page: Page, live_server: LiveServer, admin_user: User) -> None:
    for path in ("/", "/login/"):
        page.goto(live_server.url + path)
    log_in(page, live_server, admin_user)
    client = Client.objects.create(name="alice")
    Membership.objects.create(user=admin_user, client=client, role="manager")
    for path in (*ADMIN, "/login/factors/", "/login/logout/", "/api/v1/", "/api/v1/people/", "/api/v1/people/?page=1"):
        page.goto(live_server.url + path.format(user=admin_user.pk, client=client.pk))
        page.wait_for_load_state("networkidle")


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_reference_sends_a_photograph_and_nothing_made_up(
    page: Page, live_server: LiveServer, admin_user: User, tmp_path: Path
) -> None:
    log_in(page, live_server, admin_user)
    Membership.objects.create(user=admin_user, client=Client.objects.create(name="alice"), role="manager")
    photograph = tmp_path / "face.png"
    photograph.write_bytes(picture(RED))
    page.goto(f"{live_server.url}/docs#/people/people_search_create")
    page.locator("input[type=file]").set_input_files(photograph)
    page.get_by_role("button", name="Execute").click()
    page.locator(".live-responses-table .response-col_status", has_text="200").wait_for()


@pytest.mark.parametrize(
    ("path", "scripts", "styles"),
    [
        ("/", "'self'", "'self'"),
        ("/login/factors/", "'self'", "'self'"),
        ("/healthz", "'self'", "'self'"),
        ("/api/v1/people/", "'self'", "'self'"),
        ("/docs", "'self'", "'self'"),
        ("/console/try/who/", "'self'", "'self'"),
        ("/admin/", "'self' 'unsafe-eval'", "'self' 'unsafe-inline'"),
        ("/administrator/", "'self'", "'self'"),
    ],
)
def test_each_path_has_its_policy(path: str, scripts: str, styles: str) -> None:
    policy = dict(directive.split(" ", 1) for directive in policy_of(path).split("; "))
    assert (policy["script-src"], policy["style-src"]) == (scripts, styles)
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"


def test_the_login_page_may_lead_to_the_provider(settings: Settings) -> None:
    settings.OIDC_URL = "https://login.example.org/realms/staff"
    assert "form-action 'self' https:" in policy_of("/login/")
    assert "form-action 'self';" in policy_of("/admin/")


@pytest.mark.django_db
def test_errors_and_the_api_have_policies_too(client: Browser) -> None:
    for path in ("/nowhere", "/api/v1/people/", "/api/v1/nowhere", "/healthz"):
        answer = client.get(path)
        assert answer["Content-Security-Policy"].startswith("default-src 'none'")
        assert "camera=()" in answer["Permissions-Policy"]


def test_photographs_are_taken_on_the_pages_for_it_alone() -> None:
    assert "camera=(self)" in devices_of("/console/try/liveness/")
    assert "microphone=()" in devices_of("/console/try/liveness/")
    for path in ("/", "/console/", "/admin/", "/api/v1/people/", "/console/trying/"):
        assert "camera=()" in devices_of(path)
