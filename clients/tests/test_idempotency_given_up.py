"""A call with an `Idempotency-Key` whose caller hangs up can be sent again, and is carried out once."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from calls.tests.leaving import leaving_after
from clients.models import Client, IdempotentCall
from clients.tests.idempotent_calls import api_of, post
from people.models import Person
from recognition.models import Job
from vision.tests.drawing import RED, data_url, picture

PROCESS = "/api/v1/process/process-images"
IMAGE = data_url(picture(RED))

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(client_a: Client, settings: Settings, unread_queue: None) -> APIClient:
    return api_of(client_a)


def given_up(api: APIClient, *given: Any, **options: Any) -> None:
    with leaving_after(0):
        assert post(api, *given, **options).status_code == 499


def test_one_that_stored_nothing_leaves_no_trace(api: APIClient) -> None:
    given_up(api, body={"external_id": "u1", "image": IMAGE}, format="json")
    assert not IdempotentCall.objects.exists() and not Person.objects.exists()


def test_the_repetition_gets_the_job_that_went_on(api: APIClient) -> None:
    given_up(api, PROCESS, {"images": [IMAGE]}, format="json")
    again = post(api, PROCESS, {"images": [IMAGE]}, format="json")
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (202, "true")
    assert again.json()["id"] == str(Job.objects.get().pk)
