"""`manage.py train_antispoof` learns synthetic attacks in seconds; the network it writes can be put to use."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from django.core.management import CommandError, call_command
from PIL import Image
from pytest_django.fixtures import Settings

from evaluation.attack_rates import attack_rates
from vision.antispoof.samples import FAKE, LIVE
from vision.engines import liveness
from vision.engines.liveness import TrainedModel
from vision.tests.drawing import RED
from vision.types import Box, Detection

COUNT = 30


def photograph(number: int, *, attack: bool) -> Image.Image:
    """A red square on grey, softly shaded; an attack has the fine lines of a screen."""
    rng = np.random.default_rng(number)
    canvas = np.full((160, 160, 3), 128.0)
    canvas[50:110, 50:110] = RED
    soft = Image.fromarray(rng.uniform(0, 255, (6, 6)).astype(np.uint8)).resize((160, 160), Image.Resampling.BICUBIC)
    canvas += (np.asarray(soft, float) / 255 - 0.5)[:, :, None] * 50
    if attack:
        canvas[np.arange(160) % 6 < 3] += 25
    return Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("photographs")
    for name, attack in (("real", False), ("fake", True)):
        (root / name).mkdir()
        for number in range(COUNT):
            photograph(number + 1000 * attack, attack=attack).save(root / name / f"{number}.png")
    (root / "real" / "notes.txt").write_text("no photograph")
    return root / "real", root / "fake"


def test_it_learns_reports_and_is_used(folders: tuple[Path, Path], tmp_path: Path, settings: Settings) -> None:
    out = io.StringIO()
    call_command("train_antispoof", *map(str, folders), "--output", str(tmp_path), "--epochs", "20", stdout=out)
    told = out.getvalue()
    assert "30 faces in 31 files" in told and "APCER" in told and "BPCER" in told
    report = json.loads((tmp_path / "antispoof.json").read_text())
    assert (report["attacks"], report["living"]) == (8, 8)
    assert (report["apcer"], report["bpcer"]) == (0, 0)
    onnx.checker.check_model(onnx.load(tmp_path / "antispoof.onnx"), full_check=True)
    with Image.open(tmp_path / "antispoof.png") as curve:
        assert min(curve.size) > 300

    settings.ANTISPOOF_MODEL = str(tmp_path / "antispoof.onnx")
    assert liveness.in_place()
    network = liveness.build()
    assert isinstance(network, TrainedModel)
    face = Detection(Box(50, 50, 60, 60), 1.0)
    for number in range(5):  # photographs it has never seen
        for attack in (False, True):
            image = np.asarray(photograph(5000 + number + 100 * attack, attack=attack))
            (score,) = network.live(image, [face])
            assert (1 - score >= settings.ANTISPOOF_THRESHOLD) is attack


@pytest.mark.parametrize("arguments", [("--epochs", "0"), ("--held-out", "1"), ()])
def test_what_cannot_be_trained_is_said(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        call_command("train_antispoof", str(tmp_path), str(tmp_path), *arguments, stdout=io.StringIO())


def test_rates_are_those_of_the_standard() -> None:
    rates = attack_rates(np.array([0.9, 0.7, 0.2, 0.1, 0.6]), np.array([FAKE, FAKE, FAKE, LIVE, LIVE]))
    assert rates.at(0.8) == (pytest.approx(2 / 3), 0)
    assert rates.at(0.5) == (pytest.approx(1 / 3), 0.5)
    assert rates.at(0) == (0, 1)
