"""Calls with an `Idempotency-Key` that number no row: they change one, or open a session without a number."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from albums.models import AlbumImage, FaceGroup
from clients.models import Client, IdempotentCall
from clients.tests.idempotent_calls import ALBUMS, PEOPLE, api_of, code, end_without_answer, post
from liveness.models import LivenessSession
from liveness.tests.pictures import frame
from people.models import Gallery, ReferenceImage
from recognition.models import Job, ProcessedImage
from training.models import Recogniser
from vision import inference
from vision.exceptions import EngineUnavailable
from vision.tests.drawing import BLUE, GREEN, RED, data_url, picture
from work.models import Status

pytestmark = pytest.mark.django_db
SESSIONS = "/api/v1/liveness/sessions/"
Prepared = tuple[str, Any, Callable[[], Any]]  # path, body, and what it changes


@pytest.fixture
def api(client_a: Client) -> APIClient:
    return api_of(client_a)


def album(api: APIClient, *, query: str = "") -> str:
    url = f"{ALBUMS}{api.post(ALBUMS, {'name': 'a'}).json()['id']}/"
    images = [data_url(picture(colour)) for colour in (RED, GREEN, BLUE)]
    assert api.post(f"{url}images/{query}", {"images": images}).status_code == 201
    return url


def merge(api: APIClient, client: Client) -> Prepared:
    url = album(api, query="?process=true")
    first, *others = (group["id"] for group in api.get(f"{url}groups/").json()["items"])
    return f"{url}groups/{first}/merge/", {"groups": others}, FaceGroup.objects.count


def split(api: APIClient, client: Client) -> Prepared:
    path, body, count = merge(api, client)
    faces = api.post(path, body).json()["faces"]
    return path.replace("merge", "split"), {"faces": [faces[0]["id"]]}, count


def cancel(api: APIClient, client: Client) -> Prepared:
    job = Job.objects.create(client=client, queue="bulk", engine="default", metric="cosine", threshold=0.5)
    ProcessedImage.objects.create(client=client, job=job, position=0)
    return f"/api/v1/jobs/{job.pk}/cancel/", None, lambda: Job.objects.get().cancelled_at


def primary(api: APIClient, client: Client) -> Prepared:
    url = f"{PEOPLE}{api.post(PEOPLE, {'image': data_url(picture(RED))}).json()['id']}/images/"
    image = api.post(url, {"image": data_url(picture(RED))}).json()["image"]["id"]
    return f"{url}{image}/primary/", None, ReferenceImage.objects.filter(is_primary=True).count


def version(api: APIClient, client: Client, *, is_active: bool) -> Prepared:
    gallery = Gallery.objects.create(client=client, name="staff")
    row = Recogniser.objects.create(client=client, gallery=gallery, version=1, status=Status.DONE, is_active=is_active)
    action = "deactivate" if is_active else "activate"
    return f"/api/v1/recognisers/{row.number}/{action}/", None, lambda: Recogniser.objects.get().is_active


def activate(api: APIClient, client: Client) -> Prepared:
    return version(api, client, is_active=False)


def deactivate(api: APIClient, client: Client) -> Prepared:
    return version(api, client, is_active=True)


def session(api: APIClient, client: Client) -> Prepared:
    return SESSIONS, {"purpose": "onboarding", "subject": "u1"}, LivenessSession.objects.count


def attempt(api: APIClient, client: Client) -> Prepared:
    opened = api.post(*session(api, client)[:2]).json()
    body = {"nonce": opened["nonce"], "frames": [base64.b64encode(frame(RED)).decode()] * 2}
    return f"{SESSIONS}{opened['id']}/frames/", body, lambda: LivenessSession.objects.get().attempts_left


@pytest.mark.parametrize("prepare", [merge, split, cancel, primary, activate, deactivate, session, attempt])
def test_what_a_dead_process_has_changed_is_not_changed_again(
    api: APIClient, client_a: Client, prepare: Callable[[APIClient, Client], Prepared]
) -> None:
    path, body, state = prepare(api, client_a)
    before = state()
    post(api, path, body or {}, format="json")
    after = state()
    assert after != before
    end_without_answer(IdempotentCall.objects.get())
    assert code(post(api, path, body or {}, format="json")) == (409, "idempotency.answer_gone")
    assert state() == after


def test_an_attempt_that_found_no_worker_can_be_repeated(
    api: APIClient, client_a: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_worker(*_: Any, **__: Any) -> None:
        raise EngineUnavailable("No worker answered.", code="engine.timeout")

    path, body, attempts_left = attempt(api, client_a)
    before = attempts_left()
    with monkeypatch.context() as broken:
        broken.setattr(inference, "run_engines_on", no_worker)
        assert post(api, path, body, format="json").status_code == 503
    assert attempts_left() == before
    assert post(api, path, body, format="json").status_code == 400  # frames of somebody who does not move
    assert attempts_left() == before - 1


def test_images_that_a_dead_process_has_queued_are_not_queued_again(api: APIClient) -> None:
    """The call is repeated, and finds nothing that is still to be queued."""
    path = f"{album(api)}process/"
    assert post(api, path, {}).json() == {"queued": 3}
    end_without_answer(IdempotentCall.objects.get())
    assert post(api, path, {}).json() == {"queued": 0}
    assert set(AlbumImage.objects.values_list("status", "attempts")) == {("done", 1)}
