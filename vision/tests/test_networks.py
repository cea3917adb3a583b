"""Networks that a deployment describes: what they see of a face, computed by hand, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from vision.alignment import ARCFACE_POINTS
from vision.checks import check_engines, check_licences, check_networks
from vision.engines import check_names, engines, runtime, weights
from vision.engines.cards import NOT_MEASURED, known_cards
from vision.engines.networks import graph, trial
from vision.engines.networks.described import network_called
from vision.engines.networks.engine import NetworkEngine
from vision.engines.networks.pixels import prepared
from vision.engines.onnx.engine import OnnxEngine
from vision.engines.spaces import space_of
from vision.exceptions import EngineUnavailable
from vision.tests.networks import cells_network, installed, means_of_cells
from vision.tests.shared_weights import put_in_place
from vision.types import Box, Detection, Image, Landmarks

TURN = np.array([[1.5, -0.9], [0.9, 1.5]])  # of the photograph against the template: 31 degrees, 1.75 times the size
SHIFT = np.array([160.0, 40.0])
CORNERS = np.array([[[200, 40, 90], [20, 180, 60]], [[70, 110, 230], [240, 220, 30]]], np.uint8)


@pytest.fixture(autouse=True)
def own_folder(settings: Settings, tmp_path: Path) -> Iterator[None]:
    settings.MODELS_DIR = tmp_path
    engines.reset()
    yield
    engines.reset()


@pytest.fixture
def untried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks whose answers can be computed by hand do not know people."""
    monkeypatch.setattr(trial, "require_faces_told_apart", lambda **_: None)


def loaded(settings: Settings, content: bytes, **entry: Any) -> NetworkEngine:
    settings.NETWORKS = installed("mine", content, **entry)
    engine = NetworkEngine(model="mine")
    engine._load_model()
    return engine


def noise(size: tuple[int, int] = (112, 112), *, count: int = 3) -> list[Image]:
    draw = np.random.default_rng(7)
    base = draw.integers(0, 256, (count, 4, 4, 3))
    return [np.kron(one, np.ones((size[1] // 4, size[0] // 4, 1))).astype(np.uint8) for one in base]


def photograph() -> tuple[Image, Detection]:
    """A turned face whose corners have four colours, seen from the middle of the template, and where it lies."""
    height, width = 480, 480
    rows, columns = np.mgrid[0:height, 0:width]
    places = np.stack([columns, rows], axis=-1) - SHIFT
    in_chip = places @ np.linalg.inv(TURN).T
    right, low = (in_chip[..., 0] >= 55.5).astype(int), (in_chip[..., 1] >= 55.5).astype(int)
    points = ARCFACE_POINTS @ TURN.T + SHIFT
    names = ("right_eye", "left_eye", "nose", "mouth_right", "mouth_left")
    marks = Landmarks(**{name: (float(x), float(y)) for name, (x, y) in zip(names, points, strict=True)})
    return CORNERS[low, right], Detection(Box(100, 100, 200, 200), 1.0, marks)


def unit(values: Any) -> Any:
    flat = np.asarray(values, np.float64).ravel()
    return flat / np.linalg.norm(flat)


BGR = {"colours": "bgr", "mean": [10, 20, 30], "scale": [2, 4, 8]}


@pytest.mark.parametrize(
    ("shape", "entry", "seen"),
    [
        ({}, {}, lambda rgb: (rgb - 127.5) / 127.5),
        ({"batch": 1}, {"mean": 0, "scale": 1}, lambda rgb: rgb),
        ({"opset": 18}, BGR, lambda rgb: (rgb[..., ::-1] - [10, 20, 30]) / [2, 4, 8]),
        (
            {"layout": "nhwc", "size": (160, 160), "dimensions": 128},
            {"preset": "facenet", "dimensions": 128},
            lambda rgb: (rgb - 127.5) / 128,
        ),
        ({"layout": "nhwc"}, {"layout": "nhwc", "whiten": True}, lambda rgb: (rgb - rgb.mean()) / rgb.std()),
        ({"bias": 3.0, "opset": 18}, {"whiten": True}, lambda rgb: (rgb - rgb.mean()) / rgb.std() + 3),
    ],
    ids=["insightface", "one at a time", "bgr", "facenet", "whitened nhwc", "whitened"],
)
def test_colours_and_normalisation_are_as_described(
    shape: dict[str, Any], entry: dict[str, Any], seen: Any, settings: Settings, untried: None
) -> None:
    engine = loaded(settings, cells_network(**shape), **entry)
    chips = noise(shape.get("size", (112, 112)), count=5)
    answers = engine._run(chips)
    assert answers.shape == (5, engine.space.dimensions)
    for chip, answer in zip(chips, answers, strict=True):
        expected = unit(seen(means_of_cells(chip)).transpose(2, 0, 1))  # channel by channel
        np.testing.assert_allclose(answer[:48], expected, atol=1e-5)
        assert not answer[48:].any()


@pytest.mark.parametrize("how", [{}, BGR, {"whiten": True}, {"layout": "nhwc", "mean": [1, 2, 3]}])
def test_what_is_sent_to_foreign_servers_is_what_the_graph_computes(how: dict[str, Any], settings: Settings) -> None:
    """By the same cells, in another way: numpy prepares the chips here."""
    settings.NETWORKS = installed("mine", cells_network(layout=how.get("layout", "nchw")), **how)
    described = network_called("mine")
    assert described
    session = runtime.open_session(graph.build(described))
    chips = [*noise(), np.full((112, 112, 3), 9, np.uint8)]
    for chip, row in zip(chips, session.run(None, {"chips": np.stack(chips)})[0], strict=True):
        [seen] = prepared([chip], described.preprocessing)
        planes = seen if described.preprocessing.layout == "nhwc" else seen.transpose(1, 2, 0)
        means = means_of_cells(planes).transpose(2, 0, 1).ravel()
        np.testing.assert_allclose(row[:48] * np.linalg.norm(means), means, atol=2e-3)


@pytest.mark.parametrize("size", [112, 224])
def test_a_turned_face_is_cut_out_upright(size: int, settings: Settings, untried: None) -> None:
    engine = loaded(settings, cells_network(size=(size, size)), size=[size, size], mean=0, scale=1)
    image, face = photograph()
    [chip] = engine.cut(image, [face])
    middles = means_of_cells(chip)[[[0, 0], [3, 3]], [[0, 3], [0, 3]]]  # the outer cells show one colour each
    np.testing.assert_allclose(middles, CORNERS, atol=1)
    [answer] = engine._run([chip])
    np.testing.assert_allclose(answer[:48], unit(means_of_cells(chip).transpose(2, 0, 1)), atol=1e-5)


def test_a_template_of_its_own_puts_the_points_there(settings: Settings, untried: None) -> None:
    """The face stands 16 pixels further to the right and 8 lower in this chip than in ArcFace's."""
    own = [[float(x) + 16, float(y) + 8] for x, y in ARCFACE_POINTS]
    content = cells_network(size=(144, 128))
    engine = loaded(settings, content, size=[144, 128], template=own, mean=0, scale=1)
    image, face = photograph()
    [chip] = engine.cut(image, [face])
    assert chip.shape == (128, 144, 3)
    for (x, y), colour in zip([(60, 50), (84, 50), (60, 76), (84, 76)], CORNERS.reshape(4, 3), strict=True):
        np.testing.assert_allclose(chip[y, x], colour, atol=1)
    plain = installed("mine", content, size=[144, 144])
    settings.NETWORKS = plain | {"other": plain["mine"] | {"template": own}}
    assert space_of("mine").name != space_of("other").name


def test_the_name_of_a_space_tells_how_faces_are_seen(settings: Settings) -> None:
    entry = installed("mine", cells_network())["mine"]
    changes = [{}, {"colours": "bgr"}, {"mean": 127}, {"whiten": True}, {"layout": "nhwc"}, {"sha256": "0" * 64}]
    settings.NETWORKS = {f"n{number}": {**entry, **change} for number, change in enumerate(changes)}
    labels = {space_of(name).name.partition(".")[2] for name in settings.NETWORKS}
    assert len(labels) == len(changes)
    assert all(space_of(name).dimensions == 512 for name in settings.NETWORKS)


@pytest.mark.parametrize(
    ("shape", "entry", "reason"),
    [
        ({"size": (96, 96)}, {}, "it takes n x 3 x 96 x 96, and n x 3 x 112 x 112 is described"),
        ({"layout": "nhwc"}, {}, "it takes n x 112 x 112 x 3"),
        ({"dimensions": 128}, {}, "it answers n x 128, and 512 dimensions are described"),
        ({"batch": 8}, {}, "it takes exactly 8 faces at a time"),
        ({"opset": 7}, {}, "its operations are of version 7"),
        ({"operation": "Nonsense"}, {}, "ONNX Runtime does not run it"),
        ({}, {"output": "fc1"}, "it has no output 'fc1'; there are out"),
    ],
)
def test_a_network_of_another_shape_is_refused(
    shape: dict[str, Any], entry: dict[str, Any], reason: str, settings: Settings
) -> None:
    with pytest.raises(EngineUnavailable, match=r"mine\.onnx cannot be used") as caught:
        loaded(settings, cells_network(**shape), **entry)
    assert caught.value.code == "engine.weights_broken" and reason in caught.value.message


def test_files_that_are_missing_changed_or_no_networks_are_refused(settings: Settings) -> None:
    with pytest.raises(EngineUnavailable) as caught:
        loaded(settings, b"<html>not found</html>")
    assert caught.value.code == "engine.weights_broken" and "no ONNX file" in caught.value.message
    file = weights.folder() / "mine.onnx"
    file.write_bytes(cells_network())
    with pytest.raises(EngineUnavailable, match=r"damaged: mine\.onnx"):
        NetworkEngine(model="mine")._load_model()
    file.unlink()
    assert NetworkEngine(model="mine").missing_weights()[0] == "mine.onnx"
    with pytest.raises(EngineUnavailable, match=r"missing: mine\.onnx"):
        NetworkEngine(model="mine")._load_model()


def test_a_network_that_does_not_know_people_is_refused_at_start(settings: Settings) -> None:
    with pytest.raises(EngineUnavailable) as caught:
        loaded(settings, cells_network())
    assert caught.value.code == "engine.trial_failed"
    assert "nearer to another person's" in caught.value.message and "colours, mean" in caught.value.message


@pytest.mark.models
def test_a_described_file_is_the_same_network_as_ours(settings: Settings) -> None:
    """The file of `fr512`, which takes one face at a time, is tried with two people and answers the same vectors."""
    put_in_place([weights.FR_FEATURE])
    entry = {
        "preset": "insightface", "file": weights.FR_FEATURE.name, "sha256": weights.FR_FEATURE.sha256, "scale": 128,
        "threshold": 0.5784, "licence": "MIT", "source": "Faceplugin",
    }  # fmt: skip
    settings.NETWORKS = {"plain": entry, "blue": entry | {"colours": "bgr"}, "lax": entry | {"threshold": 1.2}}
    plain, ours = NetworkEngine(model="plain"), OnnxEngine(recogniser="fr512")
    plain._load_model()
    ours._load_model()
    chips = trial.trial_chips(plain.cut)
    assert ours._recogniser
    np.testing.assert_allclose(plain._run(chips), ours._recogniser(chips)[0], atol=5e-3)
    blue = NetworkEngine(model="blue")
    blue._load_model()
    assert np.abs(blue._run(chips) - plain._run(chips)).max() > 0.02
    with pytest.raises(EngineUnavailable, match=r"both on the same side of the threshold 1\.2"):
        NetworkEngine(model="lax")._load_model()


def test_cards_say_what_is_stated_and_that_nothing_is_measured(settings: Settings) -> None:
    stated = {"title": "AuraFace", "licence": "non-commercial", "training_data": "Glint", "source": "its authors"}
    settings.NETWORKS = installed("mine", cells_network(), **stated)
    [card] = [card for card in known_cards() if card.name == "mine"]
    assert (card.title, card.licence, card.training_data, card.source) == tuple(stated.values())
    assert card.accuracy == NOT_MEASURED and card.dimensions == 512 and card.files[0].name == "mine.onnx"
    backend = "vision.engines.networks.engine.NetworkEngine"
    settings.FACE_ENGINES = {"default": {"BACKEND": backend, "OPTIONS": {"model": "mine", "detector": "yunet"}}}
    assert check_engines() == check_networks() == check_licences() == []
    check_names(model="mine")
    settings.LICENCE = "permissive"
    [error] = check_licences()
    assert error.id == "vision.E006" and "mine (AuraFace)" in error.msg
    with pytest.raises(CommandError, match="does not permit mine"):
        call_command("fetch_models", "--model", "mine", skip_checks=True)


def test_files_are_taken_from_a_folder_and_checked(settings: Settings, tmp_path: Path) -> None:
    settings.NETWORKS = installed("mine", content := cells_network())
    (weights.folder() / "mine.onnx").unlink()
    (source := tmp_path / "pack").mkdir()
    (source / "mine.onnx").write_bytes(content + b"\0")
    with pytest.raises(CommandError, match="SHA-256"):
        call_command("fetch_models", "--model", "mine", "--from", str(source), skip_checks=True)
    (source / "mine.onnx").write_bytes(content)
    call_command("fetch_models", "--model", "mine", "--from", str(source), skip_checks=True)
    assert (weights.folder() / "mine.onnx").read_bytes() == content
