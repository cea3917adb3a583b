"""The networks themselves in batches: every row is answered as if it were alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings as django_settings
from pytest_django.fixtures import Settings

from bench.engine import load
from vision import gathering, inference
from vision.engines import engines, runtime, weights
from vision.engines.dlib_onnx import mmod
from vision.engines.onnx import yunet
from vision.engines.onnx.engine import OnnxEngine
from vision.gathering import Gatherer
from vision.inference import AnalysisOptions
from vision.tests.shared_weights import SHARED, put_in_place
from vision.types import Analysis

pytestmark = pytest.mark.models

NAMES = ("obama_1.jpg", "obama_240p.jpg", "biden_1.jpg", "rose_1.jpg", "kit_and_rose.jpg", "obama_and_biden.jpg")
NATIVE = (weights.LIBFACEDETECTION, weights.FR_FEATURE, weights.MOBILEFACENET, weights.FR_LIVENESS)
STAND_IN = "AzureExecutionProvider"  # in every wheel; it has no operations, so that the processor runs them all


@pytest.fixture(autouse=True)
def fresh_runtime() -> Iterator[None]:
    yield
    runtime.gather(None)
    runtime.device.cache_clear()


def analyses(encoded: list[bytes], *, threads: int) -> list[Analysis]:
    engine = OnnxEngine()
    options = AnalysisOptions(liveness=True)
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(threads) as pool:
        patch.setitem(engines._engines, "default", engine)
        return list(pool.map(lambda data: inference.run_engines(data, options), encoded))


def test_threads_that_gather_see_what_one_thread_sees(
    faces: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in_place(NATIVE)
    encoded = [(faces / name).read_bytes() for name in NAMES] * 2
    alone = analyses(encoded, threads=1)
    sizes: list[int] = []
    run = gathering._run
    monkeypatch.setattr(gathering, "_run", lambda batch: sizes.append(len(batch)) or run(batch))
    settings.DEVICE = STAND_IN
    runtime.device.cache_clear()
    runtime.gather(gatherer := Gatherer(images=4, seconds=0.05))
    together = analyses(encoded, threads=6)
    gatherer.close()
    assert max(sizes) > 1
    assert [len(analysis.faces) for analysis in together] == [len(analysis.faces) for analysis in alone]
    for one, other in zip(together, alone, strict=True):
        for ours, theirs in zip(one.faces, other.faces, strict=True):
            assert ours.box == theirs.box and ours.turn == theirs.turn
            [vector], [expected] = ours.embeddings.values(), theirs.embeddings.values()
            assert np.abs(np.asarray(vector) - expected).max() < 1e-5
            assert ours.liveness == pytest.approx(theirs.liveness, abs=1e-4)


def test_canvases_of_one_batch_have_the_cells_that_each_has_alone(faces: Path) -> None:
    put_in_place([weights.LIBFACEDETECTION])
    session: Any = yunet.load()._session
    canvases = np.stack([load(faces / name)[:160, :224] for name in ("obama_1.jpg", "biden_1.jpg", "rose_1.jpg")])
    together = session.run(None, {"image": canvases})
    for number, canvas in enumerate(canvases):
        for cells, alone in zip(together, session.run(None, {"image": canvas[None]}), strict=True):
            assert cells[number].shape == alone[0].shape and np.abs(cells[number] - alone[0]).max() < 1e-4


def test_mmod_finds_on_a_card_what_it_finds_in_strips(faces: Path, settings: Settings) -> None:
    """Without strips, the features left where the first network put them."""
    put_in_place([weights.DLIB_MMOD])
    image = np.ascontiguousarray(load(faces / "obama_and_biden.jpg")[::2, ::2])
    strips = mmod.load()(image)
    settings.DEVICE = STAND_IN
    runtime.device.cache_clear()
    whole = mmod.load()(image)
    assert strips and [face.box for face in whole] == [face.box for face in strips]
    assert [face.score for face in whole] == pytest.approx([face.score for face in strips], abs=1e-5)


def test_the_bench_for_cards_runs_without_the_rest_of_the_service(faces: Path, tmp_path: Path) -> None:
    put_in_place(NATIVE)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.jpg").write_bytes((faces / "obama_1.jpg").read_bytes())
    table = tmp_path / "table.json"
    options = f"--device cpu --batches 1 2 --repeats 1 --images 2 --side 320 --models {SHARED} --json {table}".split()
    command = [sys.executable, "-m", "bench.gpu", *options, "--photos", str(tmp_path / "photos")]
    done = subprocess.run(command, cwd=django_settings.BASE_DIR, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr
    assert "the whole way" in done.stdout and "process_mib" in table.read_text()
    absent = [*command[:3], "--device", "cuda"]
    refused = subprocess.run(absent, cwd=django_settings.BASE_DIR, capture_output=True, text=True, timeout=200)
    assert refused.returncode == 1 and "FACEAPP_DEVICE=cuda:0" in refused.stderr
