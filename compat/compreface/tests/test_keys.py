"""CF-01 to CF-12: prefix, keys, pages of other sites, limits, and what every error looks like."""

from __future__ import annotations

import uuid

import pytest

from compat.compreface.tests.conftest import Stocked, World
from compat.compreface.tests.wire import DETECT, FACES, RECOGNISE, SUBJECTS, VERIFY

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("prefix", ["", "/compreface"])
def test_cf_01_at_the_root_and_below_a_prefix(stocked: Stocked, prefix: str) -> None:
    caller = type(stocked.caller)(stocked.caller.key, stocked.caller.url, prefix)
    assert caller.get(SUBJECTS).body == {"subjects": ["Ann", "Bob"]}
    assert caller.get(f"{SUBJECTS}/").body == {"subjects": ["Ann", "Bob"]}


def test_cf_02_a_key_is_needed(world: World) -> None:
    nobody = world.caller.with_key(None)
    for path in (RECOGNISE, DETECT, VERIFY):
        answer = nobody.image(path, world.nobody)
        assert (answer.status, answer.body) == (400, {"message": "Missing header: x-api-key", "code": 20})
    assert nobody.get(SUBJECTS, X_API_KEY=str(world.caller.key)).status == 200


@pytest.mark.parametrize("key", ["", "short", "z" * 36, "c8f2a6b0-9d3e-4a17-8f55"])
def test_cf_03_a_key_that_is_no_uuid(world: World, key: str) -> None:
    answer = world.caller.with_key(key).get(FACES)
    assert (answer.status, answer.body) == (400, {"message": "Service API key should be UUID", "code": 26})


def test_cf_04_an_unknown_key(world: World) -> None:
    keys = (str(uuid.uuid4()), "abcdefgh.abcdefghabcdefghabcdefghabcdefgh", "00000000-0000-0000-0000-000000000002")
    words = {RECOGNISE: "Recognition", DETECT: "Detection", VERIFY: "Verification"}
    for key, (path, word) in zip(keys, words.items(), strict=True):  # few calls: wrong keys are counted by address
        answer = world.caller.with_key(key).image(path, world.nobody)
        assert answer.error == (404, 10)
        assert answer.body["message"].startswith(f"{word} service with API Key")
        assert key not in answer.body["message"]


def test_cf_05_one_key_for_three_services(stocked: Stocked) -> None:
    caller, world = stocked.caller, stocked.world
    assert caller.image(RECOGNISE, world.ann).status == 200
    assert caller.image(DETECT, world.ann).status == 200
    assert caller.form(VERIFY, {"source_image": world.ann, "target_image": world.ann}).status == 200


def test_cf_06_pages_of_other_sites(world: World) -> None:
    asked = {"Origin": "https://page.example", "Access_Control_Request_Method": "POST"}
    for headers in ({}, asked):
        answer = world.caller.with_key(None).call("OPTIONS", RECOGNISE, **headers)
        assert (answer.status, answer.content) == (204, b"")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Access-Control-Allow-Methods"] == "GET, POST, OPTIONS, PUT, DELETE"
        assert "x-api-key" in answer.headers["Access-Control-Allow-Headers"]
        assert answer.headers["Access-Control-Max-Age"] == "1728000"
    for caller in (world.caller, world.caller.with_key(None)):
        answer = caller.get(SUBJECTS, Origin="https://page.example")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_cf_07_limits(world: World) -> None:
    answer = world.caller.with_key(None).get("config")
    assert answer.status == 200 and list(answer.body) == ["clientMaxFileSize", "clientMaxBodySize"]
    assert 0 < answer.body["clientMaxFileSize"] <= answer.body["clientMaxBodySize"]


def test_cf_08_an_image_that_is_too_large(world: World) -> None:
    answer = world.caller.image(RECOGNISE, world.ann + bytes(25 * 1024 * 1024))
    assert answer.error == (413, 0)


def test_cf_09_an_error_has_a_message_and_a_code(world: World) -> None:
    for answer in (world.caller.get(f"{FACES}/x/img"), world.caller.delete(f"{SUBJECTS}/nobody")):
        assert list(answer.body) == ["message", "code"]


def test_cf_10_what_is_not_known_is_ignored(world: World) -> None:
    answer = world.caller.json(f"{SUBJECTS}?colour=red", {"subject": "Cleo", "api_endpoint": "x", "more": [1]})
    assert (answer.status, answer.body) == (201, {"subject": "Cleo"})


def test_cf_11_a_wrong_method_or_path(world: World) -> None:
    answer = world.caller.get(RECOGNISE)
    assert (answer.status, answer.body) == (404, {"message": "Request method 'GET' not supported", "code": 0})
    for path in ("recognition/other", "recognition", "detection/recognize", f"{FACES}/{uuid.uuid4()}/other"):
        assert world.caller.get(path).error == (404, 0)


def test_cf_12_bodies_that_cannot_be_read(world: World) -> None:
    assert world.caller.call("POST", RECOGNISE, b"text", "text/plain").error == (415, 0)
    assert world.caller.call("POST", RECOGNISE, b"{", "application/json").error == (400, 0)
    assert world.caller.call("POST", RECOGNISE, b"x", "multipart/form-data").error == (400, 0)
    assert world.caller.delete(f"{FACES}/no-uuid").error == (400, 0)
    assert world.caller.image(f"{RECOGNISE}?limit=x", world.nobody).error == (400, 0)
    assert world.caller.image(f"{RECOGNISE}?status=perhaps", world.nobody).error == (400, 0)
