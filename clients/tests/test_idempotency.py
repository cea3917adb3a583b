"""`Idempotency-Key`: what is stored once however often it is sent, and what is kept of its answer."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, close_old_connections, connection, transaction
from django.test import Client as Browser
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from albums import services as filing
from albums.models import Album, AlbumImage
from blacklist.models import BlacklistEntry
from clients import idempotency
from clients.models import Client, IdempotentCall, Scope
from clients.tasks import purge
from clients.tests.idempotent_calls import ALBUMS, KEY, LIST, PEOPLE, api_of, code, end_without_answer, post
from errors import Unavailable
from people import services
from people.models import Person
from recognition import services as screening
from recognition.models import Job, ProcessedImage
from vision.tests.drawing import BLUE, RED, data_url, picture

# What a POST to these does stores nothing, or nothing that a repetition would store twice.
WITHOUT_KEY = {
    "/api/v1/anti-spoof/", "/api/v1/compare/", "/api/v1/detect/detect-face/", "/api/v1/people/search/",
    "/api/v1/people/{id}/verify/", "/api/v1/people/report/", "/api/v1/reset/",
}  # fmt: skip

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(client_a: Client) -> APIClient:
    return api_of(client_a)


def form(boundary: str, *parts: tuple[str, str, bytes]) -> bytes:
    """Parts of a name, further headers, and content."""
    lines = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content + b"\r\n"
        for name, more, content in parts
    ]
    return b"".join(lines) + f"--{boundary}--\r\n".encode()


def send_form(api: APIClient, path: str, boundary: str, *parts: tuple[str, str, bytes]) -> Any:
    kind = f"multipart/form-data; boundary={boundary}"
    return api.generic("POST", path, form(boundary, *parts), kind, headers={"Idempotency-Key": KEY})


# ---- repetitions ------------------------------------------------------------------------------------------------
def test_a_repetition_stores_nothing_and_gets_the_same_answer(api: APIClient) -> None:
    first, second = post(api), post(api)
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert first.status_code == 201
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert Person.objects.count() == 1
    assert post(api, key="another", body={"name": "Jane"}).json()["id"] != first.json()["id"]


def test_slashes_do_not_make_another_call(api: APIClient) -> None:
    first = post(api)
    assert post(api, PEOPLE.rstrip("/")).content == first.content


def test_the_headers_that_matter_are_kept(api: APIClient) -> None:
    path, body = "/api/v1/process/process-images?async=true", {"images": [data_url(picture(RED))]}
    first, second = post(api, path, body), post(api, path, body)
    assert first.status_code == second.status_code == 202
    for name in ("Location", "Retry-After", "Preference-Applied"):
        assert first.headers[name] == second.headers[name]
    assert Job.objects.count() == 1


def test_without_a_key_nothing_is_kept(api: APIClient) -> None:
    assert [api.post(ALBUMS, {"name": name}).status_code for name in ("a", "b")] == [201, 201]
    assert not IdempotentCall.objects.exists()


def test_a_form_is_known_by_its_parts_whatever_the_boundary(api: APIClient) -> None:
    name = ("name", "", b"Jane")
    photograph = ("images", '; filename="a.png"\r\nContent-Type: image/png', picture(RED))
    other = ("images", '; filename="a.png"\r\nContent-Type: image/png', picture(RED)[:-1] + b"?")
    renamed = ("images", '; filename="b.png"\r\nContent-Type: image/png', picture(RED))
    first = send_form(api, LIST, "one", name, photograph)
    second = send_form(api, LIST, "two", name, photograph)
    assert (first.status_code, first.content) == (201, second.content)
    assert BlacklistEntry.objects.count() == 1
    for changed in ((name, other), (name, renamed), (name, photograph, photograph), (name,)):
        assert code(send_form(api, LIST, "three", *changed)) == (422, "idempotency.key_reused")


def test_files_are_whole_after_their_digest_was_taken(api: APIClient) -> None:
    send_form(api, f"{PEOPLE}", "b", ("image", '; filename="a.png"\r\nContent-Type: image/png', picture(RED)))
    image = Person.objects.get().reference_images.get()
    with image.image.open("rb") as file:
        assert file.read() == picture(RED)


def test_a_form_that_was_read_to_check_a_session_is_known_too(member: User) -> None:
    """Django reads the form for its CSRF token, so that our parser does not see it."""
    token = "t" * 32
    browser = Browser(enforce_csrf_checks=True, headers={"X-CSRFToken": token, "Idempotency-Key": KEY})
    browser.force_login(member)
    browser.cookies["csrftoken"] = token
    answers = [
        browser.post(LIST, {"name": "Jane", "images": SimpleUploadedFile("a.png", picture(colour))})
        for colour in (RED, RED, BLUE)
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 422]
    assert answers[0].content == answers[1].content


@pytest.mark.parametrize(
    ("path", "body"),
    [(PEOPLE, {"name": "John"}), (f"{PEOPLE}?a=b", None), (ALBUMS, {"name": "Jane", "external_id": "u1"})],
    ids=["body", "query", "path"],
)
def test_a_key_is_good_for_one_call(api: APIClient, path: str, body: Any) -> None:
    first = post(api)
    assert code(post(api, path, body)) == (422, "idempotency.key_reused")
    assert post(api).content == first.content
    assert (Person.objects.count(), Album.objects.count()) == (1, 0)


def test_json_counts_as_it_was_sent(api: APIClient) -> None:
    texts = [b'{"name": "Jane"}', b'{"name":  "Jane"}']
    kinds = [api.generic("POST", PEOPLE, text, "application/json", headers={"Idempotency-Key": KEY}) for text in texts]
    assert [answer.status_code for answer in kinds] == [201, 422]


def test_a_key_is_good_within_one_client(api: APIClient, client_a: Client, client_b: Client) -> None:
    first, other = post(api), post(api_of(client_b))
    assert other.status_code == 201
    assert "Idempotent-Replayed" not in other.headers
    assert first.json()["uuid"] != other.json()["uuid"]
    same_client = post(api_of(client_a))
    assert same_client.content == first.content
    assert Person.objects.count() == 2


@pytest.mark.parametrize("key", ["", "x" * 256, "k\u00e9y", "a\tb"])
def test_a_key_is_printable_and_not_too_long(api: APIClient, key: str) -> None:
    sent = key.encode().decode("latin-1")
    assert code(post(api, key=sent)) == (400, "idempotency.bad_key")
    assert not Person.objects.exists()


def test_who_may_not_call_learns_nothing(api: APIClient, client_a: Client) -> None:
    post(api)
    assert code(post(APIClient())) == (401, "auth.required")
    assert code(post(api_of(client_a, Scope.DETECT))) == (403, "auth.missing_scope")
    assert IdempotentCall.objects.count() == 1


# ---- which answers are kept -------------------------------------------------------------------------------------
def test_a_refused_call_is_refused_again(api: APIClient) -> None:
    body = {"external_id": "u1", "metadata": "no object"}
    first, second = post(api, body=body), post(api, body=body)
    assert first.status_code == second.status_code == 422
    assert first.content == second.content
    assert second.headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("error", [Unavailable("Not now."), RuntimeError("A bug.")])
def test_a_failure_of_the_service_is_not_kept(
    api: APIClient, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(**_: Any) -> None:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(services, "create_person", fail)
        assert post(api).status_code >= 500
    assert post(api).status_code == 201


def test_a_body_that_cannot_be_read_uses_up_no_key(api: APIClient) -> None:
    broken = api.generic("POST", PEOPLE, b"{", "application/json", headers={"Idempotency-Key": KEY})
    assert code(broken) == (422, "bad_body")
    assert post(api).status_code == 201


def test_an_answer_that_cannot_be_kept_is_given_all_the_same(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(**_: Any) -> None:
        raise OperationalError

    with monkeypatch.context() as broken:
        broken.setattr(idempotency, "finish", lose)
        assert post(api).status_code == 201
    assert code(post(api)) == (409, "idempotency.running")
    assert Person.objects.count() == 1


# ---- while it runs ----------------------------------------------------------------------------------------------
def test_a_call_that_runs_is_not_carried_out_again(api: APIClient, client_a: Client) -> None:
    post(api)
    end_without_answer(IdempotentCall.objects.get(), leased_until=timezone.now() + timedelta(seconds=9))
    again = post(api)
    assert code(again) == (409, "idempotency.running")
    assert int(again.headers["Retry-After"]) > 0
    assert code(post(api, body={"name": "John"})) == (422, "idempotency.key_reused")
    assert Person.objects.count() == 1


def test_a_call_whose_process_died_is_carried_out_by_the_next_caller(api: APIClient) -> None:
    post(api)
    Person.objects.all().delete()
    dead = IdempotentCall.objects.get()
    end_without_answer(dead, has_stored=False)
    assert code(post(api, body={"name": "John"})) == (422, "idempotency.key_reused")
    answer = post(api)
    assert answer.status_code == 201
    assert "Idempotent-Replayed" not in answer.headers
    idempotency.finish(attempt=idempotency.Attempt(dead.pk, dead.attempt), answer=idempotency.Answer(200, {}, '"late"'))
    assert post(api).content == answer.content, "a process that was given up must not answer"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (PEOPLE, {"name": "Jane"}),
        (PEOPLE, {"image": data_url(picture(RED))}),
        (ALBUMS, {"name": "a"}),
    ],
    ids=["person", "face", "album"],
)
def test_what_was_stored_before_the_process_died_is_not_stored_again(api: APIClient, path: str, body: Any) -> None:
    assert post(api, path, body).status_code in (200, 201)
    end_without_answer(IdempotentCall.objects.get())
    assert code(post(api, path, body)) == (409, "idempotency.answer_gone")
    assert Person.objects.count() + Album.objects.count() == 1


def test_a_repeated_screening_is_answered_with_the_job_of_a_call_that_died(api: APIClient) -> None:
    path, body = "/api/v1/process/process-images", {"images": [data_url(picture(RED))]}
    assert post(api, path, body).status_code == 200
    end_without_answer(IdempotentCall.objects.get())
    answer, job = post(api, path, body), Job.objects.get()
    assert (answer.status_code, answer["Idempotent-Replayed"]) == (202, "true")
    assert (answer.json()["id"], answer["Location"]) == (str(job.pk), answer.json()["url"])
    assert ProcessedImage.objects.count() == 1
    job.delete()
    assert code(post(api, path, body)) == (409, "idempotency.answer_gone")


@pytest.mark.parametrize("has_stored", [False, True])
def test_after_a_bug_the_call_can_be_repeated_unless_it_has_stored_something(
    api: APIClient, monkeypatch: pytest.MonkeyPatch, has_stored: bool
) -> None:
    create = services.create_person

    def fail(**options: Any) -> None:
        if has_stored:
            create(**options)
            raise RuntimeError
        with transaction.atomic():
            create(**options)
            raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr(services, "create_person", fail)
        assert code(post(api)) == (500, "internal")
    if has_stored:
        assert code(post(api)) == (409, "idempotency.answer_gone")
    else:
        assert post(api).status_code == 201
    assert Person.objects.count() == 1


def test_a_job_that_could_not_be_queued_is_stored_by_the_repetition(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise Unavailable("Not now.")

    path, body = "/api/v1/process/process-images", {"images": [data_url(picture(RED))]}
    with monkeypatch.context() as broken:
        broken.setattr(screening, "enqueue", fail)
        assert post(api, path, body).status_code == 503
    assert post(api, path, body).status_code == 200
    assert Job.objects.count() == 1


def test_images_that_were_stored_and_could_not_be_queued_are_not_stored_again(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise Unavailable("Not now.")

    album = api.post(ALBUMS, {"name": "a"}).json()["id"]
    path, body = f"{ALBUMS}{album}/images/?process=true", {"images": [data_url(picture(RED))]}
    monkeypatch.setattr(filing, "queue_images", fail)
    assert post(api, path, body).status_code == 503
    assert code(post(api, path, body)) == (409, "idempotency.answer_gone")
    assert AlbumImage.objects.count() == 1


def test_a_process_that_was_given_up_stores_nothing(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    create = services.create_person

    def too_slow(**options: Any) -> Person:
        IdempotentCall.objects.update(attempt=uuid4())
        return create(**options)

    monkeypatch.setattr(services, "create_person", too_slow)
    assert code(post(api)) == (409, "idempotency.running")
    assert not Person.objects.exists()


def test_a_call_without_a_key_is_not_taken_for_an_earlier_one(api: APIClient) -> None:
    post(api)
    IdempotentCall.objects.update(attempt=uuid4())
    assert api.post(PEOPLE, {"name": "John"}).status_code == 201


def test_a_lease_outlasts_the_longest_wait_for_a_worker(settings: Any) -> None:
    assert idempotency.lease() > timedelta(seconds=2 * settings.FACEAPP_WAIT_SECONDS)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("abandoned", [False, True], ids=["first", "taken over"])
def test_of_simultaneous_calls_one_is_carried_out(client_a: Client, abandoned: bool) -> None:
    callers = 4
    start, apis = Barrier(callers), [api_of(client_a) for _ in range(callers)]
    if abandoned:
        post(apis[0])
        Person.objects.all().delete()
        end_without_answer(IdempotentCall.objects.get(), has_stored=False)

    def call(api: APIClient) -> tuple[int, str]:
        close_old_connections()
        try:
            start.wait(60)
            answer = post(api)
            return answer.status_code, answer.json().get("uuid") or answer.json()["code"]
        finally:
            connection.close()

    with ThreadPoolExecutor(callers) as pool:
        answers = list(pool.map(call, apis))
    person = Person.objects.get()
    assert set(answers) - {(409, "idempotency.running")} == {(201, str(person.uuid))}


# ---- after a day ------------------------------------------------------------------------------------------------
def test_answers_are_deleted_after_a_day(api: APIClient) -> None:
    post(api, key="young", body={"name": "Young"})
    post(api)
    IdempotentCall.objects.exclude(pk=IdempotentCall.objects.earliest("pk").pk).update(
        created_at=timezone.now() - timedelta(hours=24, seconds=1)
    )
    purge()
    assert IdempotentCall.objects.count() == 1
    assert "Young" in IdempotentCall.objects.get().body


def test_an_old_answer_is_not_given_even_before_it_is_deleted(api: APIClient) -> None:
    post(api)
    IdempotentCall.objects.update(created_at=timezone.now() - timedelta(hours=24, seconds=1))
    answer = post(api, body={"name": "John"})
    assert (answer.status_code, answer.json()["name"]) == (201, "John")


def test_neither_key_nor_body_can_be_read_from_the_row(api: APIClient) -> None:
    post(api, key="enrol-jane-doe")
    row = {name: str(value) for name, value in IdempotentCall.objects.values().get().items() if name != "body"}
    assert "jane" not in json.dumps(row).lower()


# ---- where it applies -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", ["/api/v1/people/search", "/api/v1/detect/detect-face"])
def test_where_nothing_is_stored_the_key_is_ignored(api: APIClient, path: str) -> None:
    body = {"image": data_url(picture(RED))}
    assert [post(api, path, body, key=key).status_code for key in (KEY, KEY, "")] == [200, 200, 200]
    assert not IdempotentCall.objects.exists()


def test_every_post_that_stores_takes_a_key() -> None:
    """A new route belongs to one of both kinds. Answers of webhooks, with their secrets, are kept nowhere."""
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    posts = {
        path: {parameter["name"] for parameter in verbs["post"].get("parameters", [])}
        for path, verbs in paths.items()
        if "post" in verbs and path.startswith("/api/v1/") and "/webhooks/" not in path
    }
    assert {path for path, names in posts.items() if "Idempotency-Key" not in names} == WITHOUT_KEY
