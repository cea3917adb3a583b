"""What `manage.py evaluate_engine` computes from embeddings, and the command on a few photographs."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from evaluation import recognition_rates
from evaluation.projection import Described
from evaluation.recognition_rates import COMPARED
from vision.engines import weights
from vision.engines.onnx.engine import OnnxEngine
from vision.tests.shared_weights import put_in_place

PAIR, DLIB, DLIB_COSINE = COMPARED


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def described(people: np.ndarray, noise: float, *, seed: int = 1) -> Described:
    """Photographs of these people: the more noise, the less they resemble each other."""
    random = np.random.default_rng(seed)
    hidden = random.normal(size=(people.max() + 1, 40))[people] + noise * random.normal(size=(len(people), 40))
    sizes = {"fr512": 512, "mobilefacenet192": 192, "Dlib": 128}
    vectors = {name: unit(hidden @ random.normal(size=(40, size))) for name, size in sizes.items()}
    return Described(vectors, np.ones(len(people)), people, [], np.arange(len(people)))


def test_each_half_is_measured_with_what_the_other_half_says() -> None:
    halves = recognition_rates.across_halves(described(np.repeat(np.arange(40), 3), 0.05), 1e-3)
    assert [(half.genuine, half.impostor) for half in halves] == [(60, 60 * 59 // 2 - 60)] * 2
    for half in halves:
        assert set(half.tar) == {*COMPARED} and half.tar[PAIR].value == 1.0
        assert half.tar[PAIR].low < 1.0 == half.tar[PAIR].high  # 20 people cannot show a rate of 100 %


def test_photographs_that_resemble_each_other_less_are_accepted_less() -> None:
    people = np.repeat(np.arange(40), 3)
    clear, noisy = (
        recognition_rates.acceptance(recognition_rates.pairs_of(described(people, noise)), 1e-3).tar[PAIR]
        for noise in (0.05, 1.2)
    )
    assert noisy.value < clear.value and noisy.low <= noisy.value <= noisy.high


def test_a_group_of_doubles_matches_at_a_threshold_at_which_strangers_do_not() -> None:
    pairs = recognition_rates.pairs_of(described(np.repeat(np.arange(60), 2), 0.05))
    thresholds = recognition_rates.thresholds_at(pairs, 1e-3)
    assert recognition_rates.acceptance(pairs, 1e-3).impostor == 120 * 119 // 2 - 60
    strangers = recognition_rates.within_group(described(np.arange(30), 0.0, seed=2), thresholds)
    assert (strangers.photographs, strangers.pairs) == (30, 435)
    assert strangers.fmr[PAIR].value < 0.02 and strangers.fmr[PAIR].high > strangers.fmr[PAIR].value
    doubles = described(np.arange(30), 0.0, seed=2)
    for vectors in doubles.vectors.values():
        vectors[1:] = vectors[:1] + 0.01 * vectors[1:]
    assert recognition_rates.within_group(doubles, thresholds).fmr[DLIB].value == 1.0


def test_dlib_is_compared_by_both_metrics() -> None:
    pairs = recognition_rates.pairs_of(described(np.repeat(np.arange(10), 2), 0.3))
    np.testing.assert_allclose(pairs[DLIB].distances, np.sqrt(2 * pairs[DLIB_COSINE].distances), atol=1e-6)


def test_a_folder_without_photographs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no photographs in lfw"):
        call_command("evaluate_engine", str(tmp_path))


@pytest.mark.models
def test_the_command_prints_every_table(faces: Path, tmp_path: Path) -> None:
    put_in_place([*OnnxEngine().files(), weights.DLIB_RESNET, weights.DLIB_5_POINTS])
    for person in ("alex", "biden", "obama", "rose"):
        for number in (1, 2):
            copy(faces / f"{person}_{number}.jpg", tmp_path / "lfw" / "people" / person)
    for name in ("kit_1.jpg", "obama_1.jpg", "rose_1.jpg"):
        copy(faces / name, tmp_path / "groups" / "some")
    (tmp_path / "nonface").mkdir()
    Image.new("RGB", (200, 200), "green").save(tmp_path / "nonface" / "green.png")
    copy(faces / "rose_2.jpg", tmp_path / "nonface")
    printed = io.StringIO()
    call_command("evaluate_engine", str(tmp_path), stdout=printed)
    lines = printed.getvalue().splitlines()
    assert "lfw: 8 photographs, without a face 0.0 % (0.0 to 36.9)" in lines
    assert [line.startswith("| 0.001 | 2, 4 | 100.0 %") for line in lines].count(True) == 2
    assert [line.startswith("| some | 3 | 3 | 0.0 %") for line in lines].count(True) == 2  # at two rates
    assert "There are too few people for lists and small faces." in lines
    assert lines[-2] == "Boxes on 2 pictures that are not of people: 1" and lines[-1].startswith("rose_2.jpg: ")


def copy(file: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, folder)
