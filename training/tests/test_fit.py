"""The training program itself: TensorFlow in a process of its own, judged by what its network says."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from pytest_django.fixtures import Settings

from training import program
from training.evaluation import calibrate, evaluate, is_as_good, split, strangers
from training.exceptions import TrainingFailed
from training.network import Network
from training.tests.galleries import faces_of, gallery_of
from training.types import Options

OPTIONS = Options(enabled=True, epochs=40, hidden_units=32, dropout=0.3, learning_rate=0.01, min_people=2, min_images=2)


def test_it_learns_to_tell_people_from_each_other_and_from_strangers() -> None:
    gallery, epochs = gallery_of(5, 12), list[dict[str, Any]]()
    parts = split(gallery)
    network = program.fit(parts=parts, options=OPTIONS, tell=epochs.append)

    assert [epoch["epoch"] for epoch in epochs] == list(range(1, 41))
    assert epochs[-1]["loss"] < epochs[0]["loss"] / 4
    minimum = calibrate(network, parts.vectors, parts.labels)
    metrics = evaluate(network, minimum, parts, metric="euclidean", threshold=0.9)
    assert metrics["accuracy"] == 1.0
    assert metrics["strangers_rejected"] > 0.9 > metrics["nearest_strangers_rejected"]
    assert is_as_good(metrics)
    fresh = network.probabilities(faces_of(20, person=3, seed=5))
    assert (fresh.argmax(axis=1) == 3).all()
    assert (network.probabilities(strangers(parts.vectors, parts.labels, seed=9)).max(axis=1) < minimum).mean() > 0.9


def test_nothing_of_tensorflow_stays_here() -> None:
    code = "import django; django.setup(); from training import program, services, tasks; import sys; "
    code += "print({'tensorflow', 'keras'} & set(sys.modules))"
    environment = {"DJANGO_SETTINGS_MODULE": "faceapp.settings", "FACEAPP_SECRET_KEY": "x", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr


def test_a_program_that_fails_or_hangs_is_an_error(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = split(gallery_of(2, 4))
    monkeypatch.setattr(program, "COMMAND", [sys.executable, "-c", "raise SystemExit(3)"])
    with pytest.raises(TrainingFailed):
        program.fit(parts=parts, options=OPTIONS, tell=lambda epoch: None)
    monkeypatch.setattr(program, "COMMAND", [sys.executable, "-c", "import time; time.sleep(60)"])
    settings.TRAINING_TIME_LIMIT = 0.5
    with pytest.raises(TrainingFailed):
        program.fit(parts=parts, options=OPTIONS, tell=lambda epoch: None)


def test_a_network_survives_its_storage() -> None:
    chance = np.random.default_rng(1)
    shapes = [(8,), (), (8, 5), (5,), (5, 4), (4,)]
    network = Network(*(np.asarray(chance.normal(size=shape), np.float32) for shape in shapes))
    faces = chance.normal(size=(3, 8)).astype(np.float32)
    same = Network.from_bytes(network.to_bytes())
    assert network.probabilities(faces).shape == (3, 3)
    np.testing.assert_array_equal(network.probabilities(faces), same.probabilities(faces))


def test_the_split_holds_out_images_of_everybody_and_is_always_the_same() -> None:
    gallery = gallery_of(4, 6)
    parts = split(gallery)
    assert np.bincount(parts.held_out_labels).tolist() == [1] * 4
    assert len(parts.labels) + len(parts.held_out_labels) == 24
    np.testing.assert_array_equal(parts.held_out, split(gallery).held_out)
