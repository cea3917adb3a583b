"""What keys with few scopes learn of people."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from clients.models import Client, Role
from clients.tests.members import browser_of, make_member
from people.models import Gallery, GalleryKind, Person
from people.tests.test_api import PEOPLE, api_of, enrol, search
from vision.tests.drawing import BLUE, GREEN, RED, data_url, picture

pytestmark = pytest.mark.django_db
NEARLY_RED = (250, 10, 6)
COMPARE = "/api/v1/compare/"


@pytest.fixture
def people(client_a: Client) -> dict[str, int]:
    """Two people of alice, by their external ids."""
    api = api_of(client_a)
    return {name: enrol(api, colour, name).json()["id"] for name, colour in (("u1", RED), ("u2", GREEN))}


def face(api: APIClient, colour: tuple[int, int, int], **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = search(api, colour, **fields).json()["faces"][0]
    return found


def verify(api: APIClient, person: int, colour: tuple[int, int, int], **fields: Any) -> Any:
    return api.post(f"{PEOPLE}{person}/verify", {"image": data_url(picture(colour))} | fields, format="json")


def test_without_reading_a_stranger_is_told_of_nobody(client_a: Client, people: dict[str, int]) -> None:
    full, narrow = (api_of(client_a, "people:search", *more) for more in (["people:read"], []))
    assert [one["external_id"] for one in face(full, BLUE)["candidates"]] != []
    stranger = face(narrow, BLUE)
    assert (stranger["decision"], stranger["candidates"], stranger["comparison"]) == ("no_match", [], None)


def test_without_reading_a_match_has_two_digits(client_a: Client, people: dict[str, int]) -> None:
    [exact] = [one for one in face(api_of(client_a), NEARLY_RED)["candidates"] if one["external_id"] == "u1"]
    [match] = face(api_of(client_a, "people:search"), NEARLY_RED)["candidates"]
    assert match["external_id"] == "u1" and match["comparison"]["decision"] == "match"
    for name in ("distance", "similarity", "margin"):
        assert match["comparison"][name] == round(exact["comparison"][name], 2)
    assert exact["comparison"]["distance"] != match["comparison"]["distance"]


def test_a_key_for_matching_learns_whether_and_not_who(client_a: Client, people: dict[str, int]) -> None:
    narrow = api_of(client_a, "people:match")
    match = face(narrow, NEARLY_RED)
    assert (match["decision"], match["candidates"]) == ("match", [])
    assert match["comparison"]["decision"] == "match" and match["comparison"]["margin"] is None
    assert match["comparison"]["distance"] == round(match["comparison"]["distance"], 2)
    assert "u1" not in str(match)
    stranger = face(narrow, BLUE)
    assert (stranger["decision"], stranger["candidates"], stranger["comparison"]) == ("no_match", [], None)


def test_a_key_for_matching_verifies_without_measuring(client_a: Client, people: dict[str, int]) -> None:
    narrow = api_of(client_a, "people:match")
    right, wrong = verify(narrow, people["u1"], NEARLY_RED).json(), verify(narrow, people["u1"], BLUE).json()
    assert right["decision"] == "match" and right["distance"] is not None
    assert wrong["decision"] == "no_match"
    assert wrong["distance"] is wrong["similarity"] is wrong["margin"] is None
    measured = verify(api_of(client_a, "people:search"), people["u1"], BLUE).json()
    assert measured["distance"] == round(measured["distance"], 2)
    exact = verify(api_of(client_a), people["u1"], BLUE).json()
    assert measured["distance"] == round(exact["distance"], 2) != exact["distance"]


@pytest.mark.parametrize("scope", ["people:match", "people:search"])
def test_a_threshold_of_ones_own_needs_reading(client_a: Client, people: dict[str, int], scope: str) -> None:
    """Otherwise everybody would match at a large one, and any distance could be found by halving."""
    narrow, reader = api_of(client_a, scope), api_of(client_a, scope, "people:read")
    for refused in (search(narrow, BLUE, threshold=2), verify(narrow, people["u1"], BLUE, threshold=2)):
        assert (refused.status_code, refused.json()["code"]) == (403, "auth.missing_scope")
    assert search(reader, BLUE, threshold=2).status_code == 200
    assert verify(reader, people["u1"], BLUE, threshold=2).status_code == 200
    assert search(narrow, BLUE, threshold=0).status_code == 200  # as if absent
    pair = {"image": data_url(picture(RED)), "images": [data_url(picture(BLUE))], "threshold": 1}
    assert narrow.post(COMPARE, pair, format="json").status_code == 200  # of images that the caller has


def test_who_only_writes_reads_nothing(client_a: Client, people: dict[str, int]) -> None:
    writer = api_of(client_a, "people:write")
    Person.objects.update(name="Jane", metadata={"door": 4})
    url = f"{PEOPLE}{people['u1']}/"
    assert set(writer.patch(url, {}, format="json").json()) == {"id", "uuid", "created_at"}
    changed = writer.patch(url, {"metadata": {"door": 5}}, format="json").json()
    assert changed["metadata"] == {"door": 5} and "name" not in changed and "external_id" not in changed
    again = enrol(writer, RED, "u1", on_existing="add").json()
    assert again["external_id"] == "u1" and again["id"] == people["u1"]
    assert not {"name", "metadata", "primary_image", "image_count"} & set(again)
    assert "Jane" not in str(again) and "door" not in str(again)


def test_who_only_writes_does_not_search(client_a: Client, people: dict[str, int]) -> None:
    def duplicates(api: APIClient, name: str) -> list[str]:
        return [one["external_id"] for one in enrol(api, RED, name).json()["enrolment"]["duplicates"]]

    assert duplicates(api_of(client_a, "people:write"), "u3") == []
    assert duplicates(api_of(client_a, "people:write", "people:search"), "u4") == ["u1", "u3"]
    image = {"image": data_url(picture(RED))}
    added = api_of(client_a, "people:write").post(f"{PEOPLE}{people['u1']}/images", image, format="json").json()
    assert added["duplicates"] == []


def test_who_only_writes_lists_reads_no_entry(client_a: Client) -> None:
    writer = api_of(client_a, "blacklist:write")
    body = {"name": "Red", "reason": "secret", "images": [SimpleUploadedFile("a.png", picture(RED))]}
    entry = api_of(client_a).post("/api/v1/blacklist/", body, format="multipart").json()
    url = f"/api/v1/blacklist/{entry['id']}/"
    changed = writer.patch(url, {"is_active": False}, format="json").json()
    assert changed["is_active"] is False and "secret" not in str(changed) and "Red" not in str(changed)
    assert "secret" not in str(writer.delete(url).json())


def test_failed_verifications_of_a_person_are_limited(
    client_a: Client, people: dict[str, int], settings: Settings
) -> None:
    settings.VERIFY_FAILURES = 3
    api, other_key = api_of(client_a), api_of(client_a, "people:match")
    codes = [verify(api, people["u1"], RED).status_code for _ in range(5)]  # matches do not count
    codes += [verify(api, people["u1"], BLUE).status_code for _ in range(3)]
    assert codes == [200] * 8
    for narrow in (api, other_key):
        for colour in (BLUE, RED):
            refused = verify(narrow, people["u1"], colour)
            assert (refused.status_code, refused.json()["code"]) == (429, "person.too_many_failures")
            assert 0 < int(refused["Retry-After"]) <= 3600
    assert verify(api, people["u2"], BLUE).status_code == 200


def test_what_is_no_verification_is_no_failure(client_a: Client, people: dict[str, int], settings: Settings) -> None:
    settings.VERIFY_FAILURES = 1
    api = api_of(client_a)
    for _ in range(3):
        assert api.post(f"{PEOPLE}{people['u1']}/verify", {"image": "x"}, format="json").status_code == 400
    assert verify(api, people["u1"], RED).status_code == 200
    assert [verify(api, people["u1"], BLUE).status_code for _ in range(2)] == [200, 429]
    settings.VERIFY_FAILURES = 0
    assert verify(api, people["u1"], BLUE).status_code == 200


def test_keys_change_a_blacklist_by_its_own_scope_and_never_who_judges(client_a: Client) -> None:
    Gallery.objects.default_of(client_a, GalleryKind.BLACKLIST)
    Gallery.objects.filter(kind=GalleryKind.BLACKLIST).update(two_person_review=True)
    url = "/api/v1/galleries/blacklist/?kind=blacklist"
    api, door = api_of(client_a), api_of(client_a, "people:read", "people:write")
    refused = door.patch(url, {"threshold": 0.1}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "auth.missing_scope")
    refused = api.patch(url, {"two_person_review": False}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "auth.missing_role")
    for form in ("json", "multipart"):
        assert api.patch(url, {"threshold": 0.1}, format=form).status_code == 200
    assert Gallery.objects.get(kind=GalleryKind.BLACKLIST).two_person_review
    manager = browser_of(make_member(client_a, Role.MANAGER))
    changed = manager.patch(url, {"two_person_review": False}, content_type="application/json")
    assert changed.status_code == 200
    assert not Gallery.objects.get(kind=GalleryKind.BLACKLIST).two_person_review
