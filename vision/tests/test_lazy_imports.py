"""What is imported when, in clean interpreters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from vision.engines import weights
from vision.engines.deepface import DeepFaceEngine
from vision.engines.onnx.engine import OnnxEngine
from vision.tests.shared_weights import put_in_place

NAMES = "cv2 deepface dlib keras matplotlib mtcnn onnx onnxruntime tensorflow tf_keras torch"
LIBRARIES = str(set(NAMES.split()))
LOADED = f"print(__import__('json').dumps(sorted({LIBRARIES} & set(__import__('sys').modules))))"


def run(code: str, **environment: str) -> list[str]:
    """The JSON that `code` prints last, in a fresh interpreter with the service's own settings."""
    chosen = {"DJANGO_SETTINGS_MODULE": "faceapp.settings", "FACEAPP_SECRET_KEY": "for one test"} | environment
    command = [sys.executable, "-c", code]
    answer = subprocess.run(
        command, cwd=settings.BASE_DIR, env=os.environ | chosen, capture_output=True, text=True, timeout=240
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    return json.loads(answer.stdout.splitlines()[-1])


def test_a_web_process_loads_no_model_library() -> None:
    code = f"""
import faceapp.wsgi
from django.urls import get_resolver
list(get_resolver().url_patterns)
from vision.engines import check_names, engines
assert engines.spaces()
check_names(model="pair128", detector="mtcnn", metric="cosine")
{LOADED}
"""
    assert run(code) == []


def test_building_engines_and_asking_servers_loads_no_model_library(tmp_path: Path) -> None:
    described = tmp_path / "networks.toml"
    described.write_text('[pair128.serving]\nendpoints = ["http://127.0.0.1:1", "grpc://127.0.0.1:1"]\n')
    code = f"""
import django
django.setup()
from vision.engines.deepface import DeepFaceEngine
from vision.engines.detectors import DETECTORS
from vision.engines.onnx.engine import RECOGNISERS, OnnxEngine
from vision.engines.spaces import MODELS, OF_DEEPFACE
names = [DeepFaceEngine(model=model, detector=detector).space.name for model in OF_DEEPFACE for detector in DETECTORS]
names += [OnnxEngine(recogniser=name, detector=detector).space.name for name in RECOGNISERS for detector in DETECTORS]
assert len(set(names)) == len(MODELS)
from vision.engines import engines
from vision.engines.serving import export, messages
from vision.management.commands import export_savedmodel
engine = engines["default"]
assert type(engine).__name__ == "ServedEngine" and engine.space.name.startswith("pair128.")
replicas = [engine._connect(endpoint) for endpoint in engine.served.endpoints]
assert b"\x1a\x01s" in messages.request(model="m", version=None, signature="s", inputs=dict())
assert messages.outputs(b"") == dict()
{LOADED}
"""
    assert run(code, FACEAPP_NETWORKS=str(described)) == []


@pytest.fixture
def models_dir() -> Path:
    put_in_place([*OnnxEngine().files(), *DeepFaceEngine().files()])
    return Path(settings.MODELS_DIR)


@pytest.mark.models
def test_the_default_engine_works_without_deepface_and_tensorflow(models_dir: Path) -> None:
    code = f"""
import django
django.setup()
import numpy
from vision.engines import engines
engines.load()
image = numpy.zeros((200, 200, 3), numpy.uint8)
from vision.types import Box, Detection
assert engines["default"].detect(image) == []
assert engines["default"].embed(image, [Detection(Box(20, 20, 100, 100), 1.0)]).shape == (1, 128)
{LOADED}
"""
    loaded = run(
        code, FACEAPP_MODELS_DIR=str(models_dir), FACEAPP_ANTISPOOF_MODEL="/nowhere.onnx"
    )  # FasNet is DeepFace's
    assert set(loaded) - {"onnx"} == {"cv2", "dlib", "onnxruntime"}  # onnx builds a graph that is not kept yet


@pytest.mark.models
@pytest.mark.usefixtures("real_faces")
def test_mtcnn_works_in_the_child_of_a_prefork_pool_and_stays_out_of_the_parent(models_dir: Path) -> None:
    code = f"""
import django, json, sys
django.setup()
from billiard.pool import Pool
from bench.engine import GROUPS, PHOTOS, decide, labelled
from vision.apps import load_engines

def accuracy(_):
    from vision.engines import engines
    engine = engines["default"]
    def describe(image):
        found = engine.detect(image, detector="mtcnn")
        boxes = [(d.box.x, d.box.y, d.box.w, d.box.h) for d in found]
        return list(zip(boxes, engine.embed(image, found)))
    result = decide(labelled(PHOTOS, describe), engine.space.thresholds["euclidean"])
    return result.missed, result.false_matches, result.false_non_matches

with Pool(1, initializer=load_engines) as pool:
    answer = pool.map_async(accuracy, [0]).get(timeout=200)[0]
assert not {LIBRARIES} & set(sys.modules)
print(json.dumps(answer))
"""
    assert run(code, FACEAPP_MODELS_DIR=str(models_dir)) == [0, 0, 0]


def test_the_weights_folder_follows_the_setting(settings: settings, tmp_path: Path) -> None:  # type: ignore[valid-type]
    settings.MODELS_DIR = tmp_path
    assert weights.DLIB_RESNET.path == tmp_path / ".deepface" / "weights" / weights.DLIB_RESNET.name
