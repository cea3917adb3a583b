"""What `manage.py evaluate_engine` computes from embeddings, without networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from evaluation import recognition_rates
from evaluation.projection import Described, unit
from evaluation.recognition_rates import COMPARED

PAIR, DLIB, DLIB_COSINE = COMPARED


def described(people: np.ndarray, noise: float, *, seed: int = 1) -> Described:
    """Photographs of these people: the more noise, the less they resemble each other."""
    random = np.random.default_rng(seed)
    hidden = random.normal(size=(people.max() + 1, 40))[people] + noise * random.normal(size=(len(people), 40))
    sizes = {"fr512": 512, "mobilefacenet192": 192, "Dlib": 128}
    vectors = {name: unit(hidden @ random.normal(size=(40, size))) for name, size in sizes.items()}
    return Described(vectors, np.ones(len(people)), people, [])


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
