"""Erasing people and what is stored of them: no answer that is kept for repetitions may name them afterwards."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from rest_framework.test import APIClient

from clients import idempotency
from clients.models import Client, DueErasure, IdempotentCall
from clients.tasks import purge
from clients.tests.idempotent_calls import ALBUMS, LIST, PEOPLE, api_of, code, post
from people import services
from people.models import Person, ReferenceImage
from recognition.models import ProcessedImage
from vision.tests.drawing import BLUE, RED, data_url, picture

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(client_a: Client) -> APIClient:
    return api_of(client_a)


def test_erasing_a_person_erases_the_answers_that_may_name_them(api: APIClient, client_a: Client) -> None:
    person_id = post(api).json()["id"]
    other = api_of(Client.objects.create(name="carol"))
    kept = post(other, body={"name": "Joan"})
    assert "Jane" in IdempotentCall.objects.get(client=client_a).body
    api.delete(f"{PEOPLE}{person_id}/")
    assert IdempotentCall.objects.get(client=client_a).body == ""
    assert code(post(api)) == (409, "idempotency.answer_gone")
    assert not Person.objects.filter(client=client_a).exists(), "whoever is erased must not come back by a repetition"
    assert post(other, body={"name": "Joan"}).content == kept.content


def test_every_erasure_erases_answers(api: APIClient, client_a: Client) -> None:
    def kept() -> bool:
        return IdempotentCall.objects.exclude(body="").exists()

    files = [SimpleUploadedFile(f"{number}.png", picture(colour)) for number, colour in enumerate((RED, BLUE))]
    entry = api.post(LIST, {"name": "Red", "images": files}, format="multipart").json()["id"]
    person = post(api, body={"image": data_url(picture(RED))}, key="person").json()
    album = post(api, ALBUMS, {"name": "a"}, key="album").json()["id"]
    image = post(api, f"{ALBUMS}{album}/images/", {"images": [data_url(picture(RED))]}, key="image").json()[0]["id"]
    post(api, "/api/v1/process/process-images", {"images": [data_url(picture(RED))]}, key="screened")
    screened = ProcessedImage.objects.get().number
    [photograph, _] = ReferenceImage.objects.filter(person__kind="blacklist").values_list("number", flat=True)
    own = ReferenceImage.objects.get(person__number=person["id"], person__kind="people").number
    erasures = [
        f"{LIST}{entry}/images/{photograph}/", f"{LIST}{entry}/", f"{ALBUMS}{album}/images/{image}/",
        f"{ALBUMS}{album}/", f"/api/v1/processed-images/{screened}/",
        f"{PEOPLE}{person['id']}/images/{own}/", f"{PEOPLE}{person['id']}/?keep_record=true",
        f"{PEOPLE}{person['id']}/",
    ]  # fmt: skip
    for path in erasures:
        assert post(api, ALBUMS, {"name": path}, key=path).status_code == 201
        assert kept()
        assert api.delete(path).status_code in (200, 204), path
        assert not kept(), path


def test_a_call_that_runs_during_an_erasure_keeps_no_answer(api: APIClient, client_a: Client) -> None:
    create = services.create_person

    def erase_meanwhile(**options: Any) -> Person:
        idempotency.forget_answers(client_id=client_a.pk)
        return create(**options)

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(services, "create_person", erase_meanwhile)
        assert post(api).status_code == 201
    assert IdempotentCall.objects.get().body == ""
    assert code(post(api)) == (409, "idempotency.answer_gone")


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_is_kept_before_an_erasure_is_committed_is_erased_with_it(client_a: Client) -> None:
    """The call could still read whom the erasure removes."""
    api = api_of(client_a)
    person = services.create_person(client=client_a, external_id=None, name="Red", source=None, metadata={})

    def call() -> int:
        try:
            status: int = post(api).status_code
            return status
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        services.erase_person(person=person)
        assert pool.submit(call).result(30) == 201, "nobody waits for the erasure"
        assert IdempotentCall.objects.get().body
    assert not IdempotentCall.objects.get().body


def test_no_answer_is_given_between_an_erasure_and_the_death_of_its_process(api: APIClient, client_a: Client) -> None:
    post(api)
    DueErasure.objects.create(client=client_a)
    assert code(post(api)) == (409, "idempotency.answer_gone")
    purge()
    assert not DueErasure.objects.exists()
    assert not IdempotentCall.objects.get().body


def test_an_erasure_that_fails_erases_no_answer(api: APIClient, client_a: Client) -> None:
    first = post(api)
    with pytest.raises(RuntimeError), transaction.atomic():
        services.erase_person(person=Person.objects.get())
        raise RuntimeError
    assert post(api).content == first.content
