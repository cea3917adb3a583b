"""How lenient the older service was about types, its neighbours, and its later generation."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from liveness.tests.pictures import frame
from vision.tests.drawing import BLUE, RED, data_url, picture

pytestmark = pytest.mark.django_db
RED_IMAGE, BLUE_IMAGE, NOBODY_IMAGE = data_url(picture(RED)), data_url(picture(BLUE)), data_url(picture())


@pytest.mark.parametrize(("value", "checked"), [(0, False), (1, True), (0.0, False), ("1", True), ("False", False)])
def test_flags_may_be_numbers(value: object, checked: bool, api: APIClient) -> None:
    body = {"people_1": RED_IMAGE, "people_2": RED_IMAGE, "is_live_check": value, "people_2_liveness": RED_IMAGE}
    answer = api.post("/check-2-face", body, format="json").json()
    assert (answer["status"], answer["is_live"] is not None) == ("SUCCESS", checked), answer


def test_a_single_text_or_object_is_a_list_of_one(api: APIClient) -> None:
    answer = api.post("/api/v2/search", {"images": {"image_id": "1", "image": RED_IMAGE}}, format="json").json()
    assert [item["image_id"] for item in answer["data"]] == ["1"]


def test_the_later_generation(api: APIClient) -> None:
    new = {"people_id": "u1", "meta_data": {"a": 1}, "image": RED_IMAGE}
    assert api.post("/register-face", new, format="json").json()["status"] == "SUCCESS"
    [hit] = api.post("/search", {"image": RED_IMAGE}, format="json").json()["data"]
    assert (hit["_id"], hit["people_id"], hit["meta_data"]) == ("u1", "u1", {"a": 1})
    pair = {"people_1": RED_IMAGE, "people_2": RED_IMAGE, "is_live_check": False}
    assert api.post("/api/v2/face-compare", pair, format="json").json()["compare_result"] == "MATCH"
    [face] = api.post("/face-detect", {"image": RED_IMAGE}, format="json").json()["data"]
    assert (face["x"], face["w"]) == (20, 41)
    assert api.post("/api/v1/delete", {"people_id": "u1"}, format="json").json()["status"] == "SUCCESS"
    assert api.post("/api/v1/delete", {"people_id": "u1"}, format="json").json()["status"] == "PEOPLE_NOT_FOUND_ERROR"


@pytest.mark.usefixtures("antispoof")
def test_the_passive_score_in_both_versions(api: APIClient) -> None:
    for path in ("/api/v1/anti-spoof", "/api/v2/anti-spoof"):
        answer = api.post(path, {"image": RED_IMAGE}, format="json").json()
        assert (answer["status"], answer["is_fake"]) == ("SUCCESS", False)
    answer = api.post("/api/v2/anti-spoof", {"image": NOBODY_IMAGE}, format="json")
    assert (answer.status_code, answer.json()["status"]) == (400, "NO_FACE_ERROR")
    assert answer.json()["message"]


def test_commands_are_shown_by_the_person_of_the_image(api: APIClient) -> None:
    commands = [
        {"action": "head_center", "images": [data_url(frame(pose=1)), data_url(frame(pose=2))]},
        {"action": "HEAD_LEFT", "images": data_url(frame(turned="turn_left"))},
        {"action": "HEAD_RIGHT", "images": data_url(frame(turned="turn_left"))},
        {"action": "BLINK", "images": [BLUE_IMAGE]},
        {"action": "HEAD_CENTER", "images": []},
    ]
    answer = api.post("/face-live", {"image": data_url(frame()), "cmds": commands}, format="json").json()
    assert answer["status"] == "SUCCESS"
    assert [one["cmd"] for one in answer["cmds"]] == [command["action"] for command in commands]
    assert [one["pass_action"] for one in answer["cmds"]] == [True, True, False, False, False]
    assert [one["similar"] for one in answer["cmds"]] == [True, True, True, False, False]
    unknown = api.post("/face-live", {"image": RED_IMAGE, "cmds": {"action": "HEAD_UP", "images": []}}, format="json")
    assert unknown.status_code == 400 and "HEAD_LEFT" in str(unknown.json()["message"])


def test_unknown_paths_are_answered_as_json_to_programs(api: APIClient) -> None:
    answer = api.post("/face-nothing", {}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert api.get("/nothing", headers={"Accept": "text/html"}).headers["Content-Type"].startswith("text/html")
