"""Tokens of liveness sessions, wherever an image is taken: in the dialect and in the native API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as deployment
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from clients.models import Client, LivenessPolicy
from compat.ekyc.tests.wire import encoded
from errors import Unavailable
from liveness.models import LivenessSession
from liveness.tests.passing import token_for
from liveness.tests.pictures import frame
from people import enrolment
from people.models import FaceTemplate, Person, ReferenceImage
from vision.tests.drawing import BLUE, RED, picture

pytestmark = pytest.mark.django_db
Call = Callable[[APIClient, str, bytes], tuple[int, str]]
NATIVE = "/api/v1/"


def post(api: APIClient, path: str, **body: Any) -> tuple[int, str]:
    """HTTP status, and the code of a refusal or nothing."""
    response = api.post(path, encoded(body), format="json")
    answer = response.json()
    return response.status_code, answer.get("code", "")


def register(api: APIClient, token: str, image: bytes, **fields: Any) -> tuple[int, str]:
    body = {"people_id": "u1", "created_at": "1", "is_live_check": True, "liveness_token": token} | fields
    return post(api, "/register-face", image=image, **body)


def enrol(api: APIClient, token: str, image: bytes) -> tuple[int, str]:
    fields = {"external_id": "u1", "source": "default", "on_existing": "add", "face_choice": "largest"}
    return post(api, f"{NATIVE}people/", image=image, liveness_token=token, **fields)


def add_image(api: APIClient, token: str, image: bytes) -> tuple[int, str]:
    body = {"image": image, "liveness_token": token, "face_choice": "largest"}
    return post(api, f"{NATIVE}people/{enrolled().number}/images/", **body)


def otp_with_id(api: APIClient, token: str, image: bytes) -> tuple[int, str]:
    body = {"people_2": image, "is_live_check": True, "liveness_token": token}
    return post(api, "/face-otp", people_1={"id": "u1"}, **body)


def verify(api: APIClient, token: str, image: bytes) -> tuple[int, str]:
    return post(api, f"{NATIVE}people/{enrolled().number}/verify", image=image, liveness_token=token)


def otp_with_image(api: APIClient, token: str, image: bytes) -> tuple[int, str]:
    body = {"people_2": image, "is_live_check": True, "liveness_token": token, "liveness_subject": "u1"}
    return post(api, "/face-otp", people_1={"image": image}, **body)


def check_two(api: APIClient, token: str, image: bytes) -> tuple[int, str]:
    body = {"people_2": image, "is_live_check": True, "liveness_token": token, "liveness_subject": "u1"}
    return post(api, "/check-2-face", people_1=image, **body)


def compare(api: APIClient, token: str, image: bytes) -> tuple[int, str]:
    body = {"images": [image], "liveness_token": token, "liveness_subject": "u1"}
    return post(api, f"{NATIVE}compare/", image=image, **body)


PURPOSES: dict[Call, tuple[str, str]] = {  # purpose and source that each call asks of a session
    register: ("enrol", "default"), enrol: ("enrol", "default"), add_image: ("enrol", "default"),
    otp_with_id: ("verify", "default"), verify: ("verify", "default"),
    otp_with_image: ("compare", ""), check_two: ("compare", ""), compare: ("compare", ""),
}  # fmt: skip
STORING = (register, enrol, add_image)
every_call = pytest.mark.parametrize("call", PURPOSES, ids=lambda call: call.__name__)


def enrolled() -> Person:
    return Person.objects.get(external_id="u1")


@pytest.fixture
def known(api: APIClient) -> None:
    """u1 is there, with a red and a blue face, so that every call gets as far as its token."""
    for colour in (RED, BLUE):
        body = {"external_id": "u1", "source": "default", "on_existing": "add", "image": picture(colour)}
        assert post(api, f"{NATIVE}people/", **body)[0] in (200, 201)


def token_of(client: Client, call: Call, **changes: str) -> str:
    purpose, source = PURPOSES[call]
    return token_for(client, **({"purpose": purpose, "subject": "u1", "source": source} | changes))  # type: ignore[arg-type]


def stored() -> tuple[int, int, int, int]:
    files = sum(file.is_file() for file in deployment.MEDIA_ROOT.rglob("*"))
    return Person.objects.count(), ReferenceImage.objects.count(), FaceTemplate.objects.count(), files


@pytest.mark.usefixtures("known")
@every_call
def test_a_token_is_good_once(api: APIClient, client_a: Client, call: Call) -> None:
    token = token_of(client_a, call)
    assert call(api, token, picture(RED))[0] in (200, 201)
    before = stored()
    assert call(api, token, picture(RED)) == (400, "liveness.token_used")
    assert stored() == before


@pytest.mark.usefixtures("known")
@every_call
def test_a_token_that_vouches_for_something_else_is_refused(
    api: APIClient, client_a: Client, client_b: Client, call: Call, settings: Settings
) -> None:
    other = 404 if call in (enrol, add_image, verify, compare) else 400
    before = stored()
    good = token_of(client_a, call)
    for token, answer in (
        (token_of(client_a, call, purpose="payment"), (400, "liveness.token_wrong_purpose")),
        (token_of(client_a, call, subject="u2"), (400, "liveness.token_wrong_subject")),
        (token_of(client_a, call, source="elsewhere"), (400, "liveness.token_wrong_subject")),
        (token_of(client_b, call), (other, "liveness.not_found")),
        ("nonsense", (400, "liveness.token_invalid")),
    ):
        assert call(api, token, picture(RED)) == answer
    assert call(api, good, picture(BLUE)) == (400, "liveness.token_other_face")
    settings.LIVENESS_TOKEN_SECONDS = -1
    assert call(api, good, picture(RED)) == (400, "liveness.token_expired")
    assert stored() == before and not LivenessSession.objects.exclude(redeemed_at=None).exists()


@pytest.mark.parametrize("call", [register, enrol], ids=lambda call: call.__name__)
def test_a_refused_token_makes_nobody(api: APIClient, client_a: Client, call: Call) -> None:
    token = token_of(client_a, call, subject="u2")
    assert call(api, token, picture(RED)) == (400, "liveness.token_wrong_subject")
    assert stored() == (0, 0, 0, 0)


def full(**_: Any) -> None:
    raise Unavailable("The storage is full.", code="storage.full")


def test_a_registration_that_fails_leaves_the_token_good(
    api: APIClient, client_a: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = token_of(client_a, register)
    assert register(api, token, picture()) == (400, "face.none")
    assert register(api, token, picture(RED), people_id="") == (400, "ekyc.bad_arguments")
    with monkeypatch.context() as patch:
        patch.setattr(enrolment, "save_reference_images", full)
        assert register(api, token, picture(RED)) == (503, "storage.full") and stored() == (0, 0, 0, 0)
    assert register(api, token, picture(RED)) == (200, "")


@pytest.mark.usefixtures("known")
def test_faces_that_do_not_match_leave_the_token_good(api: APIClient, client_a: Client) -> None:
    token = token_of(client_a, otp_with_id)
    body = {"people_1": {"id": "u1"}, "is_live_check": True, "liveness_token": token}
    answer = api.post("/face-otp", encoded(body | {"people_2": picture((20, 200, 40))}), format="json").json()
    assert (answer["compare_result"], answer["is_live"]) == ("DO_NOT_MATCH", None)
    answer = api.post("/face-otp", encoded(body | {"people_2": picture(RED)}), format="json").json()
    assert (answer["compare_result"], answer["is_live"]) == ("MATCH", True)


def test_a_token_is_what_a_policy_of_frames_demands(api: APIClient, client_a: Client) -> None:
    Client.objects.update(liveness_policy=LivenessPolicy.FRAMES)
    assert register(api, "", picture(RED), is_live_check=False) == (400, "liveness.frames_required")
    token = token_of(client_a, register)
    assert register(api, token, picture(RED), is_live_check=False) == (200, "")
    assert register(api, token, picture(RED), is_live_check=False) == (400, "liveness.token_used")


@pytest.mark.usefixtures("antispoof")
@pytest.mark.parametrize("call", [register, enrol, check_two], ids=lambda call: call.__name__)
def test_a_token_does_not_make_a_picture_of_a_face_a_face(api: APIClient, client_a: Client, call: Call) -> None:
    token = token_of(client_a, call)
    assert call(api, token, frame(RED, fake=True)) == (400, "liveness.spoof")
    assert stored() == (0, 0, 0, 0)
    assert call(api, token, frame(RED))[0] in (200, 201)
