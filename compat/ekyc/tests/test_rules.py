"""The dialect's rules, with pictures of squares: fast, and without model weights."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.checks import Error
from PIL import Image
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from albums import services as albums
from albums.models import AlbumFace
from clients.models import Client, LivenessPolicy
from clients.services import create_api_key
from compat.ekyc.checks import check_ekyc
from compat.ekyc.tests.wire import encoded, text
from liveness.tests.pictures import frame
from people.exceptions import PersonNotFound
from people.models import FaceTemplate, Gallery, GalleryKind, Person, ReferenceImage
from vision import inference
from vision.exceptions import EngineUnavailable
from vision.tests.drawing import BLUE, DIM, GREEN, RED, picture
from vision.types import Upload
from work.submissions import read_submission

pytestmark = pytest.mark.django_db
PATHS = ("/check-2-face", "/face-otp", "/register-face", "/search", "/api/v2/search", "/api/v3/search", "/remove")


def post(api: APIClient, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
    response = api.post(path, json.dumps(encoded(body)), content_type="application/json")
    return response.status_code, response.json()


def refusal(api: APIClient, path: str, **body: Any) -> tuple[int, str, str]:
    """HTTP status, the dialect's text, and this service's code."""
    status, answer = post(api, path, **body)
    assert answer["msg"] and answer["message"]
    return status, answer["status"], answer["code"]


def register(api: APIClient, image: bytes, people_id: Any = "u1", **fields: Any) -> tuple[int, dict[str, Any]]:
    body = {"people_id": people_id, "created_at": "02/01/2021", "image": image, "is_live_check": False} | fields
    return post(api, "/register-face", **body)


def found(api: APIClient, image: bytes, **fields: Any) -> list[str]:
    return [hit["people_id"] for hit in post(api, "/search", image=image, **fields)[1]["data"]]


def nothing_stored() -> bool:
    return not (Person.objects.exists() or ReferenceImage.objects.exists() or FaceTemplate.objects.exists())


# ---- who calls --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", PATHS)
def test_a_key_is_asked_for_and_get_is_refused(api: APIClient, path: str) -> None:
    response = APIClient().post(path, {}, format="json")
    assert (response.status_code, response.json()["status"], response.json()["code"]) == (401, "ERROR", "auth.required")
    response = api.get(path, headers={"Accept": "text/html"})
    assert (response.status_code, response.json()["status"]) == (405, "ERROR")


def test_scopes_are_those_of_people(client_a: Client) -> None:
    key = create_api_key(client_name=client_a.name, scopes=["people:search"])[1]
    api = APIClient(headers={"X-API-Key": key})
    assert post(api, "/search", image=picture(RED))[0] == 200
    for path in ("/register-face", "/remove"):
        assert refusal(api, path) == (403, "ERROR", "auth.missing_scope")


def test_failed_verifications_of_a_person_are_limited(api: APIClient, settings: Settings) -> None:
    settings.VERIFY_FAILURES = 2
    register(api, picture(RED))

    def claim(colour: tuple[int, int, int]) -> tuple[int, Any]:
        status, answer = post(api, "/face-otp", people_1={"id": "u1"}, people_2=picture(colour), is_live_check=False)
        return status, answer["compare_result"]

    assert [claim(colour) for colour in (RED, BLUE, RED, BLUE)] == [(200, "MATCH"), (200, "DO_NOT_MATCH")] * 2
    assert [claim(colour) for colour in (BLUE, RED)] == [(429, None)] * 2


def test_the_anonymous_client_needs_no_key(client_a: Client, settings: Settings) -> None:
    settings.ANONYMOUS_CLIENT = client_a.name
    assert register(APIClient(), picture(RED))[0] == 200
    assert found(APIClient(), picture(RED)) == ["u1"]


def test_clients_do_not_see_each_other(api: APIClient, client_b: Client) -> None:
    register(api, picture(RED))
    other = APIClient(headers={"X-API-Key": create_api_key(client_name=client_b.name)[1]})
    assert found(other, picture(RED)) == []
    [item] = post(other, "/api/v2/search", images=[{"image_id": "1", "image": picture(RED)}])[1]["data"]
    assert item["match_faces"] == []
    missing = (200, "PEOPLE_NOT_FOUND_ERROR", PersonNotFound.code)
    assert refusal(other, "/remove", people_id="u1") == missing
    body = {"people_1": {"id": "u1"}, "people_2": picture(RED), "is_live_check": False}
    assert refusal(other, "/face-otp", **body) == missing
    assert found(api, picture(RED)) == ["u1"]


@pytest.mark.parametrize("path", ["/search/", "//search", "/ekyc/search", "/ekyc//search/", "/api/v2/search/"])
def test_every_form_of_a_path_answers(api: APIClient, path: str) -> None:
    body = {"image": text(picture(RED)), "images": []}
    response = api.post(f"http://testserver{path}", body, format="json")
    assert (response.status_code, response.json()["data"]) == (200, [])


# ---- bad input --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/check-2-face", {"people_1", "people_2", "is_live_check"}),
        ("/face-otp", {"people_1", "people_2", "is_live_check"}),
        ("/register-face", {"people_id", "created_at", "image", "is_live_check"}),
        ("/search", {"image"}),
        ("/api/v2/search", {"images"}),
        ("/remove", {"people_id"}),
    ],
)
def test_missing_arguments_are_named_all_at_once(api: APIClient, path: str, fields: set[str]) -> None:
    status, answer = post(api, path)
    assert (status, answer["status"], answer["code"]) == (400, "INPUT_ERROR", "ekyc.bad_arguments")
    assert set(answer["message"]) == fields and nothing_stored()


@pytest.mark.parametrize(
    "change",
    [
        {"people_id": ""}, {"people_id": True}, {"people_id": ["u1"]}, {"people_id": "u\0"}, {"people_id": "x" * 513},
        {"people_id": "\ud800"},
        {"source": ["s1"]}, {"source": {}}, {"source": "s" * 101},
        {"created_at": None}, {"created_at": []}, {"created_at": "9" * 20_000},
        {"meta_data": {"a": "x" * 20_000}}, {"is_live_check": "TRUE", "liveness": []},
        {"is_live_check": "maybe"}, {"is_live_check": 1}, {"is_live_check": True, "liveness": ["%%"]},
        {"liveness": {"a": 1}}, {"liveness": [None]}, {"image": 17}, {"image": "x"}, {"image": "file:///etc/passwd"},
    ],
    ids=lambda change: ",".join(change),
)  # fmt: skip
def test_a_bad_registration_is_refused_and_leaves_nothing(api: APIClient, change: dict[str, Any]) -> None:
    body = {"people_id": "u1", "created_at": "1", "image": picture(RED), "is_live_check": False} | change
    assert refusal(api, "/register-face", **body)[:2] == (400, "INPUT_ERROR")
    assert nothing_stored()


def test_a_refused_registration_keeps_the_earlier_face(api: APIClient) -> None:
    register(api, picture(RED))
    assert register(api, picture())[0] == 400
    assert register(api, picture(BLUE), is_live_check=True, liveness=[frame(RED), frame(RED, pose=1)])[0] == 400
    assert (found(api, picture(RED)), found(api, picture(BLUE))) == (["u1"], [])


@pytest.mark.parametrize("people_id", ["x" * 512, "'; --", "Ünï 🙂", '"', " "])
def test_odd_ids_are_ids(api: APIClient, people_id: str) -> None:
    assert register(api, picture(RED), people_id)[1]["_id"] == people_id
    assert found(api, picture(RED)) == [people_id]
    assert post(api, "/remove", people_id=people_id)[1]["status"] == "SUCCESS" and nothing_stored()


def test_numbers_are_texts(api: APIClient) -> None:
    _, answer = register(api, picture(RED), people_id=17, created_at=1605606237, source=5)
    assert (answer["_id"], answer["created_at"], answer["source"]) == ("17", "1605606237", "5")
    _, answer = post(api, "/api/v2/search", images=[{"image_id": 1.5, "image": picture(RED), "source": 5}])
    assert [(item["image_id"], len(item["match_faces"])) for item in answer["data"]] == [("1.5", 1)]
    assert post(api, "/remove", people_id=17, source=5)[1]["status"] == "SUCCESS"


def test_the_largest_face_counts(api: APIClient) -> None:
    small, large = Image.open(io.BytesIO(picture(BLUE))), Image.open(io.BytesIO(picture(RED, side=80)))
    both = Image.new("RGB", (240, 160), (128, 128, 128))
    both.paste(small, (0, 0))
    both.paste(large, (80, 0))
    buffer = io.BytesIO()
    both.save(buffer, "PNG")
    register(api, buffer.getvalue())
    assert (found(api, picture(RED)), found(api, picture(BLUE))) == (["u1"], [])


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "1", "I;16"])
def test_images_of_every_mode_are_decoded(api: APIClient, mode: str) -> None:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(picture(RED))).convert(mode if mode != "I;16" else "I").convert(mode).save(
        buffer, "JPEG" if mode == "CMYK" else "PNG"
    )
    status, answer = post(api, "/search", image=buffer.getvalue())
    coloured = mode in {"P", "RGBA", "CMYK"}
    assert (status, answer["status"]) == (200, "SUCCESS" if coloured else "NO_FACE_ERROR")
    assert answer["data"] == []


def test_batches_are_bounded_and_bad_items_fail_alone(api: APIClient, settings: Settings) -> None:
    settings.MAX_BATCH_IMAGES = 3
    many = [{"image_id": str(number), "image": "x"} for number in range(4)]
    assert refusal(api, "/api/v2/search", images=many) == (413, "INPUT_ERROR", "ekyc.too_many_images")
    frames = {"is_live_check": True, "people_2_liveness": [frame(RED, pose=number) for number in range(4)]}
    body = {"people_1": picture(RED), "people_2": picture(RED)} | frames
    assert refusal(api, "/check-2-face", **body) == (413, "INPUT_ERROR", "ekyc.too_many_images")
    odd = [{"image_id": "a", "image": 5}, {"image_id": "b"}, {"image_id": "c", "image": picture()}]
    status, answer = post(api, "/api/v2/search", images=odd)
    assert (status, [bool(item["error"]) for item in answer["data"]]) == (200, [True] * 3)
    for images in (None, "x", [1], [[]], {"a": 1}):
        assert refusal(api, "/api/v2/search", images=images)[:2] == (400, "INPUT_ERROR")


def test_an_outage_is_told_in_the_dialect(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def out_of_order(*_: Any, **__: Any) -> None:
        raise EngineUnavailable("No worker answered in time.", code="engine.timeout")

    monkeypatch.setattr(inference, "analyse", out_of_order)
    assert refusal(api, "/search", image=picture(RED)) == (503, "ERROR", "engine.timeout")
    assert post(api, "/search", image=picture(RED))[1]["data"] == []


def test_our_mistakes_stay_ours(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(inference, "analyse", broken)
    api.raise_request_exception = False
    response = api.post("/search", {"image": text(picture(RED))}, format="json")
    assert (response.status_code, response.json()["status"], response.json()["data"]) == (500, "ERROR", [])
    assert "secret" not in response.content.decode()


# ---- registrations ----------------------------------------------------------------------------------------------
def test_the_later_generations_bodies_are_taken(api: APIClient) -> None:
    meta = {"name": "x", "tags": [1, None]}
    body = {"people_id": "u1", "image": picture(RED), "meta_data": meta, "unknown": {"field": 1}}
    status, answer = post(api, "/register-face", **body)
    assert (status, answer["people_id"], answer["meta_data"]) == (200, "u1", meta)
    [hit] = post(api, "/search", image=picture(RED))[1]["data"]
    assert hit["meta_data"] == meta and hit["created_at"].isdigit()


@pytest.mark.parametrize("source", [{}, {"source": "default"}, {"source": ""}])
def test_people_enrolled_natively_are_found_and_removed_here(api: APIClient, source: dict[str, str]) -> None:
    body = {"external_id": "u1", "image": text(picture(RED))}
    assert api.post("/api/v1/people/", body, format="json").status_code == 201
    [hit] = post(api, "/search", image=picture(RED), **source)[1]["data"]
    assert (hit["people_id"], hit["source"]) == ("u1", "default")
    [item] = post(api, "/api/v2/search", images=[{"image_id": "1", "image": picture(RED)} | source])[1]["data"]
    assert [hit["people_id"] for hit in item["match_faces"]] == ["u1"]
    otp = {"people_1": {"id": "u1"} | source, "people_2": picture(RED), "is_live_check": False}
    assert post(api, "/face-otp", **otp)[1]["compare_result"] == "MATCH"
    assert register(api, picture(GREEN), **source)[1]["source"] == "default"  # the same person
    assert post(api, "/remove", people_id="u1", **source)[1]["source"] == "default"
    assert nothing_stored()


def test_default_means_the_default_gallery_under_any_name(api: APIClient, client_a: Client) -> None:
    register(api, picture(RED), source="default")
    Gallery.objects.filter(client=client_a).update(name="customers")
    assert found(api, picture(RED)) == found(api, picture(RED), source="default") == ["u1"]
    assert found(api, picture(RED), source="customers") == ["u1"]
    assert post(api, "/remove", people_id="u1", source="default")[1]["source"] == "customers"


def test_the_gate_is_off_unless_it_is_wanted(api: APIClient, settings: Settings) -> None:
    assert register(api, picture(RED))[0] == 200
    settings.EKYC_QUALITY_GATE = "strict"
    status, answer = register(api, picture(GREEN), "u2")
    assert (status, answer["status"]) == (400, "INPUT_ERROR") and answer["code"].startswith("quality.")
    assert found(api, picture(GREEN)) == []


def test_blacklisted_people_are_nobody_here(api: APIClient, client_a: Client) -> None:
    blacklist = Gallery.objects.default_of(client_a, GalleryKind.BLACKLIST)
    Person.objects.create(client=client_a, gallery=blacklist, external_id="u9")
    assert refusal(api, "/remove", people_id="u9", source=blacklist.name)[1] == "PEOPLE_NOT_FOUND_ERROR"
    body = {"people_1": {"id": "u9"}, "people_2": picture(RED), "is_live_check": False}
    assert refusal(api, "/face-otp", **body)[1] == "PEOPLE_NOT_FOUND_ERROR"
    assert Person.objects.count() == 1


def test_removal_erases_rows_and_files(api: APIClient, settings: Settings) -> None:
    register(api, picture(RED))
    assert any(file.is_file() for file in settings.MEDIA_ROOT.rglob("*"))
    post(api, "/remove", people_id="u1")
    assert nothing_stored() and not any(file.is_file() for file in settings.MEDIA_ROOT.rglob("*"))


# ---- policies ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("asked", [False, "false"])
def test_a_request_does_not_switch_off_what_is_demanded(api: APIClient, client_a: Client, asked: Any) -> None:
    Client.objects.update(liveness_policy=LivenessPolicy.FRAMES)
    status, answer = register(api, frame(RED), is_live_check=asked)
    assert (status, answer["status"], answer["code"]) == (400, "LIVENESS_FAIL", "liveness.frames_required")
    assert nothing_stored()
    pair = {"people_1": frame(RED), "people_2": frame(RED, pose=1), "is_live_check": asked}
    assert refusal(api, "/check-2-face", **pair) == (400, "LIVENESS_FAIL", "liveness.frames_required")
    pair["people_1"] = {"image": pair["people_1"]}
    assert refusal(api, "/face-otp", **pair)[1] == "LIVENESS_FAIL"
    frames = [frame(RED, pose=number) for number in (2, 3)]
    assert post(api, "/face-otp", people_2_liveness=frames, **pair)[1]["is_live"] is True
    assert register(api, frame(RED), is_live_check=asked, liveness=frames)[0] == 200


@pytest.mark.usefixtures("antispoof")
def test_presented_pictures_are_refused_without_being_asked_about(api: APIClient) -> None:
    status, answer = register(api, frame(RED, fake=True))
    assert (status, answer["status"], answer["code"]) == (400, "LIVENESS_FAIL", "liveness.spoof")
    assert nothing_stored()
    pair = {"people_1": frame(RED), "people_2": frame(RED, pose=1, fake=True), "is_live_check": False}
    assert refusal(api, "/check-2-face", **pair)[1:] == ("LIVENESS_FAIL", "liveness.spoof")
    assert register(api, frame(RED))[0] == 200
    claim = {"people_1": {"id": "u1"}, "is_live_check": False}
    assert post(api, "/face-otp", people_2=frame(RED, pose=2), **claim)[1]["is_live"] is True
    assert refusal(api, "/face-otp", people_2=pair["people_2"], **claim)[1:] == ("LIVENESS_FAIL", "liveness.spoof")


def test_one_still_again_and_again_is_not_live(api: APIClient) -> None:
    pair = {"people_1": frame(RED), "people_2": frame(RED, pose=1), "is_live_check": True}
    _, answer = post(api, "/check-2-face", people_2_liveness=[frame(RED, pose=2)] * 5, **pair)
    assert (answer["is_live"], answer["liveness_reasons"]) == (False, ["liveness.repeated"])


def test_the_number_of_frames_can_be_set(api: APIClient, settings: Settings) -> None:
    frames = [frame(RED, pose=2), frame(BLUE, pose=3), frame(BLUE, pose=4)]
    pair = {"people_1": frame(RED), "people_2": frame(RED, pose=1), "is_live_check": True, "people_2_liveness": frames}
    live = []
    for settings.EKYC_MIN_FRAMES in (0, 1, 2):
        live.append(post(api, "/check-2-face", **pair)[1]["is_live"])
    assert live == [False, True, False]


def test_settings_are_checked(settings: Settings) -> None:
    assert check_ekyc() == []
    settings.EKYC_QUALITY_GATE, settings.EKYC_MIN_FRAMES = "lax", -1
    problems = check_ekyc()
    assert [problem.id for problem in problems] == ["ekyc.E001", "ekyc.E002"]
    assert all(isinstance(problem, Error) and problem.hint for problem in problems)


def test_a_face_that_cannot_be_recognised_is_none(api: APIClient) -> None:
    fields = {"people_id": "u1", "created_at": "1", "source": "s", "is_live_check": False}
    assert post(api, "/register-face", image=picture(RED), **fields)[0] == 200
    dim, red = picture(DIM), picture(RED)
    calls: list[tuple[str, dict[str, Any]]] = [
        ("/check-2-face", {"people_1": dim, "people_2": dim, "is_live_check": False}),
        ("/check-2-face", {"people_1": red, "people_2": dim, "is_live_check": False}),
        ("/face-otp", {"people_1": {"id": "u1", "source": "s"}, "people_2": dim, "is_live_check": False}),
        ("/face-otp", {"people_1": {"image": dim}, "people_2": red, "is_live_check": False}),
        ("/search", {"image": dim, "source": "s"}),
    ]
    for path, body in calls:
        assert refusal(api, path, **body) == (200, "NO_FACE_ERROR", "face.not_recognisable"), path
    refused = refusal(api, "/register-face", image=dim, **fields)
    assert refused == (400, "NO_FACE_ERROR", "face.not_recognisable")
    status, answer = post(api, "/api/v2/search", source="s", images=[{"image_id": "1", "image": dim}])
    [item] = answer["data"]
    assert status == 200 and item["match_faces"] == [] and "cannot be recognised" in item["error"]
    frames = {"is_live_check": True, "people_2_liveness": [dim, dim, dim]}
    answer = post(api, "/check-2-face", people_1=red, people_2=red, **frames)[1]
    assert (answer["compare_result"], answer["is_live"]) == ("MATCH", False)


@pytest.mark.parametrize("everywhere", [False, True])
def test_removal_everywhere_is_a_setting(
    api: APIClient, client_a: Client, settings: Settings, redis_flush: None, everywhere: bool
) -> None:
    settings.EKYC_ERASE_EVERYWHERE = everywhere
    register(api, picture(RED))
    album = albums.create_album(client=client_a, name="x")
    [row] = albums.add_images(album=album, submissions=[read_submission(Upload(picture(RED), "a.png"))])
    albums.queue_image(image=row)
    post(api, "/remove", people_id="u1")
    assert AlbumFace.objects.exists() is not everywhere
