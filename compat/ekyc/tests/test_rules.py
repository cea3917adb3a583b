"""What the dialect does with bad input, policies and session tokens, with the fake engine."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from clients.models import Client, LivenessPolicy
from clients.services import create_api_key
from compat.ekyc.tests.wire import encoded
from liveness import tokens
from liveness.models import LivenessSession, Status
from liveness.services import start_session
from liveness.tests.pictures import frame
from people import services
from people.models import FaceTemplate, Person, ReferenceImage
from vision.engines import engines
from vision.tests.drawing import BLUE, GREEN, RED, picture

pytestmark = pytest.mark.django_db(transaction=True)
PURPOSES = {"/register-face": "enrol", "/face-otp": "verify", "/check-2-face": "compare"}


def post(api: APIClient, path: str, **body: Any) -> Any:
    return api.post(path, encoded(body), format="json")


def register(api: APIClient, image: bytes, **fields: Any) -> Any:
    body = {"people_id": "u1", "created_at": "1", "image": image, "is_live_check": False} | fields
    return post(api, "/register-face", **body)


def told(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["status"]


def nothing_stored() -> bool:
    return not any(model.objects.exists() for model in (Person, ReferenceImage, FaceTemplate))


def passed(client: Client, purpose: str, subject: str = "u1", source: str = "default", colour: Any = RED) -> str:
    """The token of a passed session."""
    session = start_session(client=client, purpose=purpose, subject=subject, source=source)
    space = engines["default"].space.name
    vector = (*(part / 255 for part in colour), 1.0)
    import numpy as np

    LivenessSession.objects.filter(pk=session.pk).update(
        status=Status.PASSED, token_id="t", space=space, embedding=np.asarray(vector, np.float32).tobytes(),
        passed_at=session.created_at,
    )  # fmt: skip
    return tokens.sign(token=tokens.Token(session.pk, "t"))


# ---- bad input --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "change",
    [
        {"people_id": None}, {"people_id": ""}, {"people_id": []}, {"people_id": True}, {"people_id": "x" * 513},
        {"people_id": "a\0"}, {"created_at": None}, {"created_at": {}}, {"source": {}},
        {"source": "x" * 101}, {"source": "blacklist"}, {"source": []}, {"image": None}, {"image": 7},
        {"image": "x"}, {"is_live_check": None}, {"is_live_check": "yes"}, {"is_live_check": 1}, {"liveness": {}},
        {"liveness": ["x"]}, {"is_live_check": True}, {"is_live_check": "TRUE", "liveness": []},
        {"created_at": "x" * 20_000}, {"meta_data": {"a": "x" * 20_000}},
    ],
    ids=lambda change: str(change)[:40],
)  # fmt: skip
def test_bad_registrations_store_nothing(api: APIClient, change: dict[str, Any]) -> None:
    response = register(api, **{"image": picture(RED)} | change)
    assert told(response) == (400, "INPUT_ERROR"), response.json()
    assert nothing_stored()


@pytest.mark.parametrize(("sent", "kept"), [(17, "17"), *[(name, name) for name in ("x" * 512, "'; --", "Ünï 🙂")]])
def test_odd_ids_are_ids(api: APIClient, sent: Any, kept: str) -> None:
    assert register(api, picture(RED), people_id=sent).json()["_id"] == kept
    [hit] = post(api, "/search", image=picture(RED)).json()["data"]
    assert hit["people_id"] == kept
    assert told(post(api, "/remove", people_id=sent)) == (200, "SUCCESS") and nothing_stored()


def test_later_generations_bodies_are_taken(api: APIClient) -> None:
    response = post(api, "/register-face", people_id="u1", image=picture(RED), meta_data={"a": [1]})
    assert (response.status_code, response.json()["meta_data"]) == (200, {"a": [1]})
    [hit] = post(api, "/search", image=picture(RED)).json()["data"]
    assert hit["meta_data"] == {"a": [1]} and hit["created_at"].isdigit()


def test_the_largest_face_counts(api: APIClient) -> None:
    import io

    from PIL import Image

    large, small = (Image.open(io.BytesIO(picture(colour, side=side))) for colour, side in ((RED, 80), (GREEN, 20)))
    both = Image.new("RGB", (large.width + small.width, large.height), (128, 128, 128))
    both.paste(small, (0, 0))
    both.paste(large, (small.width, 0))
    out = io.BytesIO()
    both.save(out, "PNG")
    register(api, out.getvalue())
    assert len(post(api, "/search", image=picture(RED)).json()["data"]) == 1
    assert post(api, "/search", image=picture(GREEN)).json()["data"] == []


def test_batch_of_two_sources_and_bad_items(api: APIClient, settings: Settings) -> None:
    register(api, picture(RED), source="s1")
    items = [{"image_id": "1", "image": picture(RED), "source": "s1"}, {"image_id": "2"}, {"image_id": "3", "image": 7}]
    data = post(api, "/api/v2/search", images=items).json()["data"]
    assert [(item["image_id"], len(item["match_faces"]), "error" in item) for item in data] == [
        ("1", 1, False), ("2", 0, True), ("3", 0, True),
    ]  # fmt: skip
    settings.MAX_BATCH_IMAGES = 2
    assert told(post(api, "/api/v2/search", images=items)) == (413, "INPUT_ERROR")
    for images in (None, "x", [1], [[]], {"a": 1}):
        assert told(post(api, "/api/v2/search", images=images)) == (400, "INPUT_ERROR")
    assert post(api, "/api/v3/search", images=items[:1]).json()["data"][0]["match_faces"]


def test_unexpected_errors_say_nothing(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: Any) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(services, "search_people", broken)
    api.raise_request_exception = False
    response = post(api, "/search", image=picture(RED))
    assert told(response) == (500, "ERROR") and response.json()["data"] == []
    assert "secret" not in response.content.decode()


@pytest.mark.parametrize("path", ["/search", "/search//", "/ekyc/search", "/ekyc//search/"])
def test_paths_in_other_forms(api: APIClient, path: str) -> None:
    assert told(post(api, path, image=picture(RED))) == (200, "SUCCESS")


def test_refused_callers_get_the_dialects_answer(api: APIClient, settings: Settings) -> None:
    assert told(post(APIClient(), "/search", image="x")) == (401, "ERROR")
    assert told(api.get("/search")) == (405, "ERROR")
    settings.ANONYMOUS_CLIENT = "older-programs"
    assert told(post(APIClient(), "/search", image=picture(RED))) == (200, "SUCCESS")


def test_another_clients_people_do_not_exist(api: APIClient, client_b: Client) -> None:
    register(api, picture(RED))
    other = APIClient(headers={"X-API-Key": create_api_key(client_name=client_b.name)[1]})
    assert post(other, "/search", image=picture(RED)).json()["data"] == []
    images = [{"image_id": "1", "image": picture(RED)}]
    assert post(other, "/api/v2/search", images=images).json()["data"][0]["match_faces"] == []
    claim = {"people_1": {"id": "u1"}, "people_2": picture(RED), "is_live_check": False}
    assert told(post(other, "/face-otp", **claim)) == (200, "PEOPLE_NOT_FOUND_ERROR")
    assert told(post(other, "/remove", people_id="u1")) == (200, "PEOPLE_NOT_FOUND_ERROR")
    assert Person.objects.count() == 1


def test_keys_need_the_scope(client_a: Client) -> None:
    reader = APIClient(headers={"X-API-Key": create_api_key(client_name=client_a.name, scopes=["people:search"])[1]})
    assert told(post(reader, "/search", image=picture(RED))) == (200, "SUCCESS")
    assert told(register(reader, picture(RED))) == (403, "ERROR") and nothing_stored()


# ---- policies ---------------------------------------------------------------------------------------------------
def test_request_cannot_switch_off_what_the_policy_demands(api: APIClient, client_a: Client) -> None:
    client_a.liveness_policy = LivenessPolicy.FRAMES
    client_a.save()
    response = register(api, picture(RED))
    assert told(response) == (400, "LIVENESS_FAIL") and response.json()["code"] == "liveness.frames_required"
    assert nothing_stored()
    pair = {"people_1": picture(RED), "people_2": picture(RED), "is_live_check": "false"}
    response = post(api, "/check-2-face", **pair)
    assert told(response) == (400, "LIVENESS_FAIL") and response.json()["compare_result"] is None
    frames = [frame(RED, pose=pose) for pose in (1, 2, 3)]
    assert post(api, "/check-2-face", **pair, people_2_liveness=frames).json()["is_live"] is True
    assert told(register(api, picture(RED), liveness=[frame(BLUE), frame(BLUE, pose=3)])) == (400, "LIVENESS_FAIL")
    assert told(register(api, picture(RED), liveness=frames)) == (200, "SUCCESS")


def test_presented_pictures_are_refused_where_they_can_be_told(antispoof: None, api: APIClient) -> None:
    assert told(register(api, frame(RED, fake=True))) == (400, "LIVENESS_FAIL") and nothing_stored()
    assert told(register(api, frame(RED))) == (200, "SUCCESS")
    claim = {"people_1": {"id": "u1"}, "is_live_check": False}
    assert post(api, "/face-otp", **claim, people_2=frame(RED)).json()["is_live"] is True
    assert told(post(api, "/face-otp", **claim, people_2=frame(RED, fake=True))) == (400, "LIVENESS_FAIL")


def test_repeated_stills_are_no_living_person(api: APIClient) -> None:
    pair = {"people_1": picture(RED), "people_2": picture(RED), "is_live_check": True}
    answer = post(api, "/check-2-face", **pair, people_2_liveness=[frame(RED)] * 4).json()
    assert (answer["compare_result"], answer["is_live"]) == ("MATCH", False)
    assert "liveness.repeated" in answer["liveness_reasons"]


# ---- tokens -----------------------------------------------------------------------------------------------------
def call(api: APIClient, path: str, token: str, image: bytes | None = None) -> Any:
    image = image or picture(RED)
    if path == "/register-face":
        return register(api, image, is_live_check=True, liveness_token=token)
    known = {"id": "u1"} if path == "/face-otp" else image
    body = {"people_1": known, "people_2": image, "is_live_check": True, "liveness_subject": "u1"}
    return post(api, path, **body, liveness_token=token)


@pytest.mark.parametrize("path", PURPOSES)
def test_token_stands_for_frames_once(api: APIClient, client_a: Client, path: str) -> None:
    if path == "/face-otp":
        register(api, picture(RED))
    source = "" if path == "/check-2-face" else "default"
    token = passed(client_a, PURPOSES[path], source=source)
    answer = call(api, path, token)
    assert told(answer) == (200, "SUCCESS"), answer.json()
    assert path == "/register-face" or answer.json()["is_live"] is True
    again = call(api, path, token)
    assert told(again) == (400, "LIVENESS_FAIL") and again.json()["code"] == "liveness.token_used"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"purpose": "verify"}, "liveness.token_wrong_purpose"),
        ({"subject": "u2"}, "liveness.token_wrong_subject"),
        ({"source": "s1"}, "liveness.token_wrong_subject"),
        ({"colour": BLUE}, "liveness.token_other_face"),
    ],
)
def test_token_for_something_else_stores_nothing(
    api: APIClient, client_a: Client, change: dict[str, Any], code: str
) -> None:
    response = call(api, "/register-face", passed(client_a, **{"purpose": "enrol"} | change))
    assert told(response) == (400, "LIVENESS_FAIL") and response.json()["code"] == code
    assert nothing_stored()


def test_foreign_expired_and_invented_tokens_store_nothing(
    api: APIClient, client_a: Client, client_b: Client, settings: Settings
) -> None:
    codes = [call(api, "/register-face", token).json()["code"] for token in (passed(client_b, "enrol"), "x", "x:y:z")]
    assert codes == ["liveness.not_found", "liveness.token_invalid", "liveness.token_invalid"]
    settings.LIVENESS_TOKEN_SECONDS = -1
    assert call(api, "/register-face", passed(client_a, "enrol")).json()["code"] == "liveness.token_expired"
    assert nothing_stored()


def test_failed_registration_leaves_the_token_good(
    api: APIClient, client_a: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from faceapp.exceptions import Unavailable
    from people import enrolment

    def full(**_: Any) -> None:
        raise Unavailable("The storage is full.")

    token = passed(client_a, "enrol")
    with monkeypatch.context() as broken:
        broken.setattr(enrolment, "add_reference_image", full)
        assert told(call(api, "/register-face", token)) == (503, "ERROR") and nothing_stored()
    assert told(call(api, "/register-face", token)) == (200, "SUCCESS")


def test_tokens_for_the_native_endpoints(api: APIClient, client_a: Client) -> None:
    image = "data:image/png;base64," + base64.b64encode(picture(RED)).decode()

    def token(purpose: str) -> str:
        return passed(client_a, purpose, source="" if purpose == "compare" else "default")

    new = {"external_id": "u1", "source": "default", "image": image, "liveness_token": token("enrol")}
    person = api.post("/api/v1/people/", new, format="json")
    assert person.status_code == 201, person.json()
    path = f"/api/v1/people/{person.json()['id']}"
    assert (
        api.post("/api/v1/people/", new | {"on_existing": "add"}, format="json").json()["code"] == "liveness.token_used"
    )
    more = {"image": image, "liveness_token": token("enrol")}
    assert [api.post(f"{path}/images", more, format="json").status_code for _ in range(2)] == [201, 400]
    claim = {"image": image, "liveness_token": token("verify")}
    assert [api.post(f"{path}/verify", claim, format="json").status_code for _ in range(2)] == [200, 400]
    pair = {"image": image, "images": [image], "liveness_token": token("compare"), "liveness_subject": "u1"}
    assert [api.post("/api/v1/compare/", pair, format="json").status_code for _ in range(2)] == [200, 400]
    assert ReferenceImage.objects.count() == 2
