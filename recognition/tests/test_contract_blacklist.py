"""Checks of the older blacklist server's contract that are about curation, against the whole service."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from faceapp.tests.live_stack import LiveStack
from recognition.tests.contract_api import RECORD, Api, X, parts

pytestmark = [pytest.mark.models, pytest.mark.timeout(600)]


def test_df_01_health(api: Api) -> None:
    response = requests.get(api.live.url + "/", timeout=60)
    assert response.status_code == 200
    assert response.json()["message"].startswith("Welcome")


def test_df_02_empty_blacklist(api: Api) -> None:
    response = api.get("/api/v1/blacklist/")
    assert (response.status_code, response.json()) == (200, [])


def test_df_03_create_an_entry_from_a_png_declared_jpeg(api: Api, photos: dict[str, bytes]) -> None:
    response = api.enlist("Listed", photos["S1"], reason="a reason")
    assert response.status_code == 201
    record = response.json()
    assert set(record) >= RECORD
    assert (record["name"], record["reason"], record["reference_image_dir"]) == (
        "Listed", "a reason", str(record["id"]),
    )  # fmt: skip
    assert len(record["added_date"]) == len("2025-05-12T12:00:00")


def test_df_04_same_name_again(api: Api, entry: dict[str, Any], photos: dict[str, bytes]) -> None:
    response = api.enlist("Listed", photos["S2"])
    assert response.status_code == 409
    assert isinstance(response.json()["detail"], str)


def test_df_05_invalid_fields(api: Api, photos: dict[str, bytes]) -> None:
    photo = photos["S1"]
    responses = [
        api.call("POST", "/api/v1/blacklist/", files=parts(photo)),
        api.enlist("", photo),
        api.enlist("n" * 101, photo),
        api.enlist("Name", photo, reason="r" * 256),
        api.call("POST", "/api/v1/blacklist/", files={"name": (None, "Name")}),
    ]
    assert [response.status_code for response in responses] == [422] * 5
    for response in responses:
        assert set(response.json()["detail"][0]) >= {"type", "loc", "msg"}


def test_df_06_no_usable_image(api: Api, photos: dict[str, bytes]) -> None:
    for image in (("a.txt", b"text", "text/plain"), X, photos["N"]):
        assert api.enlist("Free", image).status_code in {400, 422}
    assert api.get("/api/v1/blacklist/").json() == []
    assert api.enlist("Free", photos["S1"]).status_code == 201


def test_df_07_one_of_several_images_is_bad(api: Api, photos: dict[str, bytes]) -> None:
    record = api.enlist("Listed", photos["S1"], ("bad.jpg", X, "image/jpeg"), photos["S2"]).json()
    assert [error.partition(":")[0] for error in record["errors"]] == ["bad.jpg"]
    assert len(api.get(f"/api/v1/blacklist/{record['id']}/images").json()) == 2


def test_df_08_one_entry(api: Api, entry: dict[str, Any]) -> None:
    for slash in ("", "/"):
        response = api.get(f"/api/v1/blacklist/{entry['id']}{slash}")
        assert (response.status_code, response.json()["name"]) == (200, "Listed")
    paths = ["0", "-1", "abc", "99999999"]
    assert [api.get(f"/api/v1/blacklist/{path}/").status_code for path in paths] == [422, 422, 422, 404]


def test_df_09_change_an_entry(api: Api, entry: dict[str, Any], photos: dict[str, bytes]) -> None:
    api.enlist("Taken", photos["V"])
    path = f"/api/v1/blacklist/{entry['id']}/"
    changed = api.call("PUT", path, json={"name": "Renamed", "reason": "other"})
    assert (changed.status_code, changed.json()["name"], changed.json()["reason"]) == (200, "Renamed", "other")
    assert api.call("PUT", path, json={"reason": "x"}).status_code == 422
    assert api.call("PUT", path, json={"name": "Taken"}).status_code == 409
    assert api.call("PUT", "/api/v1/blacklist/99999999/", json={"name": "x"}).status_code == 404


def test_df_10_omitted_reason_becomes_null(api: Api, entry: dict[str, Any]) -> None:
    response = api.call("PUT", f"/api/v1/blacklist/{entry['id']}/", json={"name": "Listed"})
    assert (response.status_code, response.json()["reason"]) == (200, None)


def test_df_11_add_an_image(api: Api, entry: dict[str, Any], photos: dict[str, bytes]) -> None:
    response = api.add(entry["id"], photos["S2"])
    assert response.status_code == 200
    assert isinstance(response.json()["message"], str)
    assert response.json()["errors"] == []


def test_df_12_add_unusable_images(api: Api, entry: dict[str, Any], photos: dict[str, bytes]) -> None:
    text = ("a.txt", b"text", "text/plain")
    assert api.add(entry["id"], text).status_code == 400
    mixed = api.add(entry["id"], photos["S2"], text)
    assert (mixed.status_code, len(mixed.json()["errors"])) == (200, 1)
    assert api.add(99999999, photos["S2"]).status_code == 404
    assert api.call("POST", f"/api/v1/blacklist/{entry['id']}/images", files={"x": b"x"}).status_code == 422


def test_df_29_delete(api: Api, entry: dict[str, Any]) -> None:
    path = f"/api/v1/blacklist/{entry['id']}/"
    deleted = api.call("DELETE", path)
    assert (deleted.status_code, deleted.json()["id"]) == (200, entry["id"])
    assert api.call("DELETE", path).status_code == 404
    assert api.get(path).status_code == 404
    assert api.get("/api/v1/blacklist/").json() == []


def test_df_31_simultaneous_creations(api: Api, photos: dict[str, bytes]) -> None:
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(api.enlist, "Twice", photos["jpeg"]) for _ in range(2)]
    assert sorted(call.result().status_code for call in calls) == [201, 409]
    assert len(api.get("/api/v1/blacklist/").json()) == 1


def test_df_33_file_names(api: Api, photos: dict[str, bytes], live: LiveStack) -> None:
    names = ["../../x.png", "..\\x", "/etc/x.png", "n" * 300 + ".png", " ", "ö\u202egpj.exe"]
    entry = api.enlist("Listed", *[(name, photos["jpeg"], "image/jpeg") for name in names]).json()
    images = api.get(f"/api/v1/blacklist/{entry['id']}/images").json()
    assert len(images) == len(names)
    for image in images:
        assert "/" not in image["original_name"]
        assert "\\" not in image["original_name"]
        assert api.call("GET", image["url"].removeprefix(live.url)).content == photos["jpeg"]
    assert not [path for path in live.files() if path.name == "x.png"]
