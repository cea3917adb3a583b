"""The contract of DeepFace's API, check by check (DA-01 to DA-45), in process; with real faces in test_live."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from clients.models import Client, Scope
from clients.services import create_api_key
from compat.deepface_api.checks import check_deepface_api
from compat.deepface_api.tests.conftest import bearer
from people.models import Person, ReferenceImage
from vision.engines import engines
from vision.tests.drawing import BLUE, DIM, GREEN, RED, data_url, picture
from vision.types import Attributes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("servers")]

ROUTES = ("represent", "verify", "analyze", "register", "search", "build/index")
NO_TOKEN = {"message": "Invalid or missing authentication token", "code": "auth.required"}
FIELDS = {
    "id", "img_name", "model_name", "detector_backend", "aligned", "l2_normalized", "search_method", "target_x",
    "target_y", "target_w", "target_h", "threshold", "distance_metric", "distance", "confidence",
}  # fmt: skip


def call(api: APIClient, path: str, status: int = 200, **body: Any) -> Any:
    answer = api.post(path, body, format="json")
    assert answer.status_code == status, answer.content
    return answer.json()


def upload(*colours: tuple[int, int, int]) -> SimpleUploadedFile:
    return SimpleUploadedFile("a.png", picture(*colours), "image/png")


# ---- tokens -----------------------------------------------------------------------------------------------------
def test_da_01_a_token_is_a_key_after_the_word_bearer_in_any_case(client_a: Client) -> None:
    key = create_api_key(client_name=client_a.name)[1]
    for word in ("Bearer", "bearer", "BEARER"):
        assert APIClient(headers={"Authorization": f"{word} {key}"}).post("/build/index").status_code == 200
    for header in ({"X-API-Key": key}, {"Authorization": f"Api-Key {key}"}):
        assert APIClient(headers=header).post("/build/index").status_code == 200


@pytest.mark.parametrize("sent", ["", "Bearer", "Bearer wrong", "Bearer {key} more", "Basic {key}"])
def test_da_02_without_a_token_every_route_refuses(sent: str, client_a: Client) -> None:
    key = create_api_key(client_name=client_a.name)[1]
    for path in ROUTES:
        answer = APIClient(headers={"Authorization": sent.format(key=key)} if sent else {}).post(f"/deepface/{path}")
        assert (answer.status_code, answer.json()["message"]) == (401, NO_TOKEN["message"]), path


def test_da_03_without_a_token_only_programs_of_named_networks_are_served(settings: Settings) -> None:
    program, body = APIClient(), {"img": data_url(picture(RED))}
    assert call(program, "/represent", 401, **body) == NO_TOKEN
    settings.DEEPFACE_API_CLIENT = "deepface"
    assert call(program, "/represent", 401, **body) == NO_TOKEN
    assert [problem.id for problem in check_deepface_api()] == ["deepface_api.E001"]
    settings.DEEPFACE_API_NETWORKS = ["10.0.0.0/8", "127.0.0.1"]
    assert check_deepface_api() == []
    assert len(call(program, "/represent", **body)["results"]) == 1
    assert program.post("/register", body, headers={"Origin": "https://elsewhere.example"}).status_code == 401
    assert program.post("/register", body, REMOTE_ADDR="192.0.2.1").status_code == 401
    settings.DEEPFACE_API_NETWORKS = ["nowhere"]
    assert [problem.id for problem in check_deepface_api()] == ["deepface_api.E002"]


def test_da_04_pages_of_any_site_may_read_answers(api: APIClient) -> None:
    origin = {"Origin": "https://elsewhere.example"}
    asked = origin | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    for path in ("/represent", "/deepface/search"):
        assert Browser().options(path, headers=asked).headers["Access-Control-Allow-Origin"] in {"*", origin["Origin"]}
    assert api.post("/represent", headers=origin).headers["Access-Control-Allow-Origin"] in {"*", origin["Origin"]}


# ---- what is sent -----------------------------------------------------------------------------------------------
def test_da_10_to_13_images_as_text_as_file_and_in_forms(api: APIClient) -> None:
    plain = base64.b64encode(picture(RED)).decode()
    for text in (data_url(picture(RED)), plain):
        assert len(call(api, "/represent", img=text)["results"]) == 1
    for format_ in ("multipart", None):
        assert len(api.post("/represent", {"img": data_url(picture(RED))}, format=format_).json()["results"]) == 1
    form = f"img={plain.replace('+', '%2B')}"
    answer = api.post("/represent", form, content_type="application/x-www-form-urlencoded")
    assert len(answer.json()["results"]) == 1
    assert len(api.post("/represent", {"img": upload(RED, BLUE)}, format="multipart").json()["results"]) == 2


def test_da_14_with_a_file_both_images_are_files(api: APIClient) -> None:
    mixed = {"img1": upload(RED), "img2": data_url(picture(RED))}
    answer = api.post("/verify", mixed, format="multipart")
    assert (answer.status_code, answer.json()["exception"]) == (400, "Request form data doesn't have img2")
    both = {"img1": upload(RED), "img2": upload(RED)}
    assert api.post("/verify", both, format="multipart").json()["verified"] is True


def test_da_15_other_formats_are_read_too(api: APIClient) -> None:
    for kind in ("JPEG", "WEBP", "BMP"):
        image = "data:image/png;base64," + base64.b64encode(picture(RED, kind=kind)).decode()
        assert len(call(api, "/represent", img=image)["results"]) == 1


def test_da_16_the_text_false_of_a_form_is_false(api: APIClient) -> None:
    sent = {"img": upload(), "enforce_detection": "false", "anti_spoofing": "False"}
    answer = api.post("/represent", sent, format="multipart")
    assert (answer.status_code, len(answer.json()["results"])) == (200, 1)
    assert "either true or false" in call(api, "/represent", 400, img=data_url(picture(RED)), align="maybe")["error"]


# ---- answers ----------------------------------------------------------------------------------------------------
def test_da_20_represent_describes_each_face(api: APIClient) -> None:
    body = call(api, "/represent", img=data_url(picture(RED, BLUE)), max_faces=1)
    assert body["model_name"] == "Fake"
    [face] = body["results"]
    assert len(face["embedding"]) == 4 and face["face_confidence"] == 0.99
    assert face["facial_area"] == {
        "x": 20, "y": 20, "w": 41, "h": 41, "left_eye": [49, 34], "right_eye": [32, 34]
    }  # fmt: skip
    assert face["embedding"] == pytest.approx([220 / 255, 20 / 255, 20 / 255, 1], abs=1e-3)


@pytest.mark.parametrize("how", [{"enforce_detection": False}, {"detector_backend": "skip"}])
def test_da_21_a_whole_image_counts_as_a_face_if_that_is_asked_for(how: dict[str, Any], api: APIClient) -> None:
    [face] = call(api, "/represent", img=data_url(picture()), **how)["results"]
    area = {"x": 0, "y": 0, "w": 79, "h": 79, "left_eye": None, "right_eye": None}
    assert (face["facial_area"], face["face_confidence"], len(face["embedding"])) == (area, 0.0, 4)


def test_da_22_verify_finds_the_closest_pair(api: APIClient) -> None:
    body = call(api, "/verify", img1=data_url(picture(GREEN, RED)), img2=data_url(picture(BLUE, RED)))
    assert set(body) == {
        "verified", "distance", "threshold", "confidence", "model", "detector_backend", "similarity_metric",
        "facial_areas", "time",
    }  # fmt: skip
    assert body["verified"] is True and body["distance"] == 0 and body["confidence"] == 100
    assert (body["model"], body["detector_backend"], body["similarity_metric"]) == ("Fake", "squares", "euclidean")
    assert body["facial_areas"]["img1"]["x"] == body["facial_areas"]["img2"]["x"] == 100
    other = call(api, "/verify", img1=data_url(picture(GREEN)), img2=data_url(picture(BLUE)))
    assert other["verified"] is False and other["confidence"] < 50 and other["distance"] > other["threshold"]


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "euclidean_l2", "angular"])
def test_da_23_each_metric_has_a_threshold_of_its_own(metric: str, api: APIClient) -> None:
    images = {"img1": data_url(picture(RED)), "img2": data_url(picture(RED))}
    body = call(api, "/verify", **images, distance_metric=metric)
    assert body["similarity_metric"] == metric and body["threshold"] == engines["default"].space.thresholds[metric]


def test_da_24_only_age_and_gender_are_guessed_and_only_if_an_administrator_wants_it(
    api: APIClient, settings: Settings
) -> None:
    image = data_url(picture(RED))
    for actions in (["emotion"], "[age, race]", '["race"]', ["gender", "emotion"]):
        body = call(api, "/analyze", 400, img=image, actions=actions)
        assert body["error"].startswith("Exception while analyzing: This service does not guess"), actions
    assert "FACEAPP_AGE_AND_GENDER" in call(api, "/analyze", 400, img=image, actions=["age"])["error"]
    assert "Invalid action" in call(api, "/analyze", 400, img=image, actions=["wealth"])["error"]
    assert "Invalid action" in call(api, "/analyze", 400, img=image, actions=7)["error"]


def test_da_25_a_face_is_registered_once(api: APIClient) -> None:
    one = {"img": data_url(picture(RED)), "img_name": "red"}
    assert call(api, "/register", **one) == {"inserted": 1}
    assert call(api, "/register", **one) == {"inserted": 0}
    assert Person.objects.get().external_id == "red"
    brighter = data_url(picture((225, 20, 20)))
    assert call(api, "/register", img=brighter, img_name="red") == {"inserted": 1}
    assert Person.objects.get().reference_images.count() == 2


def test_da_25_several_faces_of_a_photograph_are_several_people_with_its_name(api: APIClient) -> None:
    for sent in ({"img_name": "team"}, {}):
        image = data_url(picture(GREEN, BLUE) if sent else picture(RED))
        count = 2 if sent else 1
        assert call(api, "/register", img=image, **sent) == {"inserted": count}
        assert call(api, "/register", img=image, **sent) == {"inserted": 0}
    assert {person.external_id for person in Person.objects.all()} == {None} and Person.objects.count() == 3
    [[hit]] = call(api, "/search", img=data_url(picture(BLUE)))["results"]
    assert hit["img_name"] == "team"
    [[hit]] = call(api, "/search", img=data_url(picture(RED)))["results"]
    assert hit["img_name"] is None


def test_da_26_search_answers_the_hits_of_each_face(api: APIClient) -> None:
    assert "Nothing has been registered" in call(api, "/search", 400, img=data_url(picture(RED)))["error"]
    call(api, "/register", img=data_url(picture(RED)), img_name="red")
    call(api, "/register", img=data_url(picture(BLUE)), img_name="blue")
    none, [hit] = call(api, "/search", img=data_url(picture(GREEN, RED)))["results"]
    assert none == [] and set(hit) == FIELDS
    number = ReferenceImage.objects.get(person__external_id="red").number
    assert (hit["id"], hit["img_name"], hit["distance"], hit["target_x"]) == (number, "red", 0, 100)
    [hits] = call(api, "/search", img=data_url(picture(RED)), similarity_search=True, k=2)["results"]
    assert [one["img_name"] for one in hits] == ["red", "blue"] and hits[1]["confidence"] < 50
    [hits] = call(api, "/search", img=data_url(picture(RED)), similarity_search="true", k="1")["results"]
    assert len(hits) == 1


def test_da_26_callers_who_may_not_read_people_learn_of_matches_only(api: APIClient, client_a: Client) -> None:
    call(api, "/register", img=data_url(picture(RED)), img_name="red")
    few, near = bearer(client_a, Scope.PEOPLE_SEARCH), data_url(picture((214, 24, 22)))
    assert call(few, "/search", 403, img=near, similarity_search=True)["error"].startswith("Exception while searching")
    [[hit]] = call(few, "/search", img=near)["results"]
    assert hit["distance"] == round(hit["distance"], 2)


def test_da_26_the_field_tells_whose_search_it_is(api: APIClient, client_a: Client) -> None:
    image, ekyc = data_url(picture(RED)), APIClient(headers={"X-API-Key": create_api_key(client_name=client_a.name)[1]})
    call(api, "/register", img=image, img_name="red")
    assert [hit["people_id"] for hit in call(ekyc, "/search", image=image)["data"]] == ["red"]
    assert call(api, "/search", img=image)["results"][0][0]["img_name"] == "red"
    assert api.post("/search", {"img": upload(RED)}, format="multipart").json()["results"][0][0]["img_name"] == "red"
    assert call(ekyc, "/search", 400)["status"] == "INPUT_ERROR"
    assert "exception" in call(api, "/deepface/search", 400, image=image)


def test_da_27_there_is_no_index_to_build(api: APIClient) -> None:
    assert call(api, "/build/index", model_name="Dlib") == {"message": "Index built successfully"}


def test_da_28_the_welcome_needs_no_token() -> None:
    answer = Browser().get("/deepface/")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"<h1>Welcome to DeepFace API" in answer.content
    assert Browser().get("/").json()["api"] == "/api/v1/"  # the service's own


# ---- refusals ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("path", "name"), [("represent", "img"), ("verify", "img1"), ("search", "img")])
def test_da_40_an_image_is_missing(path: str, name: str, api: APIClient) -> None:
    path = f"/deepface/{path}"
    assert call(api, path, 400, model_name="Dlib")["exception"] == (
        f"'{name}' not found in either json or form data request"
    )
    nothing = f"'{name}' not found in request in either json or form data"
    for sent in ({}, {"data": "x", "content_type": "text/plain"}):
        answer = api.post(path, **sent)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["exception"]) == (400, nothing)
    answer = api.post(path, {"other": upload(RED)}, format="multipart")
    assert answer.json()["exception"] == f"Request form data doesn't have {name}"
    assert "exception" in api.post(path, "{", content_type="application/json").json()


DOING = {
    "represent": "representing", "verify": "verifying", "analyze": "analyzing", "register": "registering",
    "search": "searching",
}  # fmt: skip


@pytest.mark.parametrize("path", DOING)
def test_da_41_names_that_nobody_knows(path: str, api: APIClient) -> None:
    image = data_url(picture(RED))
    images = {"img": image, "img1": image, "img2": image}
    body = call(api, f"/{path}", 400, **images, detector_backend="nope")
    assert body["error"] == f"Exception while {DOING[path]}: Invalid detector_backend passed - face_detector/nope"
    body = call(api, f"/{path}", 400, **images, model_name="Nope")
    assert body["error"] == f"Exception while {DOING[path]}: Invalid model_name passed - facial_recognition/Nope"
    assert "Traceback" not in json.dumps(body) and body["code"] == "engine.unknown"
    assert "k is a whole number" in call(api, "/search", 400, img=image, k=0)["error"]


def test_da_41_known_names_that_are_not_enabled_are_replaced(api: APIClient) -> None:
    images = {"img1": data_url(picture(RED)), "img2": data_url(picture(RED))}
    body = call(api, "/verify", **images, model_name="VGG-Face", detector_backend="retinaface")
    assert (body["model"], body["detector_backend"]) == ("Fake", "squares")


def test_da_42_paths_and_urls_are_refused(api: APIClient) -> None:
    for text in ("https://images.example/a.jpg", "/etc/hosts", "dataset/img1.jpg"):
        body = call(api, "/represent", 400, img=text)
        assert body["error"].startswith("Exception while representing: Confirm that the image exists."), text
        assert text not in body["error"]


@pytest.mark.usefixtures("antispoof")
def test_da_43_presented_pictures_are_refused(api: APIClient) -> None:
    glare = screen()
    for path in ("represent", "verify", "register"):
        images = {"img": glare, "img1": glare, "img2": glare}
        body = call(api, f"/{path}", 400, **images, anti_spoofing=True)
        assert body["error"] == f"Exception while {DOING[path]}: Spoof detected in the given image."
    assert len(call(api, "/represent", img=data_url(picture(RED)), anti_spoofing=True)["results"]) == 1


def screen() -> str:
    """A red face with the glare of a screen."""
    import io

    from PIL import Image, ImageDraw

    image = Image.open(io.BytesIO(picture(RED))).convert("RGB")
    ImageDraw.Draw(image).rectangle([24, 24, 30, 30], fill=(255, 255, 255))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return data_url(buffer.getvalue())


@pytest.mark.usefixtures("antispoof")
@pytest.mark.parametrize("policy", ["frames", "both"])
def test_a_clients_liveness_policy_cannot_be_passed_by(policy: str, api: APIClient, client_a: Client) -> None:
    """None of the calls carries frames."""
    Client.objects.filter(pk=client_a.pk).update(liveness_policy=policy)
    for image in (data_url(picture(RED)), data_url(picture(RED, BLUE))):
        for name in ("red", ""):
            body = call(api, "/register", 400, img=image, img_name=name)
            assert body["code"].startswith("liveness."), body
        assert call(api, "/verify", 400, img1=image, img2=image)["code"].startswith("liveness.")
    assert not Person.objects.exists()


@pytest.mark.parametrize("path", ["represent", "verify", "register"])
def test_da_44_no_face(path: str, api: APIClient) -> None:
    empty = data_url(picture())
    body = call(api, f"/{path}", 400, img=empty, img1=empty, img2=empty)
    assert body["error"].startswith(
        f"Exception while {DOING[path]}: Face could not be detected in base64 encoded string.Please confirm"
    )


def test_da_44_a_face_that_cannot_be_recognised_decides_nothing(api: APIClient) -> None:
    dim = data_url(picture(DIM))
    assert "Face could not be detected well enough" in call(api, "/verify", 400, img1=dim, img2=dim)["error"]
    assert "Face could not be detected well enough" in call(api, "/register", 400, img=dim)["error"]
    body = call(api, "/verify", img1=dim, img2=dim, enforce_detection=False)
    assert (body["verified"], body["distance"], body["confidence"]) == (False, 0, 0)


def test_da_45_other_methods(api: APIClient) -> None:
    assert {api.get(f"/{path}").status_code for path in ROUTES if path != "search"} == {405}
    assert api.get("/deepface/search").status_code == 405


def test_da_24_age_and_gender_in_deepfaces_words(
    api: APIClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.AGE_AND_GENDER = True
    guesses = [Attributes(31, "male", 0.9), None]  # None: a face without eyes
    monkeypatch.setattr("vision.engines.attributes.estimate", lambda image, faces: guesses[: len(faces)])
    man, unknown = call(api, "/analyze", img=data_url(picture(RED, BLUE)))["results"]
    assert (man["age"], man["gender"], man["dominant_gender"]) == (31, {"Woman": 10.0, "Man": 90.0}, "Man")
    assert man["region"]["x"] == 20 and man["face_confidence"] == 0.99
    assert (unknown["age"], unknown["gender"], unknown["dominant_gender"]) == (None, None, None)
    guesses[0] = Attributes(40, "female", 0.8)
    [woman] = call(api, "/analyze", img=data_url(picture(RED)), actions="[gender]")["results"]
    assert (woman["gender"], woman["dominant_gender"], "age" in woman) == ({"Woman": 80.0, "Man": 20.0}, "Woman", False)
    assert "Face could not be detected" in call(api, "/analyze", 400, img=data_url(picture()))["error"]
    assert call(api, "/analyze", img=data_url(picture()), enforce_detection=False) == {"results": []}
