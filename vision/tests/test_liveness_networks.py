"""The networks of the passive score on real weights: batches, crops, turned photographs, damaged files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from pytest_django.fixtures import Settings

from vision.engines import liveness, weights
from vision.engines.liveness import BATCH, FasNet, FrLiveness, Presence, crop_around
from vision.engines.onnx.liveness import liveness_graph
from vision.exceptions import EngineUnavailable
from vision.images import decode
from vision.tests.shared_weights import put_fasnet_in_place, put_in_place
from vision.types import Box, Detection, Image

FACES = {"real_1": Box(40, 60, 120, 150), "fake_1": Box(-10, 5, 90, 90), "fake_2": Box(0, 0, 5000, 5000)}


@pytest.fixture(params=liveness.NAMES)
def network(request: pytest.FixtureRequest, settings: Settings) -> Presence:
    if request.param == "fasnet":
        put_fasnet_in_place()
    else:
        put_in_place([weights.FR_LIVENESS])
    settings.ANTISPOOF = request.param
    assert liveness.in_place()
    return liveness.build()


def noise(height: int, width: int) -> Image:
    return np.random.default_rng(height).integers(0, 255, (height, width, 3)).astype(np.uint8)


def faces_in(count: int) -> list[Detection]:
    rng = np.random.default_rng(count)
    return [Detection(Box(*(int(v) for v in rng.integers([0, 0, 10, 10], [300, 200, 90, 120]))), 1.0)
            for _ in range(count)]  # fmt: skip


@pytest.mark.parametrize("box", [*FACES.values(), Box(90, 40, 0, 0), Box(299, 199, 40, 40), Box(10, 10, 30, 20)])
@pytest.mark.parametrize("scale", liveness.FASNET_SCALES)
def test_crops_are_those_that_the_networks_were_trained_with(box: Box, scale: float) -> None:
    crop: Any = pytest.importorskip("deepface.models.spoofing.FasNetUtils").crop
    image = noise(200, 300)
    around = (box.x, box.y, max(box.w, 1), max(box.h, 1))
    np.testing.assert_array_equal(
        crop_around(image, Detection(box, 1.0), scale, 80), crop(image, around, scale, 80, 80)
    )


@pytest.mark.parametrize("shape", [(1, 1), (1, 20_000), (20_000, 1), (60, 100)])
@pytest.mark.parametrize("box", [Box(0, 0, 1, 1), Box(-5, -5, 400, 400), Box(0, 0, 0, 0)])
def test_every_picture_has_a_crop(shape: tuple[int, int], box: Box) -> None:
    assert crop_around(noise(*shape), Detection(box, 1.0), 2.7, 128).shape == (128, 128, 3)


@pytest.mark.parametrize("content", [b"", b"no network", b"\x08\x08"])
def test_a_file_that_is_no_network_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):
        liveness_graph(content)


def test_a_damaged_file_is_named(settings: Settings, tmp_path: Path) -> None:
    settings.MODELS_DIR = tmp_path
    weights.folder().mkdir(parents=True, exist_ok=True)
    for file in (weights.FR_LIVENESS, *weights.FASNET):
        file.path.write_bytes(b"no network")
    for build, name in ((FrLiveness, "fr_liveness"), (FasNet, "MiniFASNetV2")):
        with pytest.raises(EngineUnavailable, match=name) as refusal:
            build()
        assert refusal.value.code == "engine.weights_broken"


@pytest.mark.models
def test_a_batch_answers_as_single_runs_do(network: Presence) -> None:
    image = noise(300, 400)
    faces = faces_in(BATCH + 5)
    single = [network.live(image, [face])[0] for face in faces]
    np.testing.assert_allclose(network.live(image, faces), single, atol=1e-5)
    assert network.live(image, []) == []


@pytest.mark.models
def test_the_graph_answers_as_the_published_file() -> None:
    put_in_place([weights.FR_LIVENESS])
    content = weights.FR_LIVENESS.path.read_bytes()
    crops = noise(128, 128)[None]
    [logits] = onnxruntime.InferenceSession(content).run(
        None, {"input": crops[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32)}
    )
    expected = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    graph = onnxruntime.InferenceSession(liveness_graph(content))
    np.testing.assert_allclose(graph.run(None, {"crops": crops})[0], expected, atol=1e-6)


@pytest.mark.models
def test_a_turned_photograph_scores_as_the_upright_one(network: Presence, faces: Path) -> None:
    image = decode((faces / "rose_1.jpg").read_bytes())
    height, width = image.shape[:2]
    box = Box(width // 3, height // 4, width // 3, height // 3)
    [upright] = network.live(image, [Detection(box, 1.0)])
    on_its_side = np.ascontiguousarray(np.rot90(image))  # turned clockwise by 90 degrees it is upright again
    turned = Box(box.y, width - box.x - box.w, box.h, box.w)
    [score] = network.live(on_its_side, [Detection(turned, 1.0, turn=90)])
    assert score == pytest.approx(upright, abs=0.02)


@pytest.mark.models
def test_fasnet_answers_as_deepface_runs_it(faces: Path) -> None:
    put_fasnet_in_place()
    utils: Any = pytest.importorskip("deepface.models.spoofing.FasNetUtils")
    image = decode((faces / "obama_1.jpg").read_bytes())
    box = Box(image.shape[1] // 3, image.shape[0] // 4, 200, 220)
    answers = []
    for file, scale in zip(weights.FASNET, liveness.FASNET_SCALES, strict=True):
        session = onnxruntime.InferenceSession(file.path)
        crop = utils.crop(np.ascontiguousarray(image[:, :, ::-1]), (box.x, box.y, box.w, box.h), scale, 80, 80)
        answers.append(session.run(None, {session.get_inputs()[0].name: crop[None].astype(np.float32)})[0][0, 1])
    assert FasNet().live(image, [Detection(box, 1.0)]) == [pytest.approx(np.mean(answers), abs=1e-6)]
