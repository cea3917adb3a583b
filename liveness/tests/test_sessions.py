"""Sessions over the API with the fake engine: the nose of a square says which way the head is turned."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from calibration.services import set_calibration
from clients.models import Client
from clients.services import create_api_key
from errors import FaceAppError
from liveness import challenge, tasks
from liveness.exceptions import TokenRefused
from liveness.models import Action, LivenessSession, SeenFrame
from liveness.services import read_face, redeem_token
from liveness.tests.pictures import frame
from liveness.types import Binding
from vision import inference
from vision.exceptions import EngineUnavailable, TooManyWaiting
from vision.tests.drawing import BLUE, RED, picture

pytestmark = pytest.mark.django_db
URL = "/api/v1/liveness/sessions/"
poses = count()  # no still twice in a test run


def api_of(client: Client, *scopes: str) -> APIClient:
    return APIClient(headers={"X-API-Key": create_api_key(client_name=client.name, scopes=scopes or ["all"])[1]})


@pytest.fixture
def api(client_a: Client) -> APIClient:
    return api_of(client_a)


@pytest.fixture(autouse=True)
def known_challenge(monkeypatch: pytest.MonkeyPatch) -> None:
    actions = [Action.TURN_LEFT, Action.CENTRE, Action.TURN_RIGHT, Action.CENTRE]
    monkeypatch.setattr(challenge, "new_challenge", lambda *, expressions: actions)


def start(api: APIClient, **changes: Any) -> dict[str, Any]:
    response = api.post(URL, {"purpose": "onboarding", "subject": "u1", **changes}, format="json")
    assert response.status_code == 201, response.data
    return dict(response.json())


def performance(*turns: str, colour: tuple[int, int, int] = RED, **options: Any) -> list[bytes]:
    """Frames of a person who does what is asked, each a still of its own."""
    done = turns or ("centre", "turn_left", "centre", "turn_right", "centre")
    return [frame(colour, turned=turn, pose=next(poses), **options) for turn in done]


def post(api: APIClient, session: dict[str, Any], frames: list[bytes], **more: Any) -> Any:
    texts = [base64.b64encode(data).decode() for data in frames]
    body = {"nonce": session["nonce"], "frames": texts, **more}
    return api.post(f"{URL}{session['id']}/frames/", body, format="json")


def code_after(api: APIClient, frames: list[bytes], **more: Any) -> str:
    response = post(api, start(api), frames, **more)
    assert response.status_code == 400, response.json()
    return str(response.json()["code"])


def test_a_session_says_what_to_do_and_until_when(api: APIClient) -> None:
    session = start(api, source="branch-7")
    assert session["actions"] == ["turn_left", "centre", "turn_right", "centre"]
    assert (session["status"], session["attempts_left"], session["source"]) == ("open", 3, "branch-7")
    assert len(session["nonce"]) >= 32
    assert api.get(f"{URL}{session['id']}/").json() == session


def test_who_does_what_is_asked_gets_a_token(api: APIClient) -> None:
    session = start(api)
    response = post(api, session, performance())
    assert response.status_code == 200, response.json()
    assert set(response.json()) == {"status", "token", "token_expires_at"}
    assert api.get(f"{URL}{session['id']}/").json()["status"] == "passed"


def test_files_are_frames_too(api: APIClient) -> None:
    session = start(api)
    files = [SimpleUploadedFile(f"{i}.png", data, "image/png") for i, data in enumerate(performance())]
    image = SimpleUploadedFile("self.png", frame(RED), "image/png")
    body = {"nonce": session["nonce"], "frames": files, "image": image}
    response = api.post(f"{URL}{session['id']}/frames/", body, format="multipart")
    assert response.status_code == 200, response.json()


def test_frames_shown_before_are_refused_in_any_session_of_the_client(api: APIClient, client_b: Client) -> None:
    frames = performance()
    assert post(api, start(api), frames).status_code == 200
    assert code_after(api, frames) == "liveness.replayed"
    repacked = performance()
    assert code_after(api, [*repacked[:2], frames[2], *repacked[3:]]) == "liveness.replayed"
    other = api_of(client_b)
    assert post(other, start(other), frames).status_code == 200


def test_another_file_format_does_not_make_a_frame_new(api: APIClient) -> None:
    number = 1000
    sequence = ["centre", "turn_left", "centre", "turn_right", "centre"]
    for kind, status in (("PNG", 200), ("BMP", 400)):
        frames = [frame(RED, turned=turn, pose=number + i, kind=kind) for i, turn in enumerate(sequence)]
        assert post(api, start(api), frames).status_code == status


@pytest.mark.parametrize(
    ("turns", "code"),
    [
        (("centre", "turn_right", "centre", "turn_left", "centre"), "liveness.out_of_order"),
        (("turn_left", "centre", "turn_right", "turn_left"), "liveness.out_of_order"),
        (("centre", "turn_left", "centre", "turn_right"), "liveness.incomplete"),
        (("centre", "centre", "centre"), "liveness.no_movement"),
        (("turn_left", "turn_left", "turn_left"), "liveness.no_movement"),
    ],
)
def test_the_movements_must_be_those_asked_for(api: APIClient, turns: tuple[str, ...], code: str) -> None:
    assert code_after(api, performance(*turns)) == code


def test_mostly_one_still_is_no_movement(api: APIClient) -> None:
    [left, centre, right] = performance("turn_left", "centre", "turn_right")
    assert code_after(api, [left, left, left, left, centre, centre, right, right, centre]) == "liveness.no_movement"


def test_one_face_throughout_and_that_of_the_image(api: APIClient) -> None:
    mixed = [*performance("centre", "turn_left"), *performance("centre", "turn_right", "centre", colour=BLUE)]
    assert code_after(api, mixed) == "liveness.other_face"
    stranger = base64.b64encode(frame(BLUE)).decode()
    assert code_after(api, performance(), image=stranger) == "liveness.other_face"
    assert code_after(api, [*performance(), picture()]) == "liveness.no_face"
    assert code_after(api, [*performance(), picture(RED, BLUE)]) == "liveness.several_faces"


def test_a_presented_picture_is_refused_where_the_policy_says_so(
    api: APIClient, client_a: Client, antispoof: None
) -> None:
    assert code_after(api, performance(fake=True)) == "liveness.spoof"
    client_a.liveness_policy = "frames"
    client_a.save()
    assert post(api, start(api), performance(fake=True)).status_code == 200


def test_after_its_time_a_session_takes_no_frames(api: APIClient) -> None:
    session = start(api)
    LivenessSession.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    response = post(api, session, performance())
    assert (response.status_code, response.json()["code"]) == (409, "liveness.expired")
    assert api.get(f"{URL}{session['id']}/").json()["status"] == "expired"


def test_attempts_are_counted_and_end(api: APIClient) -> None:
    session = start(api)
    for left in (2, 1, 0):
        assert post(api, session, performance("centre", "centre")).json()["code"] == "liveness.no_movement"
        assert api.get(f"{URL}{session['id']}/").json()["attempts_left"] == left
    response = post(api, session, performance())
    assert (response.status_code, response.json()["code"]) == (409, "liveness.too_many_attempts")
    shown = api.get(f"{URL}{session['id']}/").json()
    assert (shown["status"], shown["last_code"]) == ("failed", "liveness.no_movement")


def test_a_passed_or_cancelled_session_is_closed(api: APIClient) -> None:
    session = start(api)
    assert post(api, session, performance()).status_code == 200
    assert post(api, session, performance()).json()["code"] == "liveness.used"
    assert api.delete(f"{URL}{session['id']}/").json()["code"] == "liveness.used"
    other = start(api)
    assert api.delete(f"{URL}{other['id']}/").status_code == 204
    assert post(api, other, performance()).json()["code"] == "liveness.cancelled"


def test_only_so_many_sessions_are_open_at_once(
    api: APIClient, client_a: Client, client_b: Client, settings: Settings
) -> None:
    settings.LIVENESS_SESSIONS_PER_SUBJECT, settings.LIVENESS_SESSIONS_PER_CLIENT = 2, 4
    first, *_ = start(api), start(api), start(api, source="another gallery")
    assert refused(api) == {"u1"}
    start(api, subject="u2")
    assert refused(api) == {"u1", "u3"}
    LivenessSession.objects.filter(subject="u2").update(status="failed")
    assert refused(api) == {"u1"}
    assert api.delete(f"{URL}{first['id']}/").status_code == 204
    start(api)
    assert refused(api) == {"u1"}
    start(api_of(client_b))
    LivenessSession.objects.update(expires_at=timezone.now())
    assert refused(api) == set()
    settings.LIVENESS_SESSIONS_PER_SUBJECT = settings.LIVENESS_SESSIONS_PER_CLIENT = 0
    start(api), start(api), start(api)
    assert refused(api) == set()


def refused(api: APIClient) -> set[str]:
    """Who of two people gets no session. One that is started is taken back."""
    found = {who: api.post(URL, {"purpose": "onboarding", "subject": who}, format="json") for who in ("u1", "u3")}
    LivenessSession.objects.filter(pk__in=[answer.json().get("id") for answer in found.values()]).delete()
    for answer in (answer for answer in found.values() if answer.status_code != 201):
        assert (answer.status_code, answer.json()["code"]) == (429, "liveness.too_many_sessions")
        assert 0 < int(answer.headers["Retry-After"]) <= 120
    return {who for who, answer in found.items() if answer.status_code == 429}


def test_a_wrong_nonce_costs_an_attempt(api: APIClient) -> None:
    session = start(api)
    response = post(api, session | {"nonce": "guess"}, performance())
    assert (response.status_code, response.json()["code"]) == (400, "liveness.wrong_nonce")
    assert LivenessSession.objects.get().attempts_left == 2


@pytest.mark.parametrize(
    ("error", "status"),
    [(EngineUnavailable("away", code="engine.timeout"), 503), (TooManyWaiting("later", retry_after=1), 429)],
)
def test_a_call_that_no_worker_answers_costs_no_attempt(
    api: APIClient, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    session = start(api)

    def away(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(inference, "analyse", away)
    assert post(api, session, performance()).status_code == status
    assert LivenessSession.objects.get().attempts_left == 3


@pytest.mark.django_db(transaction=True)
def test_of_two_calls_at_once_each_uses_an_attempt_and_one_passes(api: APIClient, client_a: Client) -> None:
    session, attempts = start(api), [performance(), performance()]
    keys = [api_of(client_a), api_of(client_a)]

    def call(number: int) -> int:
        try:
            return int(post(keys[number], session, attempts[number]).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(call, range(2)))
    assert answers == [200, 409]
    row = LivenessSession.objects.get()
    assert row.status == "passed" and row.attempts_left >= 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"purpose": "x"},
        {"purpose": 1, "subject": "u"},
        {"purpose": "", "subject": "u"},
        {"purpose": "x", "subject": "u" * 256},
        {"purpose": "x" * 51, "subject": "u"},
        {"purpose": "x", "subject": "a\0b"},
    ],
)
def test_a_session_needs_purpose_and_subject(api: APIClient, body: dict[str, Any]) -> None:
    assert api.post(URL, body, format="json").status_code == 422


def test_half_a_character_is_no_subject(api: APIClient) -> None:
    body = rb'{"purpose": "x", "subject": "\ud800"}'
    assert api.post(URL, body, content_type="application/json").status_code == 422


@pytest.mark.parametrize(
    ("frames", "status", "code"),
    [
        ([], 400, "images.none"),
        (["x"], 400, "image.not_an_image"),
        (["http://localhost/a.jpg"], 400, "image.not_an_image"),
        (["/etc/passwd"], 400, "image.not_an_image"),
        ([1], 422, "validation_error"),
        ("text", 422, "validation_error"),
    ],
)
def test_frames_are_images_that_the_request_holds(api: APIClient, frames: Any, status: int, code: str) -> None:
    session = start(api)
    response = api.post(f"{URL}{session['id']}/frames/", {"nonce": session["nonce"], "frames": frames}, format="json")
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_a_key_needs_the_scope(client_a: Client) -> None:
    assert api_of(client_a, "detect").post(URL, {}, format="json").json()["code"] == "auth.missing_scope"
    assert api_of(client_a, "liveness").post(URL, {}, format="json").status_code == 422


def test_the_purge_forgets_faces_sessions_and_frames(api: APIClient, settings: Settings) -> None:
    post(api, start(api), performance())
    later = timezone.now() - timedelta(seconds=settings.LIVENESS_TOKEN_SECONDS + 1)
    tasks.purge.delay()
    assert LivenessSession.objects.exclude(embedding=None).exists()
    LivenessSession.objects.update(passed_at=later)
    tasks.purge.delay()
    assert not LivenessSession.objects.exclude(embedding=None).exists()
    LivenessSession.objects.update(expires_at=timezone.now() - timedelta(days=2))
    SeenFrame.objects.update(seen_at=timezone.now() - timedelta(days=settings.LIVENESS_REPLAY_DAYS + 1))
    tasks.purge.delay()
    assert not LivenessSession.objects.exists() and not SeenFrame.objects.exists()


def passed(api: APIClient) -> str:
    return str(post(api, start(api), performance()).json()["token"])


ONBOARDING = Binding("onboarding", "u1")


@pytest.fixture
def call(client_a: Client) -> dict[str, Any]:
    """What a token of `passed` is good for."""
    return {"client": client_a, "binding": ONBOARDING, "face": read_face(data=frame(RED)).embeddings}


def refusal_of(token: str, call: dict[str, Any], **changes: Any) -> str:
    with pytest.raises(FaceAppError) as refusal:
        redeem_token(token=token, **call | changes)
    return refusal.value.code


def test_a_token_is_good_once_for_what_it_was_made_for(api: APIClient, call: dict[str, Any], client_b: Client) -> None:
    token = passed(api)
    assert refusal_of(token, call, binding=replace(ONBOARDING, purpose="payment")) == "liveness.token_wrong_purpose"
    assert refusal_of(token, call, binding=replace(ONBOARDING, subject="u2")) == "liveness.token_wrong_subject"
    assert refusal_of(token, call, binding=replace(ONBOARDING, sources=["other"])) == "liveness.token_wrong_subject"
    assert refusal_of(token, call, face=read_face(data=frame(BLUE)).embeddings) == "liveness.token_other_face"
    assert refusal_of(token, call, client=client_b) == "liveness.not_found"
    assert refusal_of(token + "x", call) == "liveness.token_invalid"
    assert refusal_of("", call) == "liveness.token_invalid"
    redeem_token(token=token, **call | {"binding": replace(ONBOARDING, sources=["other", ""])})
    assert LivenessSession.objects.get().embedding is None
    assert refusal_of(token, call) == "liveness.token_used"
    assert api.get(f"{URL}{LivenessSession.objects.get().pk}/").json()["redeemed"] is True


@pytest.mark.django_db(transaction=True)
def test_of_two_who_use_a_token_at_once_one_is_refused(api: APIClient, call: dict[str, Any]) -> None:
    token = passed(api)

    def redeem(_: int) -> str:
        try:
            redeem_token(token=token, **call)
        except TokenRefused as error:
            return error.code
        finally:
            connection.close()
        return "good"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(redeem, range(2))) == ["good", "liveness.token_used"]


def test_a_token_is_good_again_when_what_it_permits_fails(api: APIClient, call: dict[str, Any]) -> None:
    token = passed(api)
    with pytest.raises(RuntimeError), transaction.atomic():
        redeem_token(token=token, **call)
        raise RuntimeError
    redeem_token(token=token, **call)


def test_a_token_expires(api: APIClient, call: dict[str, Any], settings: Settings) -> None:
    token = passed(api)
    settings.LIVENESS_TOKEN_SECONDS = -1
    assert refusal_of(token, call) == "liveness.token_expired"


def test_a_token_whose_face_was_forgotten_is_of_no_use(api: APIClient, call: dict[str, Any]) -> None:
    token = passed(api)
    LivenessSession.objects.update(embedding=None)
    assert refusal_of(token, call) == "liveness.token_expired"


def test_a_session_and_its_token_are_decided_at_the_operating_point_of_the_client(
    api: APIClient, client_a: Client, call: dict[str, Any]
) -> None:
    nearly_red = (205, 30, 20)  # 0.07 from red; faces match up to 0.2
    image, token = base64.b64encode(frame(nearly_red)).decode(), passed(api)
    assert post(api, start(api), performance(), image=image).status_code == 200
    set_calibration(client=client_a, space="default", threshold=0.03)
    assert code_after(api, performance(), image=image) == "liveness.other_face"
    mixed = [*performance("centre", "turn_left"), *performance("centre", "turn_right", "centre", colour=nearly_red)]
    assert code_after(api, mixed) == "liveness.other_face"
    assert refusal_of(token, call, face=read_face(data=frame(nearly_red)).embeddings) == "liveness.token_other_face"
    redeem_token(token=token, **call)
