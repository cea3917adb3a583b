"""The routes, shapes and errors of DeepStack and CodeProject.AI."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.cache import cache
from django.test import Client as Browser
from pytest_django.fixtures import Settings

from clients.models import ApiKey, Client
from clients.services import create_api_key, make_path_token, revoke_api_key
from compat.deepstack.checks import check_deepstack
from compat.deepstack.tests.wire import PATH, Camera
from people.models import Person, ReferenceImage
from vision.tests.drawing import BLUE, DIM, GREEN, RED, data_url, picture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flush")]
BOX = {"x_min": 20, "y_min": 20, "x_max": 61, "y_max": 61}


@pytest.fixture(autouse=True)
def every_face_is_good_enough(settings: Settings) -> None:
    settings.QUALITY_GATE = "off"


@pytest.fixture
def camera(client_a: Client) -> Camera:
    return Camera.of(client_a)


def without_times(answer: dict[str, Any]) -> dict[str, Any]:
    times = {name: answer.pop(name) for name in ("duration", "inferenceMs", "processMs")}
    assert all(value >= 0 for value in times.values())
    return answer


def test_detection(camera: Camera) -> None:
    answer = without_times(camera.post("", picture(RED)))
    confidence = answer["predictions"][0].pop("confidence")
    assert 0 < confidence <= 1
    assert answer == {"success": True, "predictions": [BOX], "count": 1, "message": "Found 1 face", "code": 200}
    assert camera.post("", picture(RED, GREEN))["count"] == 2
    assert camera.post("", picture(RED), min_confidence="1")["count"] == (1 if confidence == 1 else 0)


def test_registration_recognition_and_deletion(camera: Camera) -> None:
    assert without_times(camera.register("Ada", picture(RED))) == {
        "success": True, "message": "face added", "code": 200,
    }  # fmt: skip
    assert camera.register("Ada", picture(RED, side=44))["message"] == "face updated"
    camera.register("Grace", picture(GREEN), picture(GREEN, side=44))
    answer = without_times(camera.post("recognize", picture(RED, BLUE)))
    known, stranger = answer["predictions"]
    assert (known["userid"], stranger["userid"], stranger["confidence"]) == ("Ada", "unknown", 0)
    assert 0.5 <= known["confidence"] <= 1
    assert {name: known[name] for name in BOX} == BOX
    assert (answer["count"], answer["message"]) == (2, "Found 2 faces")
    assert without_times(camera.post("list")) == {"success": True, "faces": ["Ada", "Grace"], "code": 200}
    assert camera.post("delete", userid="Ada")["success"] is True
    assert camera.userids(picture(RED)) == ["unknown"]
    assert not ReferenceImage.objects.filter(person__external_id="Ada").exists()


def test_two_images(camera: Camera) -> None:
    assert camera.post("match", picture(RED), picture(RED, side=44))["similarity"] >= 0.5
    assert camera.post("match", picture(RED), picture(BLUE))["similarity"] < 0.5


def test_a_person_below_the_operating_point_is_unknown_whatever_is_asked(camera: Camera) -> None:
    camera.register("Ada", picture(RED))
    assert camera.userids(picture(BLUE), min_confidence="0.01") == ["unknown"]
    assert camera.userids(picture(BLUE), min_confidence="-1") == ["unknown"]
    assert camera.userids(picture(RED), min_confidence="0.9") == ["Ada"]
    assert camera.userids(picture(RED), min_confidence="1") == ["unknown"]
    assert camera.userids(picture(DIM)) == ["unknown"]


def test_no_face_is_no_error_where_cameras_look_all_day(camera: Camera) -> None:
    for route in ("", "recognize"):
        answer = camera.post(route, picture())
        assert (answer["success"], answer["predictions"]) == (True, [])
        assert answer["message"] == "No face found in image"


def test_earlier_photographs_stay_or_are_replaced(camera: Camera, settings: Settings) -> None:
    camera.register("Ada", picture(RED))
    camera.register("Ada", picture(BLUE))
    assert ReferenceImage.objects.count() == 2
    settings.DEEPSTACK_REGISTER = "replace"
    camera.register("Ada", picture(GREEN))
    assert ReferenceImage.objects.count() == 1
    assert (camera.userids(picture(RED)), camera.userids(picture(GREEN))) == (["unknown"], ["Ada"])


def test_photographs_that_cannot_be_used_are_left_out(camera: Camera) -> None:
    answer = camera.register("Ada", picture(RED), picture(), picture(RED, BLUE))
    assert (answer["success"], len(answer["skipped"])) == (True, 2)
    assert camera.register("Bob", picture())["error_code"] == "face.none"
    assert camera.register("Bob", picture(RED, BLUE))["error_code"] == "face.several"
    assert not Person.objects.filter(external_id="Bob").exists()


def test_another_gallery(camera: Camera, settings: Settings) -> None:
    settings.DEEPSTACK_GALLERY = "cameras"
    camera.register("Ada", picture(RED))
    assert Person.objects.get().gallery.name == "cameras"
    settings.DEEPSTACK_GALLERY = ""
    assert camera.userids(picture(RED)) == ["unknown"]
    assert camera.post("list")["faces"] == []


def test_images_as_text_and_bodies_in_json(camera: Camera) -> None:
    text = base64.b64encode(picture(RED)).decode()
    assert camera.post("", image=text)["count"] == 1
    body = {"image": data_url(picture(RED)), "api_key": camera.key}
    answer = Browser().post(PATH, json.dumps(body), content_type="application/json")
    assert answer.json()["count"] == 1
    assert camera.post("", image="http://127.0.0.1/face.jpg")["success"] is False


def test_paths_with_a_prefix_a_slash_at_the_end_and_a_token(client_a: Client) -> None:
    row, key = create_api_key(client_name=client_a.name)
    token = make_path_token(key=row)
    for path in (f"/deepstack{PATH}/list", f"{PATH}/list/", f"/k/{token}{PATH}/list"):
        fields = {} if path.startswith("/k/") else {"admin_key": key}
        assert Browser().post(path, fields).json()["faces"] == [], path
    assert Browser().get(f"{PATH}/list", headers={"X-API-Key": key}).json()["faces"] == []


# ---- errors -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("route", "images", "fields", "error"),
    [
        ("", 0, {}, "No valid image file found"),
        ("recognize", 0, {}, "No valid image file found"),
        ("recognize", 1, {"min_confidence": "high"}, "Invalid value for min_confidence"),
        ("recognize", 1, {"min_confidence": "nan"}, "Invalid value for min_confidence"),
        ("recognize", 1, {"min_confidence": "1.5"}, "min_confidence cannot be greater than 1"),
        ("register", 1, {}, "userid not specified"),
        ("register", 1, {"userid": " "}, "userid not specified"),
        ("register", 1, {"userid": "unknown"}, "This userid stands for strangers."),
        ("register", 0, {"userid": "Ada"}, "No valid image file found"),
        ("delete", 0, {}, "userid not specified"),
        ("match", 1, {}, "expected two image files, only one found"),
        ("match", 3, {}, "only two images allowed"),
    ],
)
def test_what_cannot_be_answered(camera: Camera, route: str, images: int, fields: dict[str, str], error: str) -> None:
    answer = camera.post(route, *[picture(RED)] * images, **fields)
    assert camera.status == 400
    assert answer.pop("error_code").startswith("deepstack.")
    assert answer == {"success": False, "error": error, "code": 400}


def test_what_is_no_image(camera: Camera) -> None:
    for route, images in (("", 1), ("recognize", 1), ("match", 2), ("register", 1)):
        answer = camera.post(route, *[b"not an image"] * images, userid="Ada")
        assert (camera.status, answer["success"], answer["error_code"]) == (400, False, "image.not_an_image"), route
    assert camera.post("match", picture(RED), picture())["error_code"] == "face.none"


def test_names_of_every_kind(camera: Camera) -> None:
    for name in ("Zoë / ; & O'Neil", "x" * 512, "日本"):
        assert camera.register(name, picture(RED))["success"] is True
        assert name in camera.post("list")["faces"]
        camera.post("delete", userid=name)
    assert camera.register("x" * 513, picture(RED))["error_code"] == "person.bad_value"
    assert camera.register("a\0b", picture(RED))["error_code"] == "person.bad_value"
    assert camera.post("delete", userid="a\0b")["success"] is True


# ---- keys -------------------------------------------------------------------------------------------------------
def test_a_wrong_key_and_none(camera: Camera, settings: Settings) -> None:
    for wrong in (Camera("wrong.key"), Camera()):
        answer = wrong.post("list")
        assert (wrong.status, answer["success"], answer["error"]) == (401, False, "Incorrect api key")


def test_each_route_needs_its_scope(client_a: Client) -> None:
    scopes = {
        "": "detect", "recognize": "people:search", "register": "people:write", "list": "people:read",
        "delete": "people:write", "match": "people:match",
    }  # fmt: skip
    for route, scope in scopes.items():
        others = {"detect", "people:search", "people:write", "people:read"} - {scope}
        if scope == "people:match":
            others -= {"people:search"}  # which includes it
        refused, allowed = Camera.of(client_a, *others), Camera.of(client_a, scope)
        assert refused.post(route)["error_code"] == "auth.missing_scope", route
        allowed.post(route)
        assert allowed.status in (200, 400), route


def test_another_clients_people_are_neither_named_nor_erased(camera: Camera, client_b: Client) -> None:
    camera.register("Ada", picture(RED))
    other = Camera.of(client_b)
    assert other.userids(picture(RED)) == ["unknown"]
    assert other.post("delete", userid="Ada")["success"] is True
    assert camera.userids(picture(RED)) == ["Ada"]


@pytest.fixture
def keyless(client_a: Client, settings: Settings) -> ApiKey:
    row, _ = create_api_key(client_name=client_a.name, scopes=["people:search"])
    settings.DEEPSTACK_KEY, settings.DEEPSTACK_NETWORKS = row.prefix, ["10.1.0.0/16"]
    return row


def test_cameras_without_a_key_act_by_that_of_the_settings(keyless: ApiKey, camera: Camera) -> None:
    camera.register("Ada", picture(RED))
    inside, outside = Camera(address="10.1.2.3"), Camera(address="10.2.2.3")
    assert inside.userids(picture(RED)) == ["Ada"]
    assert inside.register("Bob", picture(BLUE))["error_code"] == "auth.missing_scope"
    outside.post("recognize", picture(RED))
    assert outside.status == 401
    assert ApiKey.objects.get(pk=keyless.pk).last_used_at


def test_a_page_of_another_site_needs_a_key(keyless: ApiKey) -> None:
    inside = Camera(address="10.1.2.3")
    assert inside.post("recognize", picture(RED), headers={"Origin": "https://evil.example"})["code"] == 401
    assert inside.post("recognize", picture(RED), headers={"Origin": "http://testserver"})["code"] == 200


def test_the_key_of_the_settings_can_end(keyless: ApiKey, settings: Settings) -> None:
    inside = Camera(address="10.1.2.3")
    revoke_api_key(key=keyless)
    assert inside.post("recognize", picture(RED))["code"] == 401
    cache.clear()
    settings.DEEPSTACK_KEY = "unknown1"
    assert inside.post("recognize", picture(RED))["code"] == 401
    settings.DEEPSTACK_NETWORKS = []
    assert inside.post("recognize", picture(RED))["code"] == 401


def test_settings_are_checked(settings: Settings) -> None:
    assert check_deepstack() == [] and configured.DEEPSTACK_REGISTER == "append"
    settings.DEEPSTACK_KEY, settings.DEEPSTACK_REGISTER = "abcd.secret", "forget"
    assert [problem.id for problem in check_deepstack()] == ["deepstack.E001", "deepstack.E002", "deepstack.E003"]
    settings.DEEPSTACK_KEY, settings.DEEPSTACK_REGISTER = "abcd", "replace"
    settings.DEEPSTACK_NETWORKS = ["10.0.0.0/8", "camera"]
    assert [problem.id for problem in check_deepstack()] == ["deepstack.E004"]
