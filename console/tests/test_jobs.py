"""Jobs in the console, and what the first page says of them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from audit.models import Record
from audit.services import stop_searching
from blacklist.models import BlacklistEntry
from blacklist.services import create_entry
from clients.models import Client, Role
from clients.tests.members import browser_of, make_member
from console import state
from console.jobs import ON_A_PAGE
from people.models import ReferenceImage
from recognition.models import Job, Match, ProcessedFace, ProcessedImage, Status
from recognition.services import cancel_job
from storage.files import store_file
from vision.tests.drawing import RED, picture
from vision.types import Upload

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flush")]
PARTS = {"HX-Request": "true"}
HTML = {"Accept": "text/html"}
ARABIC = "<b>عبد الله</b>"


@pytest.fixture(autouse=True)
def all_well(redis_flush: None) -> None:
    cache.set(state.KEY, {"database": "ok", "queue": "ok", "worker": "ok", "weights": "ok"}, 60)


@pytest.fixture
def operator(client_a: Client) -> Browser:
    return browser_of(make_member(client_a, Role.OPERATOR))


def text_of(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def make_job(client: Client, *statuses: Status) -> Job:
    job = Job.objects.create(client=client, metric="cosine", threshold=0.4)
    first = ProcessedImage.objects.of_client(client).count() + 1
    ProcessedImage.objects.bulk_create(
        ProcessedImage(
            client=client, job=job, position=place, number=first + place, identifier=f"{place}.jpg", status=status,
            error="This is not an image." if status == Status.FAILED else "",
            error_code="image.not_an_image" if status == Status.FAILED else "",
        )
        for place, status in enumerate(statuses)
    )  # fmt: skip
    return job


def page_of(job: Job) -> str:
    return reverse("console:job", args=[job.pk])


def photograph(*colours: Any, name: str = "red.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, picture(*colours, side=100), "image/png")


# ---- the list ---------------------------------------------------------------------------------------------------
def test_jobs_are_listed_newest_first_page_by_page(
    operator: Browser, client_a: Client, client_b: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    jobs = [make_job(client_a, Status.DONE) for _ in range(ON_A_PAGE + 2)]
    moment = timezone.now()
    for age, job in enumerate(jobs):
        Job.objects.filter(pk=job.pk).update(created_at=moment - timedelta(minutes=age))
    foreign = make_job(client_b, Status.DONE)
    links = [f'href="{page_of(job)}"' for job in jobs]
    first = operator.get(reverse("console:jobs")).content.decode()
    assert [link in first for link in links] == [True] * ON_A_PAGE + [False] * 2
    assert sorted(links[:ON_A_PAGE], key=first.index) == links[:ON_A_PAGE]
    assert str(foreign.pk) not in first
    with django_assert_max_num_queries(10):
        second = operator.get(reverse("console:jobs"), {"page": 2}).content.decode()
    assert [link in second for link in links] == [False] * ON_A_PAGE + [True] * 2
    assert "Newer" in second and "Older" not in second


@pytest.mark.parametrize("page", ["", "0", "-1", "x", "²", "9" * 30])
def test_a_page_that_does_not_exist_is_no_error(operator: Browser, page: str) -> None:
    assert operator.get(reverse("console:jobs"), {"page": page}).status_code == 200


def test_without_jobs_the_list_says_where_they_come_from(operator: Browser) -> None:
    assert "No job yet A job begins whenever images are screened" in text_of(operator.get(reverse("console:jobs")))


# ---- one job ----------------------------------------------------------------------------------------------------
def test_a_job_shows_progress_and_failures_with_their_reasons(operator: Browser, client_a: Client) -> None:
    job = make_job(client_a, Status.DONE, Status.FAILED, Status.PENDING)
    page = operator.get(page_of(job))
    said = text_of(page)
    assert "2 of 3 images are finished." in said and "Under way" in said
    assert "1 image failed 1.jpg This is not an image. image.not_an_image" in said
    assert 'hx-trigger="every 5s' in page.content.decode()
    assert Record.objects.filter(action="view").count() == 1
    assert f'hx-get="{page_of(job)}?failed=1"' in page.content.decode()
    again = text_of(operator.get(page_of(job), {"failed": 1}, headers=PARTS))
    assert "2 of 3" in again and "1.jpg" not in again
    assert Record.objects.filter(action="view").count() == 1  # the page asks by itself
    for query in ({"failed": 0}, {}):
        more = operator.get(page_of(job), query, headers=PARTS | {"X-Unattended": "1"}).content.decode()
        assert "1.jpg" in more and '<section id="failed" class="card" hx-swap-oob="true">' in more
    assert Record.objects.filter(action="view").count() == 3


def test_a_finished_job_asks_no_more_and_cannot_be_cancelled(operator: Browser, client_a: Client) -> None:
    job = make_job(client_a, Status.DONE)
    page = operator.get(page_of(job)).content.decode()
    assert "every 5s" not in page and 'id="cancel"' not in page
    assert 'id="cancel" hx-swap-oob="delete"' in operator.get(page_of(job), headers=PARTS).content.decode()


def test_cancelling_asks_first_and_keeps_results(operator: Browser, client_a: Client) -> None:
    job = make_job(client_a, Status.DONE, Status.PENDING)
    assert "Cancel the job…" in text_of(operator.get(page_of(job)))
    answer = operator.post(page_of(job), {"for_client": client_a.pk}, follow=True)
    assert "Cancelled on" in text_of(answer) and "Cancel the job…" not in text_of(answer)
    assert sorted(job.images.values_list("status", flat=True)) == [Status.CANCELLED, Status.DONE]


def test_a_job_that_was_cancelled_while_it_was_shown(operator: Browser, client_a: Client) -> None:
    job = make_job(client_a, Status.PENDING)
    cancel_job(job=job)  # by somebody else
    answer = operator.post(page_of(job), {"for_client": client_a.pk})
    assert answer.status_code == 409 and "there is nothing to cancel" in text_of(answer)
    part = operator.get(page_of(job), headers=PARTS).content.decode()
    assert "Cancelled" in part and "every 5s" not in part


@pytest.mark.parametrize("role", list(Role))
def test_another_clients_job_does_not_exist(client_a: Client, client_b: Client, role: Role) -> None:
    browser, job = browser_of(make_member(client_a, role)), make_job(client_b, Status.PENDING)
    assert browser.get(page_of(job)).status_code == 404
    if role != Role.VIEWER:
        assert browser.post(page_of(job), {"for_client": client_a.pk}).status_code == 404
    assert browser.get(reverse("console:job", args=[uuid4()])).status_code == 404
    assert job.images.get().status == Status.PENDING


def test_viewers_look_and_change_nothing(client_a: Client) -> None:
    viewer, job = browser_of(make_member(client_a, Role.VIEWER)), make_job(client_a, Status.PENDING)
    assert "0 of 1" in text_of(viewer.get(page_of(job))) and "Cancel" not in text_of(viewer.get(page_of(job)))
    assert "Screen photographs" not in text_of(viewer.get(reverse("console:jobs")))
    for url in (page_of(job), reverse("console:jobs"), reverse("console:list-person")):
        answer = viewer.post(url, {"for_client": client_a.pk, "image": photograph(RED), "name": "Red"})
        assert (answer.status_code, answer["X-Problem"]) == (403, "auth.missing_role")
    assert (Job.objects.count(), BlacklistEntry.objects.count()) == (1, 0)


# ---- the first page ---------------------------------------------------------------------------------------------
def home(browser: Browser) -> Any:
    return browser.get("/", headers=HTML)


def test_three_steps_lead_to_the_first_hit(operator: Browser, client_a: Client) -> None:
    assert "Three steps to the first hit" in text_of(home(operator))
    fields = {"for_client": client_a.pk, "name": ARABIC, "image": photograph(RED)}
    said = text_of(operator.post(reverse("console:list-person"), fields, follow=True, headers=HTML))
    assert "Put somebody on the watch list Done" in said
    fields = {"for_client": client_a.pk, "image": [photograph(RED), SimpleUploadedFile("notes.jpg", b"no image")]}
    answer = operator.post(reverse("console:jobs"), fields, follow=True)
    [job] = Job.objects.all()
    assert answer.redirect_chain == [(page_of(job), 302)]
    assert "1 image failed notes.jpg" in text_of(answer)
    assert job.images.count() == 2


def test_hits_of_the_last_day_are_pairs_of_faces(operator: Browser, client_a: Client, client_b: Client) -> None:
    shown, old = hit(client_a, "Mallory"), hit(client_a, "Trudy", age=timedelta(hours=25))
    hit(client_b, "Oscar")
    page = home(operator)
    said = text_of(page)
    assert "Mallory Distance 0.20 of at most 0.40" in said and "Trudy" not in said and "Oscar" not in said
    url = reverse("console:image-face", args=[shown.face.image.uuid, 0])
    assert shown.reference_image and old.reference_image
    reference = reverse("console:photograph", args=[shown.reference_image.uuid])
    assert url in page.content.decode() and reference in page.content.decode()
    assert str(old.reference_image.uuid) not in page.content.decode()
    assert operator.get(url)["Content-Type"] == "image/jpeg"


def hit(client: Client, name: str, *, age: timedelta = timedelta()) -> Match:
    image = make_job(client, Status.DONE).images.get()
    store_file(file=image.image, extension="png", data=picture(RED, side=100))
    image.save()
    ProcessedImage.objects.filter(pk=image.pk).update(created_at=timezone.now() - age)
    face = ProcessedFace.objects.create(image=image, index=0, box_x=20, box_y=20, box_w=60, box_h=60, confidence=1.0)
    entry = create_entry(client=client, name=name, uploads=[Upload(picture(RED))]).entry
    reference = ReferenceImage.objects.get(person=entry.pk)
    return Match.objects.create(face=face, entry=entry, reference_image=reference, distance=0.2, threshold=0.4)


def test_what_failed_is_named_and_a_day_without_hits_too(operator: Browser, client_a: Client) -> None:
    make_job(client_a, Status.DONE, Status.FAILED)
    said = text_of(home(operator))
    assert "Nobody on the watch list was found in the images of the last 24 hours." in said
    assert "Failed in the last 24 hours 1.jpg This is not an image." in said
    assert "Three steps" not in said


def test_viewers_see_the_steps_without_the_forms(client_a: Client) -> None:
    page = home(browser_of(make_member(client_a, Role.VIEWER)))
    assert "Your role does not allow this" in text_of(page) and b'type="file"' not in page.content


@pytest.mark.parametrize("fields", [{}, {"name": "Red"}, {"name": "n" * 101}, {"name": " "}])
def test_a_form_that_is_not_filled_in_is_refused(operator: Browser, client_a: Client, fields: dict[str, str]) -> None:
    answer = operator.post(reverse("console:list-person"), {"for_client": client_a.pk, **fields})
    assert answer.status_code == 422
    assert operator.post(reverse("console:jobs"), {"for_client": client_a.pk}).status_code == 422
    assert not BlacklistEntry.objects.exists()


def test_nothing_is_screened_while_searching_is_stopped(operator: Browser, client_a: Client) -> None:
    stop_searching(client_id=client_a.pk)
    answer = operator.post(reverse("console:jobs"), {"for_client": client_a.pk, "image": photograph(RED)})
    assert answer["X-Problem"] == "searching.stopped"
    assert not Job.objects.exists()
