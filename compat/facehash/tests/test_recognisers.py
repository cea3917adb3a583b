"""A gallery that grew large enough gets a classifier, trained with real weights next to the running service."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests

from compat.facehash.tests.wire import Page

pytestmark = pytest.mark.models

UNFINISHED = {"queued", "training"}


def versions(page: Page) -> list[dict[str, Any]]:
    source = f"FaceHash {str(page.key).partition('.')[0]}"
    answer = requests.get(
        f"{page.url}/api/v1/recognisers/", {"source": source}, headers={"X-API-Key": str(page.key)}, timeout=60
    )
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def test_a_classifier_is_trained_judged_and_used(
    page: Page, p12: list[bytes], q12: list[bytes], photos: dict[str, bytes]
) -> None:
    page.train("paul", *p12[:6])
    assert versions(page) == []  # nobody to tell paul from
    page.train("quinn", *q12[:6])
    deadline = time.monotonic() + 240  # at low priority, beside other tests
    assert page.who(photos["Px"])["foundFace"] == "paul"  # meanwhile
    while (version := versions(page)[0])["status"] in UNFINISHED:
        assert time.monotonic() < deadline
        time.sleep(1)
    assert (version["status"], version["is_active"], version["error"]) == ("ready", True, "")
    assert version["metrics"]["accuracy"] >= version["metrics"]["nearest_accuracy"]
    said = [page.who(photos[name])["foundFace"] for name in ("Px", "Qx", "R", "B")]
    assert said == ["paul", "quinn", "NOT FOUND", "NOT FOUND"]
