"""Lists and small faces, with what the other half of the people says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evaluation.projection import Described
from evaluation.recognition_rates import COMPARED
from evaluation.split_rates import list_rates, small_faces
from evaluation.tests.test_recognition_rates import described

PAIR, DLIB, _ = COMPARED


@pytest.fixture
def found() -> Described:
    """120 people with two photographs each, which are nearly alike."""
    return described(np.repeat(np.arange(120), 2), 0.05)


@pytest.mark.parametrize("column", [PAIR, DLIB])
def test_people_who_look_like_nobody_else_are_found_in_lists(found: Described, column: tuple[str, str]) -> None:
    thirty, thousand = list_rates(found, column, [30, 1_000])
    assert thirty.rates.fnir.value == 0.0 and thirty.rates.fpir.low <= 0.01  # that many alarms are allowed
    assert (thirty.rates.mates, thirty.rates.strangers) == (120, 120)  # in some draw everybody is enrolled
    assert (thirty.rates.enrolled, thousand.rates.enrolled, thousand.rates.is_extrapolated) == (30, 54, True)
    assert all(low < high for low, high in zip(thousand.thresholds, thirty.thresholds, strict=True))
    assert thousand.delivered < thirty.delivered


@pytest.mark.parametrize("how", ["no face", "not recognisable"])
def test_photographs_without_a_usable_face_match_nobody(found: Described, how: str) -> None:
    """An eighth of the reduced photographs is lost, and with it an eighth of the pairs of one person."""
    whole = small_faces(found, found, PAIR)
    assert (whole.photographs, whole.missed) == (240, 0)
    assert whole.fnmr and whole.fmr and whole.fnmr.value == 0.0
    lost = np.arange(240) % 8 == 1
    dim = replace(found, lengths=np.where(lost, 0.0, found.lengths))
    small = small_faces(found, found.subset(~lost) if how == "no face" else dim, PAIR)
    assert small.missed == 30 and small.fnmr and small.fmr
    assert small.fnmr.value == 0.125
    assert small.fmr.value == pytest.approx(whole.fmr.value, abs=1e-3)
