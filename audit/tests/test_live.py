"""The audit of the running service: a caller travels to the worker, and rows are sealed by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from faceapp.tests.live_stack import LiveStack, eventually
from recognition.tests.photographs import reduced

pytestmark = pytest.mark.models


def test_what_a_worker_does_for_a_caller_is_sealed_as_the_callers(live: LiveStack, faces: Path) -> None:
    scopes = ("--scopes", "screen", "audit:read")
    key = live.manage("create_api_key", "audited", *scopes).stdout.strip()
    headers = {"X-API-Key": key, "X-Request-ID": "audited-call"}
    files = {"images": ("a.jpg", reduced(faces / "obama_1.jpg"))}
    answer = requests.post(f"{live.url}/api/v1/process/process-images", files=files, headers=headers, timeout=60)
    assert answer.ok, answer.text
    rows = requests.get(f"{live.url}/api/v1/audit/?action=screen", headers=headers, timeout=60).json()["items"]
    asked = {(row["actor_kind"], row["actor"], row["address"], row["request_id"]) for row in rows}
    assert len(rows) == 2 and asked == {("key", key.partition(".")[0], "127.0.0.1", "audited-call")}
    made, *_ = requests.get(f"{live.url}/api/v1/audit/?action=key_made", headers=headers, timeout=60).json()["items"]
    assert (made["actor_kind"], made["actor"]) == ("command", "create_api_key")

    def sealed() -> int:
        export = requests.get(f"{live.url}/api/v1/audit/export/", headers=headers, timeout=60).text
        return export.count('"action":"screen"')

    assert eventually(lambda: sealed() == 2)
    assert "The audit is intact." in live.manage("verify_audit", "--client", "audited").stdout
