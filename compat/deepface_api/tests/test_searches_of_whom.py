"""`/search` is DeepFace's and eKYC's: what is looked at to tell whose a call is."""

from __future__ import annotations

import pytest
from django.http import HttpRequest
from django.test import Client as Browser
from pytest_django.fixtures import Settings

from compat.deepface_api import urls

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("headers", "anonymous", "is_read"),
    [
        ({}, "", False),
        ({"Authorization": "Bearer wrong"}, "", False),
        ({"X-API-Key": "wrong"}, "", True),
        ({}, "deepface", True),
    ],
)
def test_bodies_of_callers_whom_nobody_serves_are_not_read(
    headers: dict[str, str], anonymous: str, is_read: bool, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def has_field(request: HttpRequest, name: str) -> bool:
        asked.append(name)
        return name == "img"

    monkeypatch.setattr(urls, "has_field", has_field)
    settings.DEEPFACE_API_CLIENT = anonymous
    answer = Browser().post("/search", {"img": "x"}, content_type="application/json", headers=headers)
    assert (answer.status_code, bool(asked)) == (401, is_read)
