"""A service whose worker gathers: detection, comparison and a job through one process of threads."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from faceapp_client import FaceApp, InvalidInput

from faceapp.tests import clusters
from faceapp.tests.live_stack import LiveStack, running_stack
from vision.engines.devices import ON_PROCESSOR

pytestmark = pytest.mark.models

STAND_IN = "AzureExecutionProvider"  # in every wheel; it has no operations, so that the processor runs them all


@pytest.fixture(scope="module")
def gathering(cluster: Path | None) -> Iterator[LiveStack]:
    """As on a card: batches, because the device is not the processor."""
    with tempfile.TemporaryDirectory(prefix="faceapp-gathering-") as folder:
        Path(folder).chmod(0o711)
        environment = {"FACEAPP_DEVICE": STAND_IN, "FACEAPP_WORKER_CONCURRENCY": "6"}
        if cluster:
            clusters.put_in_place(cluster, Path(folder) / "var")
        with running_stack(LiveStack(Path(folder) / "var", environment)) as stack:
            yield stack


@pytest.fixture
def service(gathering: LiveStack) -> Iterator[FaceApp]:
    with FaceApp(gathering.url, gathering.api_key) as client:
        yield client


def test_one_process_loads_the_engines_and_says_where_they_run(gathering: LiveStack, service: FaceApp) -> None:
    assert f"Networks run on {STAND_IN}." in gathering.output
    worker = gathering.program("app:worker")
    assert "--pool=threads" in worker.cmdline() and not worker.children()
    assert any("onnxruntime" in mapped.path for mapped in worker.memory_maps())
    engines = requests.get(f"{gathering.url}/api/v1/engines/", headers={"X-API-Key": gathering.api_key}, timeout=60)
    assert {engine["device"] for engine in engines.json()["engines"]} == {STAND_IN}


def test_callers_and_a_job_are_answered_at_the_same_time(service: FaceApp, faces: Path) -> None:
    obama, another, other = ((faces / name).read_bytes() for name in ("obama_1.jpg", "obama_2.jpg", "biden_1.jpg"))
    job = service.screening.submit([obama, other, b"no image", another] * 4)
    with ThreadPoolExecutor(4) as callers:
        found = list(callers.map(service.detect, [obama, other, another, obama]))
        same, different, broken = service.compare(obama, [another, other, b"no image"]).results
    assert [len(answer) for answer in found] == [1, 1, 1, 1]
    assert same.matches and not different.matches
    assert broken.error and broken.error.code == "image.not_an_image"
    results = service.screening.wait(job)
    assert [result.status for result in results] == ["done", "done", "failed", "done"] * 4
    assert all(len(result.faces) == 1 and result.faces[0].liveness is not None for result in results[::4])
    areas = [result.faces[0].facial_area for result in results[::4]] + [found[0][0].facial_area]
    assert len({(area.x, area.y, area.w, area.h) for area in areas}) == 1


def test_a_bad_image_is_refused_as_by_every_worker(service: FaceApp) -> None:
    with pytest.raises(InvalidInput) as refused:
        service.detect(b"\xff\xd8\xff\xe0 no more than the beginning")
    assert refused.value.code == "image.truncated"


def test_a_device_that_is_not_here_stops_the_start(gathering: LiveStack) -> None:
    gathering.environment = {**gathering.environment, "FACEAPP_DEVICE": "cuda:1"}
    refused = gathering.manage("up", check=False)
    gathering.environment = {**gathering.environment, "FACEAPP_DEVICE": STAND_IN}
    assert refused.returncode == 1 and "FACEAPP_DEVICE=cuda:1" in refused.stderr and ON_PROCESSOR in refused.stderr
