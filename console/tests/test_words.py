"""Sentences about figures."""

from __future__ import annotations

import pytest

from calibration.similarity import RateScale
from calibration.tables import RateTable
from calibration.types import OperatingPoint
from console.try_it.words import odds, one_in

SCALE = RateScale(RateTable((0.2, 0.3, 0.4, 2.0), (2.5e-5, 1e-3, 1e-1, 1.0)))


@pytest.mark.parametrize(
    ("rate", "number"),
    [(2.783e-5, "36,000"), (1 / 39_876, "40,000"), (0.03, "33"), (1e-3, "1,000"), (1 / 1_250, "1,200")],
)
def test_numbers_have_two_digits_that_count(rate: float, number: str) -> None:
    assert one_in(rate) == number


@pytest.mark.parametrize(
    ("people", "distance", "said"),
    [
        (1, 0.3, "A stranger would come this near about once in 1,000 comparisons."),
        (1, 0.1, "A stranger would come this near less than once in 40,000 comparisons, the rarest measured."),
        (
            20,
            0.3,
            "A stranger would come this near about once in 1,000 comparisons. "
            "To any of 20 people: once in 50 searches.",
        ),
        (
            100,
            0.1,
            "A stranger would come this near less than once in 40,000 comparisons, the rarest measured. "
            "To any of 100 people: less than once in 400 searches.",
        ),
        (1_000, 0.3, "A stranger would come this near about once in 1,000 comparisons."),
        (1, 0.5, "Many strangers come this near."),
        (1, None, ""),
    ],
)
def test_odds_say_what_was_measured(people: int, distance: float | None, said: str) -> None:
    assert odds(OperatingPoint("cosine", 0.3, SCALE, people=people), distance) == said


def test_nothing_is_said_of_rates_that_nobody_has_measured() -> None:
    assert odds(OperatingPoint("cosine", 0.3), 0.1) == ""
