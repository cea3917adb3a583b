"""Parts of the running service are killed in the middle of a job; the job completes and each result is stored once."""

from __future__ import annotations

import time
from typing import Any

import psutil
import pytest
import requests

from faceapp.tests.live_stack import LiveStack
from recognition.tests.contract_api import Api, data_url

pytestmark = [pytest.mark.models, pytest.mark.timeout(300)]

IMAGES = 24
BACKLOG = 50  # images
PATIENCE = 180  # seconds


def submit(api: Api, photo: bytes, count: int) -> str:
    response = api.call(
        "POST",
        "/api/v1/process/process-images?async=true",
        json={"images": [data_url(photo)] * count},
    )
    assert response.status_code == 202, response.text
    assert response.headers["Location"] == response.json()["url"]
    return str(response.json()["id"])


def progress(api: Api, job: str) -> dict[str, Any]:
    """The job as it stands."""
    return answered(api, f"/api/v1/jobs/{job}/")


def answered(api: Api, path: str) -> dict[str, Any]:
    """The answer; while the database restarts either web process answers 503, and we ask again."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            response = api.get(path)
        except requests.ConnectionError:
            continue
        if response.status_code == 200:
            return dict(response.json())
        assert response.status_code == 503, response.text
        assert response.headers["Retry-After"]
        time.sleep(0.2)
    raise AssertionError("the service did not come back")


def wait_until(api: Api, job: str, done: int) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while (state := progress(api, job))["done"] < done:
        assert time.monotonic() < deadline, state
        time.sleep(0.2)
    return state


def worker_child(live: LiveStack) -> psutil.Process:
    """One of the processes that run tasks."""
    return live.program("worker").children()[0]


def victim(live: LiveStack, name: str) -> list[psutil.Process]:
    if name == "child":
        return [worker_child(live)]
    program = live.program(name)
    return [program, *program.children(recursive=True)] if name == "worker" else [program]


@pytest.mark.parametrize("name", ["child", "worker", "postgres", "redis"])
def test_job_survives_kill_9(api: Api, live: LiveStack, photos: dict[str, bytes], name: str) -> None:
    assert api.enlist("Listed", photos["S1"]).status_code == 201
    job = submit(api, photos["small"], IMAGES)
    wait_until(api, job, done=3)
    for process in victim(live, name):
        process.kill()
    state = wait_until(api, job, done=IMAGES)
    assert (state["status"], state["total"], state["failed"]) == ("done", IMAGES, 0)
    results = answered(api, f"/api/v1/jobs/{job}/results/?limit=100")["items"]
    assert [len(result["faces"]) for result in results] == [1] * IMAGES
    assert all(len(result["faces"][0]["blacklist_matches"]) == 1 for result in results)
    assert answered(api, "/api/v1/processed-images/")["total_items"] == IMAGES


def test_interactive_calls_overtake_a_backlog(api: Api, photos: dict[str, bytes]) -> None:
    job = submit(api, photos["large"], BACKLOG)
    wait_until(api, job, done=1)
    assert len(api.detect(photos["V"]).json()) == 1
    [result] = api.process(photos["V"]).json()
    assert len(result["faces"]) == 1
    state = progress(api, job)
    assert state["done"] < BACKLOG - 10, "the call waited for the backlog"
    assert api.call("POST", f"/api/v1/jobs/{job}/cancel/").json()["status"] == "cancelled"


def test_web_processes_load_no_model_library(live: LiveStack, api: Api, photos: dict[str, bytes]) -> None:
    """What the operating system maps into the web server's processes, after they have served real calls."""
    api.process(photos["V"])
    web = live.program("web")
    libraries = ("tensorflow", "onnxruntime", "dlib", "cv2", "deepface", "keras", "torch")
    for process in [web, *web.children(recursive=True)]:
        mapped = {name for file in process.memory_maps() for name in libraries if name in file.path.lower()}
        assert mapped == set(), process
    assert any("onnxruntime" in file.path.lower() for file in worker_child(live).memory_maps())
