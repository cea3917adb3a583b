"""The dialect's rules, with coloured squares for faces."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as configured
from django.test import Client as Browser
from pytest_django.fixtures import Settings

from clients.models import ApiKey, Client
from clients.services import create_api_key, rotate_api_key
from compat.facehash.checks import check_facehash
from compat.facehash.models import KeyGallery
from compat.facehash.tests.wire import stream_of, text_of
from people.models import FaceTemplate, Person, ReferenceImage
from vision import inference
from vision.tests.drawing import BLUE, DIM, GREEN, RED, picture

pytestmark = pytest.mark.django_db

PAUL, QUINN, RITA = picture(RED), picture(GREEN), picture(BLUE)
NOBODY = picture()
ERROR = {"responseType": "ERROR", "errorDescription": "API_KEY is invalid!"}
UNKNOWN = "abcdefgh.ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
KEYED_PATHS = ["/{key}", "/{key}/", "/{key}/train", "/{key}/train/", "/{key}/recognize/"]
PLAIN_PATHS = ["/", "/train", "/train/", "/recognize", "/recognize/"]


@pytest.fixture
def browser() -> Browser:
    return Browser(enforce_csrf_checks=True)


@pytest.fixture
def key(client_a: Client) -> str:
    return create_api_key(client_name=client_a.name)[1]


@pytest.fixture
def trained(browser: Browser, key: str) -> str:
    assert post(browser, f"/{key}/train", stream=stream_of(PAUL), userName="paul")["trainingSuccess"] == 1
    return key


def post(browser: Browser, path: str, status: int = 200, **fields: str) -> dict[str, Any]:
    response = browser.post(path, fields, headers={"Origin": "null"})
    assert response.status_code == status, response.content
    assert response["Access-Control-Allow-Origin"] == "null"
    body: dict[str, Any] = response.json()
    return body


def who(browser: Browser, key: str, image: bytes) -> str:
    answer = post(browser, f"/{key}", picture=text_of(image))
    assert type(answer["foundFlag"]) is int
    assert answer["foundFlag"] == (answer["foundFace"] != "NOT FOUND")
    return str(answer["foundFace"])


def test_the_best_known_face_of_several_counts(browser: Browser, trained: str) -> None:
    near = picture((210, 40, 30), RED, BLUE)
    assert who(browser, trained, near) == "paul"
    assert who(browser, trained, picture(BLUE, GREEN)) == who(browser, trained, NOBODY) == "NOT FOUND"


def test_identification_and_verification_share_their_answers(browser: Browser, trained: str) -> None:
    found = post(browser, "/recognize/", picture=text_of(PAUL), API_KEY=trained)
    claimed = post(browser, "/recognize/", picture=text_of(PAUL), API_KEY=trained, userName="paul")
    for answer in (found, claimed):
        assert (answer["foundFlag"], answer["foundFace"], answer["responseType"]) == (1, "paul", "SUCCESS")
        assert 70 <= float(answer["confidencePercentage"]) <= 100
        assert float(answer["detectionTime"]) >= 0
    other = post(browser, "/recognize/", picture=text_of(QUINN), API_KEY=trained, userName="paul")
    assert (other["foundFlag"], other["failureDescription"]) == (0, "Face not recognized")


def test_failed_verifications_of_a_user_are_limited(browser: Browser, trained: str, settings: Settings) -> None:
    settings.VERIFY_FAILURES = 2

    def claim(image: bytes, status: int = 200) -> dict[str, Any]:
        return post(browser, f"/{trained}", status, picture=text_of(image), userName="paul")

    assert [claim(face)["foundFlag"] for face in (NOBODY, PAUL, QUINN, NOBODY, QUINN)] == [0, 1, 0, 0, 0]
    for image in (QUINN, PAUL):
        assert (claim(image, 429)["foundFlag"], claim(image, 429)["responseType"]) == (0, "ERROR")
    assert who(browser, trained, PAUL) == "paul"


def test_a_replaced_key_keeps_its_gallery(browser: Browser, trained: str) -> None:
    new, _ = rotate_api_key(key=ApiKey.objects.get())
    assert who(browser, new, PAUL) == who(browser, trained, PAUL) == "paul"


def test_keys_of_one_client_have_galleries_of_their_own(browser: Browser, trained: str, client_a: Client) -> None:
    second = create_api_key(client_name=client_a.name)[1]
    assert who(browser, second, PAUL) == "NOT FOUND"
    assert post(browser, f"/{second}/train", stream=stream_of(PAUL), userName="pablo")["trainingSuccess"] == 1
    assert (who(browser, trained, PAUL), who(browser, second, PAUL)) == ("paul", "pablo")
    keys = KeyGallery.objects.order_by("pk").values_list("api_key__prefix", "gallery__people__external_id")
    assert list(keys) == [(trained.partition(".")[0], "paul"), (second.partition(".")[0], "pablo")]


def test_append_keeps_the_earlier_photographs(browser: Browser, trained: str, settings: Settings) -> None:
    settings.FACEHASH_POLICY = "append"
    post(browser, f"/{trained}/train", stream=stream_of(QUINN), userName="paul")
    assert who(browser, trained, PAUL) == who(browser, trained, QUINN) == "paul"
    settings.FACEHASH_POLICY = "replace"
    post(browser, f"/{trained}/train", stream=stream_of(RITA), userName="paul")
    assert [who(browser, trained, face) for face in (PAUL, QUINN, RITA)] == ["NOT FOUND", "NOT FOUND", "paul"]
    assert ReferenceImage.objects.count() == Person.objects.count() == 1


def test_too_few_usable_photographs_store_nothing(browser: Browser, key: str, settings: Settings) -> None:
    settings.FACEHASH_MIN_IMAGES = 3
    stream = stream_of(PAUL, NOBODY, PAUL, picture(RED, GREEN), b"no image")
    answer = post(browser, f"/{key}/train", stream=stream, userName="paul")
    assert (answer["trainingSuccess"], answer["responseType"]) == (0, "FAILURE")
    assert answer["failureDescription"].startswith("2 of 5 photos")
    assert not Person.objects.exists()
    assert not FaceTemplate.objects.exists()


@pytest.mark.parametrize("path", KEYED_PATHS + PLAIN_PATHS)
def test_an_unknown_key_costs_no_image_work(browser: Browser, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "analyse", None)
    fields = {"picture": text_of(PAUL), "stream": stream_of(PAUL), "userName": "paul"}
    named = {} if "{key}" in path else {"API_KEY": UNKNOWN}
    answer = post(browser, path.format(key=UNKNOWN), **fields, **named)
    assert ERROR.items() <= answer.items()
    nothing = {"trainingSuccess": 0} if "train" in path else {"foundFlag": 0, "foundFace": "NOT FOUND"}
    assert nothing.items() <= answer.items()
    if not named:
        return
    assert ERROR.items() <= post(browser, path, **fields).items()


def test_pages_of_other_sites_need_a_key(browser: Browser, settings: Settings) -> None:
    settings.FACEHASH_CLIENT = "beginners"
    fields = {"stream": stream_of(PAUL), "userName": "ceo"}

    def trained_from(origin: str | None) -> bool:
        headers = {"Origin": origin} if origin else {}
        return bool(browser.post("/train", fields, headers=headers).json()["trainingSuccess"])

    origins = ("https://evil.example", "null")
    assert [trained_from(origin) for origin in origins] == [False, False]
    assert not Client.objects.filter(name="beginners").exists()
    assert [trained_from(origin) for origin in (None, "http://testserver")] == [True, True]
    settings.FACEHASH_ORIGINS = ["https://faces.example"]
    assert (trained_from("https://faces.example"), trained_from("https://evil.example")) == (True, False)


def test_callers_without_a_key_are_the_configured_client(browser: Browser, key: str, settings: Settings) -> None:
    settings.FACEHASH_CLIENT, settings.FACEHASH_ORIGINS = "beginners", ["null"]
    assert post(browser, "/train", stream=stream_of(PAUL), userName="paul")["trainingSuccess"] == 1
    assert post(browser, "/", picture=text_of(PAUL))["foundFace"] == "paul"
    assert who(browser, key, PAUL) == "NOT FOUND"
    assert ERROR.items() <= post(browser, "/", picture=text_of(PAUL), API_KEY="wrong").items()
    Client.objects.filter(name="beginners").update(is_active=False)
    assert ERROR.items() <= post(browser, "/", picture=text_of(PAUL)).items()


def test_a_key_does_only_what_its_scopes_say(browser: Browser, client_a: Client) -> None:
    reader = create_api_key(client_name=client_a.name, scopes=["people:search"])[1]
    assert who(browser, reader, PAUL) == "NOT FOUND"
    answer = post(browser, f"/{reader}/train", stream=stream_of(PAUL), userName="paul")
    assert (answer["trainingSuccess"], answer["responseType"]) == (0, "ERROR")
    assert "people:write" in answer["errorDescription"]


def test_other_routes_keep_their_paths_and_methods(browser: Browser, key: str) -> None:
    welcome = browser.get("/", headers={"Origin": "null"})
    assert (welcome.status_code, "Access-Control-Allow-Origin" in welcome) == (200, False)
    assert browser.get("/docs").status_code == browser.get("/health").status_code == 200
    assert browser.post("/detect").status_code == browser.get("/open").status_code == 401
    assert (
        browser.post("/nobody.knows", {}, "application/json").status_code == browser.post("/admin").status_code == 404
    )
    assert browser.get(f"/{key}").status_code == browser.get("/train").status_code == 405


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


def test_no_key_is_logged(browser: Browser, key: str) -> None:
    from faceapp.quiet_logs import KeyFilter, without_keys

    record = logging.LogRecord("django.request", 30, "", 1, "%s: %s", ("Method Not Allowed", f"/{key}/train"), None)
    assert KeyFilter().filter(record)
    assert record.getMessage() == f"Method Not Allowed: /{key.partition('.')[0]}…/train"
    for plain in (
        "/static/admin/css/base.f5fe74cb0d9c.css",
        "POST /api/v1/people/ HTTP/1.1",
        "faceapp.settings_testing",
    ):
        assert without_keys(plain) == plain
    assert "keys" in configured.LOGGING["handlers"]["console"]["filters"]


def test_bodies_above_the_limit_are_not_read(browser: Browser, key: str, settings: Settings) -> None:
    settings.FACEHASH_MAX_BYTES = 1000
    answer = post(browser, f"/{key}/train", 413, stream="A" * 2000, userName="paul")
    assert (answer["trainingSuccess"], answer["responseType"]) == (0, "ERROR")


def test_settings_that_cannot_work_are_told(settings: Settings) -> None:
    assert check_facehash() == []
    settings.FACEHASH_POLICY, settings.FACEHASH_MIN_IMAGES = "both", 0
    settings.FACEHASH_MAX_BYTES, settings.FACEHASH_CLIENT = 10**12, "anyone"
    ids = {"facehash.E001", "facehash.E002", "facehash.W001", "facehash.W002"}
    assert {message.id for message in check_facehash()} == ids


def test_a_face_that_cannot_be_recognised_is_not_detected(browser: Browser, trained: str) -> None:
    dim = picture(DIM)
    for fields in ({}, {"userName": "paul"}):
        answer = post(browser, "/recognize/", picture=text_of(dim), API_KEY=trained, **fields)
        assert (answer["foundFlag"], answer["failureDescription"]) == (0, "Face not detected.")
        assert "lit" in answer["possibleSolution"]
    assert who(browser, trained, picture(DIM, RED)) == "paul"
    refused = post(browser, f"/{trained}/train", stream=stream_of(dim), userName="dim")
    assert refused["trainingSuccess"] == 0
