"""Error rates against cases that can be worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evaluation import plots
from evaluation.rates import (
    Pairs,
    area_under_curve,
    equal_error_rate,
    error_rates,
    errors_at,
    estimate,
    pair_everyone,
    rates_at,
    resamples,
    score_pairs,
    tar_at,
    threshold_at,
    verify,
)
from evaluation.searches import Searches, SearchRates


def pairs(genuine: list[float], impostors: list[float]) -> Pairs:
    """Each genuine pair of a person of their own; impostor pairs of persons 0 and 1."""
    distances = np.array([*genuine, *impostors])
    kinds = np.arange(len(distances)) < len(genuine)
    people = np.array([(n, n) for n in range(len(genuine))] + [(0, 1)] * len(impostors))
    order = np.argsort(distances, kind="stable")
    return Pairs(distances[order], kinds[order], people[order])


OVERLAPPING = pairs([0.1, 0.2, 0.3, 0.6], [0.5, 0.7, 0.8, 0.9])
SEPARATE = pairs([0.1, 0.2], [0.7, 0.9])


def test_rates_at_every_distance() -> None:
    rates = error_rates(OVERLAPPING)
    assert rates.thresholds.tolist() == [-np.inf, 0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9]
    assert rates.fmr.tolist() == [0, 0, 0, 0, 0.25, 0.25, 0.5, 0.75, 1]
    assert rates.fnmr.tolist() == [1, 0.75, 0.5, 0.25, 0.25, 0, 0, 0, 0]


def test_equal_distances_are_one_threshold() -> None:
    rates = error_rates(pairs([0.1, 0.5], [0.5, 0.5]))
    assert rates.thresholds.tolist() == [-np.inf, 0.1, 0.5]
    assert rates.fmr.tolist() == [0, 0, 1]
    assert rates.fnmr.tolist() == [1, 0.5, 0]


def test_equal_error_rate() -> None:
    assert equal_error_rate(error_rates(OVERLAPPING)) == 0.25
    assert equal_error_rate(error_rates(SEPARATE)) == 0.0
    assert equal_error_rate(error_rates(pairs([0.9], [0.1]))) == 1.0
    # From (FMR 0, FNMR 1/2) to (1/2, 0) in one step: the line between them crosses in the middle.
    assert equal_error_rate(error_rates(pairs([0.1, 0.5], [0.5, 0.9]))) == 0.25


def test_area_is_the_chance_that_a_genuine_pair_is_closer() -> None:
    assert area_under_curve(error_rates(OVERLAPPING)) == 15 / 16  # of 16 comparisons 0.6 > 0.5 alone is wrong
    assert area_under_curve(error_rates(pairs([0.5], [0.5]))) == 0.5
    assert area_under_curve(error_rates(SEPARATE)) == 1.0


@pytest.mark.parametrize(
    ("rate", "tar", "threshold"),
    [(0.0, 0.75, 0.4), (0.2, 0.75, 0.4), (0.25, 1.0, 0.65), (0.5, 1.0, 0.75), (1.0, 1.0, 0.9)],
)
def test_tar_and_threshold_for_a_false_match_rate(rate: float, tar: float, threshold: float) -> None:
    rates = error_rates(OVERLAPPING)
    assert tar_at(rates, rate) == tar
    assert threshold_at(rates, rate) == pytest.approx(threshold)  # halfway to the pair that would be one too many
    fmr, fnmr = errors_at(rates, threshold_at(rates, rate))
    assert fmr <= rate
    assert 1 - fnmr == tar


def test_a_rate_that_divides_evenly_is_reached_in_spite_of_rounding() -> None:
    rates = error_rates(pairs([0.01], [n / 1000 for n in range(100, 1100)]))
    for allowed in (1e-3, 1e-2, 0.029, 0.1, 0.7):
        fmr, _ = errors_at(rates, threshold_at(rates, allowed))
        assert fmr == pytest.approx(allowed)


def test_errors_at_a_threshold_count_distances_equal_to_it_as_matches() -> None:
    rates = error_rates(OVERLAPPING)
    assert errors_at(rates, 0.5) == (0.25, 0.25)
    assert errors_at(rates, 0.4999) == (0.0, 0.25)
    assert errors_at(rates, 0.0) == (0.0, 1.0)
    assert errors_at(rates, 9.0) == (1.0, 0.0)


def test_everyone_is_paired_once() -> None:
    chosen, genuine = pair_everyone(np.array([7, 7, 3, 7]))
    assert {tuple(sorted(pair)) for pair in chosen.tolist()} == {(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)}
    assert {tuple(pair) for pair in chosen[genuine].tolist()} == {(0, 1), (0, 3), (1, 3)}


def test_of_too_many_impostors_some_are_drawn_and_no_genuine_pair_is_lost() -> None:
    people = np.repeat(np.arange(50), 2)
    chosen, genuine = pair_everyone(people, most_impostors=300)
    assert genuine.sum() == 50
    assert 200 < (~genuine).sum() <= 300
    assert (people[chosen[:, 0]] == people[chosen[:, 1]]).tolist() == genuine.tolist()
    assert len({tuple(pair) for pair in chosen.tolist()}) == len(chosen)


def test_scored_pairs_are_sorted_with_their_people() -> None:
    embeddings = np.array([[0.0], [1.0], [5.0]], np.float32)
    people = np.array([4, 4, 9])
    chosen, genuine = pair_everyone(people)
    found = score_pairs(embeddings, people, chosen, genuine=genuine, metric="euclidean")
    assert found.distances.tolist() == [1, 4, 5]
    assert found.genuine.tolist() == [True, False, False]
    assert found.people.tolist() == [[4, 4], [4, 9], [4, 9]]


def test_a_resample_draws_people_and_keeps_their_pairs_together() -> None:
    for weights in resamples(OVERLAPPING, count=50):
        genuine = weights[OVERLAPPING.genuine]
        assert genuine.sum() == 4  # as many people as there are
        (impostors,) = set(weights[~OVERLAPPING.genuine].tolist())
        first, second = (weights[(OVERLAPPING.people == n).all(axis=1)][0] for n in (0, 1))
        assert impostors == first * second


def test_an_interval_is_the_middle_of_the_resamples() -> None:
    found = estimate(0.5, np.linspace(0, 1, 1001), trials=10)
    assert (found.low, found.high) == pytest.approx((0.025, 0.975))
    assert estimate(0.5, np.array([np.nan, 0.4, 0.4]), trials=10).low == pytest.approx(0.4)


def test_no_error_is_bounded_by_the_number_of_people() -> None:
    """Clopper and Pearson: 1 - 0.025^(1/10) = 0.3085 for 0 of 10."""
    assert estimate(0.0, np.zeros(9), trials=10).high == pytest.approx(0.3085, abs=1e-4)
    assert estimate(1.0, np.ones(9), trials=10).low == pytest.approx(0.6915, abs=1e-4)
    assert estimate(0.0, np.zeros(9), trials=1000).high == pytest.approx(0.00368, abs=1e-5)


def test_verification_puts_the_figures_together() -> None:
    found = verify(OVERLAPPING, threshold=0.65, false_match_rates=[0.25, 1e-3])
    assert (found.genuine_pairs, found.impostor_pairs) == (4, 4)
    assert (found.eer.value, found.auc.value) == (0.25, 15 / 16)
    assert (found.fmr.value, found.fnmr.value, found.accuracy.value) == (0.25, 0.0, 7 / 8)
    assert found.eer.low <= 0.25 <= found.eer.high
    quarter, thousandth = found.points
    assert (quarter.tar.value, quarter.expected_errors) == (1.0, 1.0)
    assert not quarter.is_supported
    assert thousandth.threshold == pytest.approx(0.4)
    with pytest.raises(ValueError, match="pairs of one person"):
        verify(pairs([0.1], []), threshold=0.5, false_match_rates=[])


def test_the_rules_of_3_and_30_say_what_a_set_can_show() -> None:
    many = pairs([0.01], [n / 1000 for n in range(100, 1100)])
    tenth, hundredth, thousandth = verify(many, threshold=0.5, false_match_rates=[0.1, 0.01, 1e-3]).points
    assert (tenth.is_supported, tenth.is_precise) == (True, True)
    assert (hundredth.is_supported, hundredth.is_precise) == (True, False)
    assert (thousandth.is_supported, thousandth.is_precise) == (False, False)


def test_rates_at_a_threshold_need_pairs_of_their_kind() -> None:
    fmr, fnmr = rates_at(OVERLAPPING, 0.55)
    assert fmr and fnmr and (fmr.value, fnmr.value) == (0.25, 0.25)
    assert fnmr.low == 0.0 and fnmr.high == 0.75  # of four people one is not recognised
    assert rates_at(pairs([0.1], []), 0.55)[0] is None and rates_at(pairs([], [0.1]), 0.55)[1] is None
    (other, _) = rates_at(pairs([], [0.7, 0.9]), 0.55)
    assert other and (other.value, other.high) == (0.0, pytest.approx(1 - 0.025**0.5))  # two people, no error


def test_pictures_are_drawn(tmp_path: Path) -> None:
    curves = {"one": error_rates(OVERLAPPING), "two": error_rates(SEPARATE)}
    plots.draw_roc(tmp_path / "roc.png", curves)
    plots.draw_det(tmp_path / "det.png", curves)
    plots.draw_distances(tmp_path / "distances.png", {"one": (OVERLAPPING, 0.6), "two": (SEPARATE, 0.4)})
    found = Searches(2, np.array([0.1]), np.array([0]), np.array([0.3, 5.0]), np.array([1, 2]))
    lists = {str(people): SearchRates.of(found, people=people, threshold=0.5) for people in (2, 4)}
    plots.draw_searches(tmp_path / "searches.png", lists)
    for name in ("roc", "det", "distances", "searches"):
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert picture.width > 600
            assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 5
