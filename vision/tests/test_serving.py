"""Our networks as TensorFlow Serving runs them: real models on a small server with TensorFlow, in one process.

The process compares operations, exports the models with the command, and then serves them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from django.conf import settings as django_settings
from pytest_django.fixtures import Settings

from vision.engines import engines, weights
from vision.engines.networks import trial
from vision.engines.networks.engine import NetworkEngine
from vision.engines.onnx.engine import OnnxEngine
from vision.engines.serving.engine import ServedEngine
from vision.exceptions import EmbedderUnavailable
from vision.inference import AnalysisOptions, run_engines
from vision.tests.shared_weights import put_in_place
from vision.types import Image

pytestmark = pytest.mark.models

PROGRAM = """
import django, json, sys
django.setup()
from django.core.management import call_command
from vision.tests import operations, serving_server
compared = {name: getattr(operations, name)() for name in ("differences", "refused", "untested")}
[_, models] = sys.argv
call_command("export_savedmodel", "pair128", f"{models}/pair128")
call_command("export_savedmodel", "mine", f"{models}/mine", number=7)
print(json.dumps(compared), flush=True)
serving_server.main()
"""
MINE = {
    "preset": "insightface", "file": weights.FR_FEATURE.name, "sha256": weights.FR_FEATURE.sha256, "scale": 128,
    "threshold": 0.5784, "licence": "MIT", "source": "Faceplugin",
}  # fmt: skip
PATIENCE = 120.0  # seconds, for what a server does within one or two


@dataclass(frozen=True)
class Server:
    """A running server: its endpoints, the folder of its models, and what it compared."""

    endpoints: dict[str, str]
    models: Path
    compared: dict[str, Any]

    def version(self, name: str = "pair128") -> tuple[int, list[str]]:
        """The version that is served, and those that made way."""
        answer = httpx.get(f"{self.endpoints['rest']}/v1/models/{name}", timeout=PATIENCE).json()
        return int(answer["model_version_status"][0]["version"]), answer["dropped"]

    def add(self, number: int, *, source: Path, name: str = "pair128") -> None:
        """Put a version in place in one step, and wait until it alone is served."""
        draft = self.models / name / f".draft-{number}"
        shutil.copytree(source, draft)
        before = self.version(name)[0]
        draft.rename(self.models / name / str(number))
        until = time.monotonic() + PATIENCE
        while (number, f"{name}/{before}" in self.version(name)[1]) != (self.version(name)[0], True):
            assert time.monotonic() < until, "the server did not change to the new version"
            time.sleep(0.02)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    put_in_place([weights.FR_FEATURE, weights.MOBILEFACENET])
    folder = tmp_path_factory.mktemp("serving")
    described = folder / "networks.toml"
    lines = [f"{key} = {json.dumps(value)}" for key, value in MINE.items()]
    described.write_text("\n".join(["[mine]", *lines]))
    chosen = {
        "DJANGO_SETTINGS_MODULE": "faceapp.settings", "FACEAPP_SECRET_KEY": "for one test",
        "FACEAPP_MODELS_DIR": str(django_settings.MODELS_DIR), "FACEAPP_NETWORKS": str(described),
        "FACEAPP_VAR": str(folder / "var"), "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3",
    }  # fmt: skip
    models, said = folder / "models", folder / "said"
    command = [sys.executable, "-c", PROGRAM, str(models)]
    with said.open("wb") as errors:
        process = subprocess.Popen(
            command, cwd=django_settings.BASE_DIR, env=os.environ | chosen, stdout=subprocess.PIPE, stderr=errors
        )
        try:
            assert process.stdout
            answers: list[Any] = []
            while len(answers) < 2 and (line := process.stdout.readline()):
                if line.startswith(b"{"):
                    answers.append(json.loads(line))
            assert len(answers) == 2, said.read_text()[-3000:]
            compared, ports = answers
            endpoints = {
                "rest": f"http://127.0.0.1:{ports['rest']}", "grpc": f"grpc://127.0.0.1:{ports['grpc']}",
            }  # fmt: skip
            yield Server(endpoints, models, compared)
        finally:
            process.kill()
            process.wait()


def served(settings: Settings, *endpoints: str, model: str = "pair128", **serving: Any) -> ServedEngine:
    own = MINE if model == "mine" else {}
    settings.NETWORKS = {model: {**own, "serving": {"endpoints": list(endpoints), "seconds": PATIENCE, **serving}}}
    return ServedEngine(model=model)


def chips(count: int) -> list[Image]:
    """Two people, and noise."""
    draw = np.random.default_rng(5)
    people = trial.trial_chips(OnnxEngine().cut)
    return [*people, *(draw.integers(0, 256, (112, 112, 3)).astype(np.uint8) for _ in range(count - len(people)))]


def test_operations_are_those_of_onnx_runtime(server: Server) -> None:
    assert server.compared["untested"] == []
    assert max(server.compared["differences"].values()) < 1e-4
    said = server.compared["refused"]
    assert set(said) == {"Tanh", "ceiling", "border", "automatic", "rows"} and "Tanh is not known" in said["Tanh"]


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
@pytest.mark.parametrize("model", ["pair128", "mine"])
def test_the_served_model_answers_what_ours_does(model: str, protocol: str, server: Server, settings: Settings) -> None:
    engine = served(settings, server.endpoints[protocol], model=model, batch=4)
    engine._load_model()
    assert engine._tried
    local = NetworkEngine(model="mine") if model == "mine" else OnnxEngine()
    local._load_model()
    faces = chips(9)
    ours = local._run(faces) if isinstance(local, NetworkEngine) else local._recogniser(faces)[0]  # type: ignore[misc]
    np.testing.assert_allclose(engine._ask(faces), ours, atol=1e-4)


def test_the_server_describes_the_exported_signature(server: Server) -> None:
    url = f"{server.endpoints['rest']}/v1/models/mine/metadata"
    answer = httpx.get(url, timeout=PATIENCE).json()
    signature = answer["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert answer["model_spec"]["version"] == "7"
    assert set(signature["inputs"]) == {"chips"} and set(signature["outputs"]) == {"embeddings", "space"}
    assert [dim["size"] for dim in signature["inputs"]["chips"]["tensor_shape"]["dim"]] == ["-1", "112", "112", "3"]
    assert signature["inputs"]["chips"]["dtype"] == "DT_UINT8"


def test_a_version_that_is_not_there_is_refused(server: Server, settings: Settings) -> None:
    for endpoint in server.endpoints.values():
        with pytest.raises(EmbedderUnavailable) as caught:
            engine = served(settings, endpoint, model="mine", version=6)
            engine._load_model()
            engine._ask(chips(3))
        assert caught.value.code == "engine.serving_refused"
        engine = served(settings, endpoint, model="mine", version=7)
        engine._load_model()
        assert engine._ask(chips(3)).shape == (3, 512)


def test_photographs_are_described_by_the_server(faces: Path, server: Server, settings: Settings) -> None:
    """The whole way of an image, with the served model as the default engine; the space is that of our own."""
    put_in_place([weights.LIBFACEDETECTION])
    settings.NETWORKS = {"pair128": {"serving": {"endpoints": list(server.endpoints.values())}}}
    data = (faces / "obama_and_biden_2.jpg").read_bytes()
    found = {}
    for backend, options in {
        "vision.engines.serving.engine.ServedEngine": {"model": "pair128"},
        "vision.engines.onnx.engine.OnnxEngine": {},
    }.items():
        settings.FACE_ENGINES = {"default": {"BACKEND": backend, "OPTIONS": options}}
        engines.reset()
        found[backend] = run_engines(data, AnalysisOptions()).faces
        assert weights.MOBILEFACENET in engines["default"].files() or "serving" in backend
    engines.reset()
    theirs, ours = found.values()
    assert len(ours) == len(theirs) >= 2
    for one, other in zip(theirs, ours, strict=True):
        assert one.box == other.box and list(one.embeddings) == list(other.embeddings)
        for vector, expected in zip(one.embeddings.values(), other.embeddings.values(), strict=True):
            np.testing.assert_allclose(vector, expected, atol=1e-4)


def test_a_new_version_takes_over_without_a_failed_call(server: Server, settings: Settings) -> None:
    """Callers over both protocols while a version appears; each answer is compared with ours."""
    first, _ = server.version()
    both = [served(settings, endpoint) for endpoint in server.endpoints.values()]
    for engine in both:
        engine._load_model()
    ours = OnnxEngine()
    ours._load_model()
    faces = chips(3)
    expected = ours._recogniser(faces)[0]  # type: ignore[misc]
    phase, calls, stop = ["before"], Counter[str](), threading.Event()

    def call(engine: ServedEngine) -> None:
        while not stop.wait(0.02):
            started = phase[0]
            np.testing.assert_allclose(engine._ask(faces), expected, atol=1e-4)
            calls[started] += 1

    def wait_for(more: int) -> None:
        seen, until = calls[phase[0]], time.monotonic() + PATIENCE
        while calls[phase[0]] < seen + more and not any(caller.done() for caller in callers):
            assert time.monotonic() < until
            time.sleep(0.01)

    with ThreadPoolExecutor(4) as pool:
        callers = [pool.submit(call, engine) for engine in both * 2]
        try:
            wait_for(8)
            phase[0] = "during"
            wait_for(1)
            server.add(first + 1, source=server.models / "pair128" / str(first))
            phase[0] = "after"
            wait_for(8)
        finally:
            stop.set()
        for caller in callers:
            caller.result(PATIENCE)
    assert calls["before"] >= 8 and calls["after"] >= 8 and calls["during"] >= 1


def test_a_version_of_another_space_is_refused(server: Server, settings: Settings) -> None:
    """Faces of a network cannot be compared with those of another, however new it is."""
    current, _ = server.version()
    both = [served(settings, endpoint) for endpoint in server.endpoints.values()]
    for engine in both:
        engine._load_model()
    server.add(current + 1, source=server.models / "mine" / "7")
    for engine in both:
        with pytest.raises(EmbedderUnavailable, match="cannot be compared") as caught:
            engine._ask(chips(3))
        assert caught.value.code == "engine.serving_space"
