"""The page of the system: whose figures it shows, and whether they are right."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from blacklist.models import BlacklistEntry
from clients.models import Client, Membership, Role
from clients.tests.members import browser_of, make_member
from console import state
from console.charts import bars
from console.system.day import HOURS, last_day
from console.system.words import duration
from errors import Unavailable
from recognition.models import Job, Match, ProcessedFace, ProcessedImage, Status
from telemetry.models import RecurringTask

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 5, 4, 12, 20, tzinfo=UTC)
PARTS = {"HX-Request": "true"}
ALL_WELL = {"database": "ok", "queue": "ok", "worker": "ok", "weights": "ok"}


def text_of(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def screened(client: Client, *, at: datetime, status: Status = Status.DONE, seconds: float = 2.0) -> ProcessedImage:
    job = Job.objects.create(client=client, metric="cosine", threshold=0.4)
    number = ProcessedImage.objects.of_client(client).count() + 1
    ended = at + timedelta(seconds=seconds) if status == Status.DONE else None
    image = ProcessedImage.objects.create(
        client=client, job=job, position=0, number=number, identifier="a.jpg", status=status, finished_at=ended
    )
    ProcessedImage.objects.filter(pk=image.pk).update(created_at=at)  # instead of now
    return image


def hit(image: ProcessedImage, *, decision: str = "match") -> Match:
    entry, _ = BlacklistEntry.objects.get_or_create(client=image.client, name="Mallory")
    face = ProcessedFace.objects.create(
        image=image,
        index=ProcessedFace.objects.filter(image=image).count(),
        box_x=0,
        box_y=0,
        box_w=10,
        box_h=10,
        confidence=1.0,
    )
    return Match.objects.create(face=face, entry=entry, distance=0.2, threshold=0.4, decision=decision)


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> datetime:
    monkeypatch.setattr(timezone, "now", lambda: NOON)
    return NOON


@pytest.fixture(autouse=True)
def all_well(settings: Settings, redis_flush: None) -> None:
    cache.set(state.KEY, ALL_WELL, 60)


# ---- the day ----------------------------------------------------------------------------------------------------
def test_hours_hold_what_arrived_in_them(client_a: Client, client_b: Client, noon: datetime) -> None:
    for seconds in (1.0, 2.0, 3.0):
        screened(client_a, at=noon - timedelta(minutes=10), seconds=seconds)
    screened(client_a, at=noon - timedelta(minutes=30), status=Status.FAILED)
    match = screened(client_a, at=noon - timedelta(hours=2))
    hit(match)
    hit(match, decision="review")
    screened(client_a, at=noon - timedelta(hours=23, minutes=21))  # an hour before the first
    screened(client_b, at=noon)
    day = last_day(client_a)
    assert (len(day.hours), day.images, day.failed, day.hits) == (HOURS, 5, 1, 1)
    last, before, third = day.hours[-1], day.hours[-2], day.hours[-3]
    assert (last.images, last.half, last.most) == (3, 2.0, pytest.approx(2.9))
    assert (before.images, before.failed, before.half) == (1, 1, None)
    assert (third.images, third.hits) == (1, 1)
    assert last_day(None).images == 6
    screened(client_b, at=noon)
    assert (last_day(None).images, last_day(client_b).images) == (6, 2)  # one was counted before


def test_an_empty_day_says_so(client_a: Client, noon: datetime) -> None:
    images, _hits, seconds = last_day(client_a).charts
    assert (images.headline, images.description, images.pieces) == ("0", "None in the last 24 hours.", [])
    assert (seconds.headline, seconds.about) == ("—", "no image yet")


def test_bars_stand_on_each_other_and_the_highest_fills_the_drawing() -> None:
    chart = bars("k", "t", [{"a": 1, "b": 1}, {"a": 4, "b": 0}], headline="", about="", description="")
    drawn = [(piece.x, piece.y, piece.height, piece.kind) for piece in chart.pieces]
    assert drawn == [(1, 45, 15, "a"), (1, 30, 15, "b"), (11, 0, 60, "a")]


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.1234, "123 ms"), (2.345, "2.3 s"), (45.2, "45 s"), (600, "10 min"), (9000, "2 h")]
)
def test_durations_have_the_unit_that_suits_them(seconds: float, said: str) -> None:
    assert duration(seconds) == said


# ---- the page ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", list(Role))
def test_members_see_the_figures_of_their_client_alone(client_a: Client, client_b: Client, role: Role) -> None:
    now = timezone.now()
    screened(client_a, at=now)
    screened(client_a, at=now - timedelta(minutes=3), status=Status.PENDING)
    for _ in range(7):
        screened(client_b, at=now, status=Status.PENDING)
    said = text_of(browser_of(make_member(client_a, role)).get(reverse("console:system")))
    assert f"Figures are those of {client_a.name}." in said
    assert "Images to be screened 1 " in said and "Images 2 0 failed" in said
    assert "Disk" not in said and "Messages in the queue" not in said and client_b.name not in said


def test_administrators_see_those_of_all_clients(client_a: Client, client_b: Client, admin_user: User) -> None:
    Membership.objects.create(user=admin_user, client=client_a, role=Role.MANAGER)
    for client in (client_a, client_b):
        screened(client, at=timezone.now(), status=Status.PENDING)
    said = text_of(browser_of(admin_user).get(reverse("console:system")))
    assert "figures are those of all clients together" in said
    assert "Images to be screened 2 " in said and "Images 2 0 failed" in said
    assert "Disk with the database" in said and "Messages in the queue For callers who wait 0" in said


def test_the_page_asks_little(client_a: Client, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    browser = browser_of(make_member(client_a, Role.VIEWER))
    browser.get(reverse("console:system"))  # the session is new
    cache.delete_many([f"console.day.{client_a.pk}", f"console.stored.{client_a.pk}"])
    with django_assert_max_num_queries(10) as asked:
        browser.get(reverse("console:system"))
    assert any("percentile_cont" in query["sql"] for query in asked.captured_queries)


def test_tasks_that_are_late_or_failed_are_named(client_a: Client) -> None:
    now = timezone.now()
    RecurringTask.objects.create(name="work.tasks.sweep", succeeded_at=now - timedelta(minutes=20))
    RecurringTask.objects.create(name="audit.tasks.seal", succeeded_at=now - timedelta(seconds=3))
    RecurringTask.objects.create(name="recognition.tasks.purge", succeeded_at=now - timedelta(hours=2), failed_at=now)
    said = text_of(browser_of(make_member(client_a, Role.VIEWER)).get(reverse("console:system-now"), headers=PARTS))
    assert re.search(r"left behind 20 minutes ago late Sealing the audit 3 seconds ago Purge", said), said
    assert re.search(r"screened images 2 hours ago failed the last time Purge of albums not yet", said), said


def test_a_dead_worker_is_named_with_the_time_of_its_last_answer(client_a: Client, settings: Settings) -> None:
    browser = browser_of(make_member(client_a, Role.VIEWER))
    cache.delete(state.KEY)
    settings.READINESS = f"{__name__}.all_answer"
    assert "A worker last answered" in text_of(browser.get(reverse("console:system-now"), headers=PARTS))
    cache.delete(state.KEY)
    settings.READINESS = f"{__name__}.no_worker"
    said = text_of(browser.get(reverse("console:system-now"), headers=PARTS))
    assert "Something is not working" in said and "No worker answered within 3 seconds." in said
    assert "A worker last answered" in said


def all_answer() -> dict[str, str]:
    return ALL_WELL


def no_worker() -> dict[str, str]:
    return ALL_WELL | {"worker": "No worker answered within 3 seconds."}


def test_a_queue_that_is_away_is_said(client_a: Client, admin_user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    Membership.objects.create(user=admin_user, client=client_a, role=Role.MANAGER)

    def away(*_: object) -> int:
        raise Unavailable("The queue does not answer.")

    monkeypatch.setattr("console.system.figures.queue_length", away)
    assert "The queue does not answer" in text_of(browser_of(admin_user).get(reverse("console:system")))


def test_strangers_are_sent_to_the_login() -> None:
    for name in ("system", "jobs"):
        answer = Browser().get(reverse(f"console:{name}"))
        assert answer.status_code == 302 and "/login" in answer["Location"]
    assert Browser().get(reverse("console:system-now"), headers=PARTS).status_code == 401
