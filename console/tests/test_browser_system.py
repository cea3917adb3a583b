"""The system, jobs and the first page in a real Chromium: two widths, light and dark, and live."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, Response, expect
from pytest_django.live_server_helper import LiveServer

from clients.models import Client, Membership, Role
from console.state import KEY
from console.tests.test_browser_console import ARABIC, MOST, check_page, weight_of
from console.tests.test_jobs import hit, make_job
from faceapp.tests.browser import log_in, shoot
from recognition.models import Job, ProcessedImage, Status
from recognition.services import cancel_job

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WELL = {"database": "ok", "queue": "ok", "worker": "ok", "weights": "ok"}
HIDE = "Object.defineProperty(document, 'hidden', {get: () => window.away, configurable: true}); window.away = false"


@pytest.fixture
def client_a(admin_user: User) -> Client:
    client = Client.objects.create(name="A client with a long name " * 3)
    Membership.objects.create(user=admin_user, client=client, role=Role.MANAGER)
    return client


@pytest.fixture
def at_work(page: Page, live_server: LiveServer, admin_user: User, client_a: Client) -> Page:
    cache.set(KEY, WELL, 600)
    log_in(page, live_server, admin_user)
    return page


@pytest.fixture
def busy(client_a: Client) -> Job:
    """A day with hits, failures and a job that is under way, which is returned."""
    now = timezone.now()
    for age in range(0, 24, 3):
        match = hit(client_a, f"{ARABIC} <b>{age}</b>", age=timedelta(hours=age))
        ProcessedImage.objects.filter(pk=match.face.image_id).update(finished_at=now - timedelta(hours=age - 0.001))
    job = make_job(client_a, Status.DONE, Status.DONE, Status.FAILED, Status.PENDING)
    ProcessedImage.objects.filter(job=job, status=Status.FAILED).update(identifier="holiday_in_the_mountains_" * 4)
    return job


def test_pages_are_light_and_open_to_everybody(at_work: Page, live_server: LiveServer, busy: Job) -> None:
    page = at_work
    pages = {
        "home": reverse("home"), "jobs": reverse("console:jobs"), "system": reverse("console:system"),
        "job": reverse("console:job", args=[busy.pk]),
    }  # fmt: skip
    loaded: list[Response] = []
    page.on("response", lambda answer: loaded.append(answer))
    for name, path in pages.items():
        loaded.clear()
        page.goto(live_server.url + path)
        page.wait_for_load_state("load")
        weight = weight_of(loaded)
        assert weight < MOST, (name, weight)
        for details in page.locator("main details").all():
            details.evaluate("node => node.open = true")
        check_page(page, name)
        shoot(page, name)
    cache.set(KEY, WELL | {"worker": "No worker answered within 3 seconds."}, 600)
    page.goto(live_server.url + pages["system"])
    expect(page.get_by_text("No worker answered within 3 seconds.")).to_be_visible()
    check_page(page, "not working")
    shoot(page, "system-alarm")


def test_first_steps_are_open_to_everybody(at_work: Page, live_server: LiveServer) -> None:
    for name in ("home", "console:jobs", "console:system"):
        at_work.goto(live_server.url + reverse(name))
        check_page(at_work, f"{name}, empty")
        shoot(at_work, f"{name.rpartition(':')[2]}-empty")


def test_a_job_shows_that_it_was_cancelled_by_somebody_else(at_work: Page, live_server: LiveServer, busy: Job) -> None:
    page = at_work
    page.clock.install()
    page.goto(live_server.url + reverse("console:job", args=[busy.pk]))
    expect(page.get_by_text("3 of 4 images are finished.")).to_be_visible()
    page.get_by_text("Cancel the job…").click()
    expect(page.get_by_role("button", name="Yes, cancel it")).to_be_visible()
    cancel_job(job=busy)
    page.clock.run_for(5_500)
    expect(page.get_by_text("Cancelled on")).to_be_visible()
    expect(page.get_by_role("button", name="Yes, cancel it")).to_have_count(0)


def test_images_that_fail_meanwhile_are_shown(at_work: Page, live_server: LiveServer, client_a: Client) -> None:
    page, job = at_work, make_job(client_a, Status.PENDING, Status.PENDING)
    page.clock.install()
    page.goto(live_server.url + reverse("console:job", args=[job.pk]))
    failed = page.locator("#failed")
    expect(failed).to_be_hidden()
    for number in range(2):
        job.images.filter(position=number).update(status=Status.FAILED)
        page.clock.run_for(5_500)
        expect(failed.get_by_role("listitem")).to_have_count(number + 1)
        expect(failed).to_be_visible()


def test_nobody_asks_while_the_page_is_hidden(at_work: Page, live_server: LiveServer, busy: Job) -> None:
    page, asked = at_work, []
    page.add_init_script(HIDE)
    page.clock.install()
    page.goto(live_server.url + reverse("console:job", args=[busy.pk]))
    page.on("request", lambda request: asked.append(request.url) if "/jobs/" in request.url else None)
    page.evaluate("window.away = true")
    page.clock.run_for(30_000)
    assert not asked
    page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_text("3 of 4 images are finished.")).to_be_visible()
    page.clock.run_for(5_500)
    page.wait_for_load_state("networkidle")
    assert len(asked) >= 1


def test_a_lost_connection_is_said(at_work: Page, live_server: LiveServer, busy: Job) -> None:
    page = at_work
    page.clock.install()
    page.goto(live_server.url + reverse("console:job", args=[busy.pk]))
    expect(page.get_by_text("The connection was lost.")).to_be_hidden()
    page.route("**/console/jobs/**", lambda route: route.abort())
    page.clock.run_for(5_500)
    expect(page.get_by_text("The connection was lost.")).to_be_visible()
    page.unroute("**/console/jobs/**")
    page.clock.run_for(5_500)
    expect(page.get_by_text("The connection was lost.")).to_be_hidden()
