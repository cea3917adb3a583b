"""What clients are told of screening and enrolment, and that erasure takes it back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.test import APIClient

from clients.models import Client
from clients.services import create_api_key
from faceapp.tests.rivals import Rival, wait_until_blocked
from notifications.admin import SubscriptionAdmin
from notifications.models import Delivery, Subscription
from notifications.services import notify
from notifications.types import OFFERED, Event, Message, State
from people.models import Gallery, GalleryKind
from recognition.models import Job, Match, ProcessedImage, Status
from recognition.news import tell_if_done
from recognition.review import judge, open_again, take_back
from recognition.services import delete_images
from recognition.types import ReviewState
from vision.tests.drawing import BLUE, RED, data_url, picture

pytestmark = pytest.mark.django_db


@pytest.fixture
def subscription(client_a: Client) -> Subscription:
    events = [event.value for event in OFFERED]
    return Subscription.objects.create(client=client_a, name="hook", target="http://hooks.example.org/", events=events)


@pytest.fixture
def api(client_a: Client, subscription: Subscription) -> APIClient:
    _, key = create_api_key(client_name=client_a.name)
    return APIClient(headers={"X-API-Key": key})


def enlist(api: APIClient) -> dict[str, Any]:
    upload = SimpleUploadedFile("a.png", picture(RED))
    response = api.post("/api/v1/blacklist/", {"name": "Mallory", "images": [upload]}, format="multipart")
    assert response.status_code == 201, response.content
    return dict(response.json())


def screen(api: APIClient, *images: str) -> None:
    response = api.post("/api/v1/process/process-images", {"images": list(images)}, format="json")
    assert response.status_code == 200, response.content


def told(event: Event) -> list[Delivery]:
    return list(Delivery.objects.filter(event=event).order_by("created_at"))


def test_a_hit_and_the_end_of_the_job_are_told(api: APIClient) -> None:
    entry = enlist(api)
    screen(api, data_url(picture(RED)), data_url(picture(BLUE)))
    image = ProcessedImage.objects.get(position=0)
    [hit], [done] = told(Event.HIT), told(Event.JOB_DONE)
    data = hit.data
    assert (data["job"], data["image"], data["count"]) == (str(image.job_id), image.number, 1)
    [one] = data["hits"]
    assert (one["entry"], one["face"]) == (entry["id"], 0) and one["distance"] <= data["threshold"]
    assert api.get(data["url"]).status_code == api.get(one["url"]).status_code == 200
    assert {name: done.data[name] for name in ("job", "status", "images", "failed")} == {
        "job": str(image.job_id), "status": "done", "images": 2, "failed": 0,
    }  # fmt: skip
    assert api.get(done.data["url"]).status_code == 200
    assert "Mallory" not in json.dumps([row.data for row in Delivery.objects.all()])


def test_a_job_without_any_usable_image_is_done_too(api: APIClient) -> None:
    screen(api, "nonsense")
    [done] = told(Event.JOB_DONE)
    assert (done.data["images"], done.data["failed"]) == (1, 1)


def test_enrolments_are_told(api: APIClient) -> None:
    enlist(api)
    person = api.post("/api/v1/people/", {"name": "Jane", "image": data_url(picture(BLUE))}, format="json").json()
    listed, enrolled = told(Event.PERSON_ENROLLED)
    assert listed.data["is_blacklist_entry"] and not enrolled.data["is_blacklist_entry"]
    assert (enrolled.data["person"], enrolled.data["photographs"]) == (person["id"], 1)
    for row in (listed, enrolled):
        assert api.get(row.data["url"]).status_code == 200
    assert "Jane" not in json.dumps(enrolled.data)


def test_erasing_a_person_or_an_image_erases_what_would_be_told(api: APIClient) -> None:
    entry = enlist(api)
    screen(api, data_url(picture(RED)))
    screen(api, data_url(picture(RED)))
    first, second = told(Event.HIT)
    assert api.delete(first.data["url"]).status_code == 204
    assert told(Event.HIT) == [second]
    assert api.delete(f"/api/v1/blacklist/{entry['id']}/").status_code in {200, 204}
    assert not told(Event.HIT) and not told(Event.PERSON_ENROLLED)


@pytest.mark.django_db(transaction=True)
def test_two_workers_that_finish_the_last_images_tell_it_once(client_a: Client, subscription: Subscription) -> None:
    """Neither sees what the other has not committed; without waiting, nobody would tell it."""
    job = Job.objects.create(client=client_a, metric="cosine", threshold=0.5)
    images = [
        ProcessedImage.objects.create(client=client_a, job=job, position=position, status=Status.PROCESSING)
        for position in range(2)
    ]

    def finish(image: ProcessedImage) -> None:
        with transaction.atomic():
            ProcessedImage.objects.filter(pk=image.pk).move_to(Status.DONE)
            tell_if_done(job)

    with transaction.atomic():
        finish(images[0])
        other = Rival(lambda: finish(images[1]))
        wait_until_blocked()
    other.finish()
    assert len(told(Event.JOB_DONE)) == 1


@pytest.mark.django_db(transaction=True)
def test_deleting_a_subscription_waits_for_the_event_that_is_being_stored(
    client_a: Client, subscription: Subscription
) -> None:
    admin = SubscriptionAdmin(Subscription, site)
    with transaction.atomic():
        notify(Event.JOB_DONE, Message("job:1", {}, ["job:1"]), client_id=client_a.pk)
        rival = Rival(lambda: admin.delete_model(HttpRequest(), subscription))
        wait_until_blocked()
    rival.finish()
    assert not Subscription.objects.exists() and not Delivery.objects.exists()


def test_a_confirmed_hit_is_told_unless_it_is_taken_back(api: APIClient, client_a: Client) -> None:
    enlist(api)
    screen(api, data_url(picture(RED)))
    anna, match = User.objects.create(username="anna"), Match.objects.get()
    verdict = judge(match=match, user=anna, said=ReviewState.CONFIRMED)
    [confirmed] = told(Event.HIT_CONFIRMED)
    assert confirmed.due_at > timezone.now() and confirmed.data["entry"] == match.entry.number
    take_back(verdict=verdict, user=anna)
    assert told(Event.HIT_CONFIRMED) == []
    judge(match=match, user=anna, said=ReviewState.CONFIRMED)
    assert len(told(Event.HIT_CONFIRMED)) == 1
    open_again(match=match)
    assert told(Event.HIT_CONFIRMED) == []


@pytest.mark.parametrize("status", [State.PENDING, State.FAILED, State.DELIVERED])
def test_a_confirmation_that_is_undone_is_not_tried_again(api: APIClient, status: State) -> None:
    enlist(api)
    screen(api, data_url(picture(RED)))
    match = Match.objects.get()
    judge(match=match, user=User.objects.create(username="anna"), said=ReviewState.CONFIRMED)
    Delivery.objects.filter(event=Event.HIT_CONFIRMED).update(attempts=1, status=status)
    open_again(match=match)
    assert len(told(Event.HIT_CONFIRMED)) == (status == State.DELIVERED)


def test_erasing_the_last_unfinished_image_ends_the_job(client_a: Client, subscription: Subscription) -> None:
    job = Job.objects.create(client=client_a, metric="cosine", threshold=0.5)
    done, _, pending, also_pending = [
        ProcessedImage.objects.create(client=client_a, job=job, position=position, status=status)
        for position, status in enumerate([Status.DONE, Status.DONE, Status.PENDING, Status.PENDING])
    ]
    delete_images(images_to_delete=[pending])
    assert told(Event.JOB_DONE) == []
    delete_images(images_to_delete=[also_pending])
    [message] = told(Event.JOB_DONE)
    assert (message.data["images"], message.data["status"]) == (2, Status.DONE)
    message.delete()  # after `DELIVERY_DAYS`
    delete_images(images_to_delete=[done])
    assert told(Event.JOB_DONE) == []


def test_where_two_persons_judge_nothing_is_told_before_both_have_confirmed(api: APIClient, client_a: Client) -> None:
    enlist(api)
    Gallery.objects.filter(kind=GalleryKind.BLACKLIST).update(two_person_review=True)
    screen(api, data_url(picture(RED)))
    assert told(Event.HIT) == []
    match = Match.objects.get()
    for name in ("anna", "ben"):
        assert told(Event.HIT_CONFIRMED) == []
        judge(match=match, user=User.objects.create(username=name), said=ReviewState.CONFIRMED)
    assert len(told(Event.HIT_CONFIRMED)) == 1
