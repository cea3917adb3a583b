"""`/api/v1/people` and `/compare` as a caller sees them."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from blacklist.services import create_entry
from clients.models import Client, Scope
from clients.services import create_api_key
from people.models import FaceTemplate, Person, ReferenceImage
from vision.tests.drawing import BLUE, GREEN, RED, data_url, picture
from vision.types import Upload

pytestmark = pytest.mark.django_db
PEOPLE = "/api/v1/people/"


def api_of(client: Client, *scopes: str) -> APIClient:
    _, key = create_api_key(client_name=client.name, scopes=scopes or ["all"])
    return APIClient(headers={"X-API-Key": key})


@pytest.fixture
def api(client_a: Client) -> APIClient:
    return api_of(client_a)


def enrol(api: APIClient, colour: tuple[int, int, int] = RED, external_id: str = "u1", **fields: Any) -> Any:
    body = {"external_id": external_id, "image": data_url(picture(colour))} | fields
    return api.post(PEOPLE, body, format="json")


def search(api: APIClient, colour: tuple[int, int, int] = RED, **fields: Any) -> Any:
    return api.post(f"{PEOPLE}search", {"image": data_url(picture(colour))} | fields, format="json")


def matches(answer: Any) -> list[str]:
    [face] = answer.json()["faces"]
    return [found["external_id"] for found in face["candidates"] if found["comparison"]["decision"] == "match"]


# ---- records ----------------------------------------------------------------------------------------------------
def test_person_is_enrolled_listed_changed_and_erased(api: APIClient) -> None:
    answer = enrol(api, name="Red", source="s1", metadata={"a": [1]})
    assert answer.status_code == 201
    person = answer.json()
    assert (person["external_id"], person["name"], person["source"], person["metadata"]) == (
        "u1",
        "Red",
        "s1",
        {"a": [1]},
    )
    assert (person["image_count"], person["primary_image"]["is_primary"]) == (1, False)
    assert person["enrolment"]["box"] == {"x": 20, "y": 20, "w": 41, "h": 41}
    assert person["enrolment"]["quality"]["size"] == 41
    assert "quality.blurred" in [remark["code"] for remark in person["enrolment"]["remarks"]]
    path = f"{PEOPLE}{person['id']}/"
    assert api.patch(path, {"name": "Scarlet"}, format="json").json()["name"] == "Scarlet"
    assert api.get(path).json()["metadata"] == {"a": [1]}
    receipt = api.delete(path).json()
    assert (receipt["people"], receipt["images"], receipt["files"]) == (1, 1, 1)
    assert api.get(path).status_code == 404
    assert not Person.objects.exists()


@pytest.mark.parametrize("form", ["file", "base64", "data URL"])
def test_images_come_as_file_base64_or_data_url(api: APIClient, form: str) -> None:
    data = picture(RED)
    texts = {"base64": " " + base64.b64encode(data).decode(), "data URL": data_url(data)}
    if form == "file":
        fields = {"image": SimpleUploadedFile("a.png", data), "external_id": "u1", "metadata": '{"a": 1}'}
        answer = api.post(PEOPLE, fields, format="multipart")
    else:
        answer = api.post(PEOPLE, {"image": texts[form], "external_id": "u1", "metadata": {"a": 1}}, format="json")
    assert (answer.status_code, answer.json()["metadata"]) == (201, {"a": 1})


def test_what_happens_to_an_id_that_is_taken_is_the_callers_choice(api: APIClient) -> None:
    enrol(api)
    refused = enrol(api, GREEN)
    assert (refused.status_code, refused.json()["code"]) == (409, "person.external_id_taken")
    assert enrol(api, GREEN, on_existing="add").status_code == 200
    assert ReferenceImage.objects.count() == 2
    assert enrol(api, BLUE, on_existing="replace").json()["image_count"] == 1
    assert (matches(search(api, RED)), matches(search(api, BLUE))) == ([], ["u1"])
    assert api.post(PEOPLE, {"external_id": "u1"}, format="json").status_code == 409
    assert api.post(PEOPLE, {"external_id": "u1", "source": "s2"}, format="json").status_code == 201


def test_list_is_filtered_and_paged(api: APIClient, client_a: Client, django_assert_num_queries: Any) -> None:
    create_entry(client=client_a, name="Listed", uploads=[Upload(picture(RED))])
    for number in range(3):
        enrol(api, external_id=f"u{number}", name=f"Name {number}", source="even" if number % 2 == 0 else "odd")

    def ids(query: str) -> list[str]:
        return [item["external_id"] for item in api.get(PEOPLE + query).json()["items"]]

    assert ids("") == ids("?since=2020-01-01T00:00:00Z") == ["u0", "u1", "u2"]
    assert ids("?source=even") == ["u0", "u2"]
    assert ids("?external_id=u1") == ids("?name=NAME 1") == ids("?limit=1&offset=1") == ["u1"]
    assert ids("?until=2020-01-01T00:00:00Z") == ids("?external_id=U1") == []
    assert api.get(PEOPLE + "?since=yesterday").status_code == api.get(PEOPLE + "?limit=0").status_code == 422
    with django_assert_num_queries(5):  # key, count, people, photographs, the row of the audit
        api.get(PEOPLE)


def test_erasing_the_face_keeps_the_record(api: APIClient) -> None:
    path = f"{PEOPLE}{enrol(api).json()['id']}/"
    assert api.delete(f"{path}?keep_record=maybe").status_code == 422
    assert api.delete(f"{path}?keep_record=true").json()["people"] == 0
    assert api.get(path).json()["image_count"] == FaceTemplate.objects.count() == 0
    verified = api.post(f"{path}verify", {"image": data_url(picture(RED))}, format="json")
    assert (verified.status_code, verified.json()["code"]) == (409, "person.no_face")


# ---- photographs ------------------------------------------------------------------------------------------------
def test_photographs_are_added_chosen_and_removed(api: APIClient) -> None:
    path = f"{PEOPLE}{enrol(api).json()['id']}/"
    added = api.post(f"{path}images", {"image": data_url(picture(GREEN))}, format="json")
    assert added.status_code == 201
    second = added.json()["image"]["id"]
    first, *_ = (item["id"] for item in api.get(f"{path}images").json()["items"])
    assert api.get(path).json()["primary_image"]["id"] == first
    for image in (second, first, second):
        assert api.post(f"{path}images/{image}/primary").json()["is_primary"]
        assert api.get(path).json()["primary_image"]["id"] == image
    assert [item["id"] for item in api.get(f"{path}images").json()["items"]] == [second, first]
    file = api.get(f"{path}images/{second}")
    assert b"".join(file.streaming_content) == picture(GREEN)  # type: ignore[attr-defined]
    assert api.delete(f"{path}images/{second}").status_code == 204
    assert api.get(path).json()["primary_image"]["id"] == first
    assert api.get(f"{path}images/{second}").json()["code"] == "person.image_not_found"


def test_people_api_does_not_reach_the_blacklist(api: APIClient, client_a: Client) -> None:
    entry = create_entry(client=client_a, name="Listed", uploads=[Upload(picture(RED))]).entry
    image = entry.reference_images.get().number
    path = f"{PEOPLE}{entry.number}/"
    answers = [
        api.get(path), api.patch(path, {"name": "x"}, format="json"), api.delete(path), api.get(f"{path}images"),
        api.get(f"{path}images/{image}"), api.delete(f"{path}images/{image}"),
        api.post(f"{path}images/{image}/primary"),
        api.post(f"{path}verify", {"image": data_url(picture(RED))}, format="json"),
    ]  # fmt: skip
    assert {answer.status_code for answer in answers} == {404}
    assert search(api).json()["faces"][0]["candidates"] == []
    assert search(api, sources=["blacklist"]).json()["faces"][0]["candidates"] == []
    assert enrol(api, source="blacklist").json()["source"] == "blacklist"  # an ordinary name among people
    assert matches(search(api, sources=["blacklist"])) == ["u1"]


# ---- searching --------------------------------------------------------------------------------------------------
def test_search_answers_distance_similarity_decision_and_margin(api: APIClient) -> None:
    enrol(api)
    enrol(api, GREEN, "u2")
    body = search(api, limit=2).json()
    [face] = body["faces"]
    assert (body["metric"], body["threshold"], face["box"]["w"], face["embedding"]) == ("euclidean", 0.2, 41, None)
    best, other = face["candidates"]
    assert (best["external_id"], other["external_id"]) == ("u1", "u2")
    assert best["comparison"]["similarity"] == pytest.approx(1, abs=0.01)
    assert (best["comparison"]["decision"], other["comparison"]["decision"]) == ("match", "no_match")
    assert best["comparison"]["margin"] == pytest.approx(-other["comparison"]["margin"], abs=1e-5)
    assert "engine;dur=" in search(api)["Server-Timing"]


def test_verify_and_compare(api: APIClient) -> None:
    person = enrol(api).json()["id"]
    same = api.post(f"{PEOPLE}{person}/verify", {"image": data_url(picture(RED))}, format="json").json()
    assert (same["decision"], same["margin"]) == ("match", None)
    body = {"image": data_url(picture(RED)), "images": [data_url(picture(c)) for c in (RED, GREEN)] + ["no image", ""]}
    answer = api.post("/api/v1/compare/", body, format="json")
    assert answer.status_code == 200
    first, second, *bad = answer.json()["results"]
    assert (first["comparison"]["decision"], second["comparison"]["decision"]) == ("match", "no_match")
    assert [item["error"]["code"] for item in bad] == ["image.not_an_image", "image.empty"]
    files = {"image": SimpleUploadedFile("a.png", picture(RED)), "images": [SimpleUploadedFile("b.png", picture(RED))]}
    [only] = api.post("/api/v1/compare/", files, format="multipart").json()["results"]
    assert only["comparison"] | {"distance": 0} == {
        "distance": 0, "similarity": 1.0, "threshold": 0.2, "decision": "match", "reason": None, "margin": None,
        "false_match_rate": None, "false_alarm_rate": None, "extrapolated": False, "people": 1,
        "basis": "unmeasured",
    }  # fmt: skip
    faceless = api.post("/api/v1/compare/", body | {"image": data_url(picture())}, format="json")
    assert (faceless.status_code, faceless.json()["code"]) == (400, "face.none")


def test_embeddings_go_to_keys_that_name_the_scope(api: APIClient, client_a: Client) -> None:
    named = api_of(client_a, *(scope.value for scope in Scope))
    images = f"{PEOPLE}{enrol(api).json()['id']}/images?embeddings=true"
    probe = {"embedding": [*(value / 255 for value in RED), 1.0]}
    for refused in (
        api.get(images),
        search(api, return_embeddings=True),
        api.post(f"{PEOPLE}search", probe, format="json"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "auth.missing_scope")
    [stored] = named.get(images).json()["items"]
    assert {space: len(vector) for space, vector in stored["embeddings"].items()} == {
        "fake-fake-4": 4,
        "fake-fake8-8": 8,
    }
    assert len(search(named, return_embeddings=True).json()["faces"][0]["embedding"]) == 4
    assert matches(named.post(f"{PEOPLE}search", probe, format="json")) == ["u1"]
    for wrong in ([], [1], [1, 2, 3, 1e300], ["x"] * 4, [True] * 4, "1,2,3,4", [1] * 6000):
        assert named.post(f"{PEOPLE}search", {"embedding": wrong}, format="json").status_code == 422, wrong


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        ("people:read", {"get"}),
        ("people:write", {"post", "delete"}),
        ("people:search", {"search", "compare", "verify"}),
        ("people:match", {"search", "compare", "verify"}),
    ],
)
def test_scopes(api: APIClient, client_a: Client, scope: str, allowed: set[str]) -> None:
    person, narrow, image = enrol(api).json()["id"], api_of(client_a, scope), {"image": data_url(picture(RED))}
    calls = {
        "get": lambda: narrow.get(f"{PEOPLE}{person}/"),
        "search": lambda: search(narrow),
        "verify": lambda: narrow.post(f"{PEOPLE}{person}/verify", image, format="json"),
        "compare": lambda: narrow.post("/api/v1/compare/", image | {"images": [image["image"]]}, format="json"),
        "post": lambda: enrol(narrow, GREEN, "u2"),
        "delete": lambda: narrow.delete(f"{PEOPLE}{person}/"),
    }
    assert {name for name, call in calls.items() if call().status_code < 300} == allowed


# ---- what does not fit ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "fields",
    [
        {"external_id": "x" * 513},
        {"external_id": "a\0b"},
        {"external_id": ["u1"]},
        {"external_id": {"a": 1}},
        {"external_id": True},
        {"source": "s" * 101},
        {"name": "n" * 101},
        {"metadata": [1]},
        {"metadata": "text"},
        {"metadata": {"a": "\0"}},
        {"metadata": {"a": "x" * 20_000}},
        {"image": 5},
        {"image": None},
        {"image": ["x"]},
        {"on_existing": "merge"},
        {"quality_gate": "lax"},
        {"face_choice": "first"},
    ],
)
def test_wrong_values_are_refused_and_nothing_is_stored(api: APIClient, fields: dict[str, Any]) -> None:
    assert enrol(api, **fields).status_code == 422
    assert not Person.objects.exists()


@pytest.mark.parametrize(
    ("image", "code"),
    [
        ("", "image.empty"), ("%%%", "image.not_an_image"), (data_url(b"text"), "image.not_an_image"),
        (data_url(picture()), "face.none"), (data_url(picture(RED, GREEN)), "face.several"),
        ("http://127.0.0.1/a.png", "image.url_disabled"), ("/etc/passwd", "image.path_disabled"),
    ],
)  # fmt: skip
def test_unusable_images_have_a_code_and_leave_nothing(api: APIClient, image: str, code: str) -> None:
    answer = enrol(api, image=image)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert not Person.objects.exists()


def test_gate_of_the_call_wins_over_the_deployments(api: APIClient, settings: Settings) -> None:
    refused = enrol(api, quality_gate="standard")
    assert (refused.status_code, refused.json()["code"]) == (400, "quality.blurred")
    settings.QUALITY_GATE = "strict"
    assert enrol(api).status_code == 400
    assert not Person.objects.exists()
    assert enrol(api, quality_gate="off").status_code == 201


@pytest.mark.parametrize("text", ["x" * 500, "A B", "'; --", '"quoted"', "名前 🙂", " blank ", "%", "0"])
def test_ids_come_back_verbatim(api: APIClient, text: str) -> None:
    enrol(api, external_id=text)
    assert matches(search(api)) == [text]
    assert [item["external_id"] for item in api.get(PEOPLE, {"external_id": text}).json()["items"]] == [text]


def test_numbers_and_texts_are_read_as_what_they_mean(api: APIClient) -> None:
    assert enrol(api, external_id=17).json()["external_id"] == "17"
    person = f"{PEOPLE}{Person.objects.get().number}/"
    kept = api.post(f"{person}images", {"image": data_url(picture(GREEN)), "replace": "false"}, format="json")
    assert (kept.status_code, ReferenceImage.objects.count()) == (201, 2)
    assert api.post(f"{person}images", {"image": "x", "replace": "perhaps"}, format="json").status_code == 422


@pytest.mark.parametrize(
    "fields", [{"limit": 0}, {"limit": "x"}, {"faces": "some"}, {"threshold": "NaN"}, {"threshold": -1},
               {"threshold": True}, {"sources": "s1"}, {"sources": [["s1"]]}, {"embedding": [1, 2, 3, 4]}]
)  # fmt: skip
def test_wrong_searches_are_refused(api: APIClient, fields: dict[str, Any]) -> None:
    assert search(api, **fields).status_code == 422


def test_thousand_images_are_refused_by_their_number(api: APIClient) -> None:
    body = {"image": data_url(picture(RED)), "images": ["x"] * 1000}
    answer = api.post("/api/v1/compare/", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "images.too_many")
    files = {"image": [SimpleUploadedFile(f"{number}.png", b"x") for number in range(1000)]}
    assert api.post(PEOPLE, files, format="multipart").status_code == 413


def test_ids_in_paths(api: APIClient) -> None:
    for path in ("0", "-1", "x", "1e3", "9" * 30):
        assert api.get(f"{PEOPLE}{path}/").status_code == 422
    assert api.get(f"{PEOPLE}123456/").json()["code"] == "person.not_found"
