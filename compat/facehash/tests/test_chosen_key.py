"""A key that pages have already, and texts in a path that nobody knows."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client as Browser
from pytest_django.fixtures import Settings

from clients.models import ApiKey
from clients.services import revoke_api_key
from compat.facehash.checks import check_facehash
from compat.facehash.tests.wire import stream_of, text_of
from vision.tests.drawing import RED, picture

pytestmark = pytest.mark.django_db
OWN, PAGE = "a-key-of-1-page_of_ours", "API_KEY_TEST_1"
BAD = {"responseType": "ERROR", "errorDescription": "API_KEY is invalid!"}
FACE = {"picture": text_of(picture(RED))}
FACES = {"stream": stream_of(picture(RED)), "userName": "paul"}


def post(path: str, **fields: str) -> Any:
    answer = Browser().post(path, fields, headers={"Origin": "null"})
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (200, "null"), answer.content
    return answer.json()


@pytest.mark.parametrize("path", ["/nobody-knows", "/nobody-knows/", "//nobody//train", "/no.body/recognize", "/ä"])
def test_an_unknown_text_in_the_path_is_an_unknown_key(path: str) -> None:
    assert post(path, **FACES, **FACE).items() >= BAD.items()
    asked = {"Origin": "null", "Access-Control-Request-Method": "POST"}
    preflight = Browser().options(path, headers=asked)
    assert (preflight.status_code, preflight["Access-Control-Allow-Origin"]) == (200, "null")


def test_it_hides_no_other_path() -> None:
    assert Browser().post("/admin", FACE).status_code == 404
    assert Browser().get("/nobody-knows").status_code == 404
    assert Browser().post("/nobody-knows", {"a": 1}, "application/json").status_code == 404
    assert Browser().post("/one/two/three", FACE).status_code == 404
    assert Browser().post("/healthz", FACE).status_code == 405


@pytest.mark.parametrize("where", ["path", "form", "header"])
def test_a_chosen_key_works_wherever_a_key_may_be(where: str, settings: Settings) -> None:
    settings.FACEHASH_KEY = OWN
    path = f"/{OWN}" if where == "path" else ""
    form = {"API_KEY": OWN} if where == "form" else {}
    headers = {"X-API-Key": OWN} if where == "header" else {}
    assert Browser().post(f"{path}/train", FACES | form, headers=headers).json()["trainingSuccess"] == 1
    for last in ("/recognize", "/recognize/", "/" if not path else ""):
        assert Browser().post(path + last, FACE | form, headers=headers).json()["foundFace"] == "paul"
    row = ApiKey.objects.get()
    assert (row.client.name, row.name) == ("facehash", "FACEAPP_FACEHASH_KEY")
    revoke_api_key(key=row)
    assert post(path or "/", **FACE, API_KEY=OWN).items() >= BAD.items()


def test_a_key_that_everybody_knows_needs_networks(settings: Settings) -> None:
    settings.FACEHASH_KEY = PAGE
    assert [problem.id for problem in check_facehash()] == ["facehash.E003"]
    assert post("/train/", **FACES, API_KEY=PAGE).items() >= BAD.items()
    settings.FACEHASH_KEY_NETWORKS = ["192.168.0.0/16", "127.0.0.1"]
    assert check_facehash() == []
    assert post("/train/", **FACES, API_KEY=PAGE)["trainingSuccess"] == 1
    assert post(f"/{PAGE}", **FACE)["foundFace"] == "paul"
    assert Browser().post(f"/{PAGE}", FACE, REMOTE_ADDR="192.0.2.1").json().items() >= BAD.items()
    settings.FACEHASH_KEY_NETWORKS = ["here"]
    assert [problem.id for problem in check_facehash()] == ["facehash.E004"]


def test_no_log_has_the_path(caplog: pytest.LogCaptureFixture, settings: Settings) -> None:
    browser = Browser()
    browser.post(f"/{OWN}/train", FACES)
    answer = browser.get("/")
    assert OWN not in caplog.text
    request = browser.post(f"/{OWN}/train", FACES).wsgi_request
    assert request.META["PATH_INFO"] == "/-" and answer.status_code == 200
