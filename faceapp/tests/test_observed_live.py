"""One request as operators see it: in the answer, in the logs of web and worker, and in the metrics."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from typing import Any

import pytest
import requests

from faceapp.tests.live_stack import LiveStack, eventually
from recognition.tests.photographs import reduced

pytestmark = pytest.mark.models
# TensorFlow's own lines, which no logger of Python's sees.
OF_COMPILED_CODE = re.compile(
    r"WARNING: All log messages before absl|[IWEF]\d{4}|\d{4}-\d\d-\d\d [\d:.]+: [IWEF] |To enable "
)
PROGRAMS = ("web", "worker", "express", "maintenance", "trainer", "beat")


@pytest.fixture
def key(live: LiveStack) -> str:
    return live.manage("create_api_key", "observed", "--scopes", "all").stdout.strip()


def test_an_id_goes_from_the_caller_through_web_and_worker(live: LiveStack, key: str, faces: Path) -> None:
    sent = f"live-{uuid.uuid4()}"
    headers, photograph = {"X-API-Key": key, "X-Request-ID": sent}, ("a.jpg", reduced(faces / "obama_1.jpg"))
    for path, field in (("detect/detect-face?name=Jane", "image"), ("process/process-images", "images")):
        answer = requests.post(f"{live.url}/api/v1/{path}", files={field: photograph}, headers=headers, timeout=60)
        assert (answer.ok, answer.headers["X-Request-ID"]) == (True, sent), answer.text

    def caused(*programs: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in live.logged(*programs) if sent in line]

    tasks = {"vision.tasks.analyse_image", "recognition.tasks.process_images"}
    assert eventually(lambda: len(caused("worker", "express")) >= 2 and len(caused("web")) >= 2)
    assert {line["request_id"] for line in caused(*PROGRAMS)} == {sent}
    for line in caused("worker", "express"):
        done = re.fullmatch(r"Task ([\w.]+)\[(.+)\] succeeded in [\d.e-]+s", line["message"])
        assert done and done[2] == line["task_id"]
        tasks.remove(done[1])
    assert not tasks
    accesses = caused("web")
    assert [(line["method"], line["path"], line["route"], line["status"]) for line in accesses] == [
        ("POST", "/api/v1/detect/detect-face", "detect-detect-face", 200),
        ("POST", "/api/v1/process/process-images", "process-process-images", 200),
    ]
    assert {line["key"] for line in accesses} == {key.partition(".")[0]}
    assert all(line["milliseconds"] > 0 and line["bytes"] > 0 and line["client"] for line in accesses)


def test_each_program_writes_one_object_a_line(live: LiveStack) -> None:
    lines = [line for line in live.logged(*PROGRAMS) if not OF_COMPILED_CODE.match(line)]
    assert lines and [line for line in lines if not line.startswith("{")] == []
    assert all({"time", "level", "logger", "message"} <= set(json.loads(line)) for line in lines)


def test_what_all_processes_counted_is_scraped_from_any(live: LiveStack, key: str, faces: Path) -> None:
    files, url = {"image": ("a.jpg", reduced(faces / "obama_1.jpg"))}, f"{live.url}/api/v1/detect/detect-face"
    for _ in range(4):  # to either process of the web server
        assert requests.post(url, files=files, headers={"X-API-Key": key}, timeout=60).ok

    def scraped() -> dict[str, float]:
        bearer = {"Authorization": f"Bearer {live.environment['FACEAPP_METRICS_KEY']}"}
        text = requests.get(f"{live.url}/metrics", headers=bearer, timeout=60).text
        rows = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in rows}

    web = 'faceapp_http_requests_total{method="POST",route="detect-detect-face",status="200"}'
    worker = 'faceapp_images_total{outcome="ok"}'
    sweep = 'faceapp_task_last_success_timestamp_seconds{task="work.tasks.sweep"}'
    assert eventually(lambda: all(scraped().get(name, 0) >= 4 for name in (web, worker, sweep)))
    assert {name: value for name, value in scraped().items() if name.startswith("faceapp_up")} == {
        f'faceapp_up{{part="{part}"}}': 1.0 for part in ("queue", "database", "service")
    }
    assert eventually(lambda: len({scraped()[web] for _ in range(8)}) == 1)  # whichever process answers
