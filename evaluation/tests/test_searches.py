"""Searches of lists whose every rate can be worked out by hand: faces are numbers, distances their differences."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.searches import DRAWS, Searches, SearchRates, largest_list, rates_of_lists, search

PEOPLE = np.array([4, 4, 7, 7, 9])  # three people; 9 has one photograph
FACES = np.array([[0.0], [0.1], [1.0], [1.6], [1.3]], np.float32)


def searched(faces: np.ndarray, people: np.ndarray, *, enrolled: int, missed: list[int] | None = None) -> Searches:
    numbers = np.array(missed or [], np.int64)
    return search(faces, people, enrolled=enrolled, metric="euclidean", missed=numbers)


def test_the_first_photographs_are_enrolled_and_people_with_others_come_first() -> None:
    """4 is enrolled at 0 and searched by 0.1; 7 at 1 and by 1.6; 9 is a stranger at 1.3, 0.3 from 7."""
    found = searched(FACES, PEOPLE, enrolled=2)
    assert found.mates == pytest.approx([0.1, 0.6] * DRAWS) and found.mate_people.tolist() == [4, 7] * DRAWS
    assert found.strangers == pytest.approx([0.3] * DRAWS) and set(found.stranger_people) == {9}
    at = {threshold: (found.fpir(threshold).value, found.fnir(threshold).value) for threshold in (0.05, 0.25, 0.5, 0.7)}
    assert at == {0.05: (0.0, 1.0), 0.25: (0.0, 0.5), 0.5: (1.0, 0.5), 0.7: (1.0, 0.0)}
    assert found.rank_1.value == 1.0


def test_somebody_who_is_as_near_costs_the_search_at_any_threshold() -> None:
    faces = np.array([[0.0], [0.5], [1.0], [1.0], [5.0]], np.float32)  # 4's second photograph lies between 4 and 7
    found = searched(faces, PEOPLE, enrolled=2)
    assert found.rank_1.value == 0.5 and found.fnir(9.0).value == 0.5


def test_a_photograph_that_cannot_be_recognised_is_a_miss() -> None:
    found = searched(FACES, PEOPLE, enrolled=2, missed=[7, 7, 1])  # nobody is enrolled as 1
    assert found.fnir(0.7).value == 0.5 and found.rank_1.value == 0.5
    assert found.fpir(0.7).value == 1.0


def test_who_is_enrolled_is_drawn_each_time() -> None:
    people = np.repeat(np.arange(6), 2)
    faces = 10.0 * people[:, None] + np.tile([0.0, 1.0], 6)[:, None]
    found = searched(faces, people, enrolled=2)
    assert (len(found.mates), len(found.strangers)) == (2 * DRAWS, 8 * DRAWS)
    assert set(found.mate_people) == set(found.stranger_people) == set(range(6))
    assert found.fnir(1.0).value == found.fpir(8.9).value == 0.0


def test_strangers_are_counted_by_photograph_and_intervals_by_person() -> None:
    """One of two strangers raises an alarm, with one photograph of three."""
    found = Searches(1, np.array([0.1]), np.array([0]), np.array([0.3, 5.0, 6.0, 7.0]), np.array([1, 1, 1, 2]))
    assert found.fpir(0.5).value == 0.25
    assert (found.fpir(0.5).low, found.fpir(0.5).high) == pytest.approx((0.0, 1 / 3))


def test_rates_of_larger_lists_are_extrapolated() -> None:
    """Of a list twice as large as what can be searched, an alarm in half of the searches becomes three quarters."""
    found = Searches(2, np.array([0.1]), np.array([0]), np.array([0.3, 5.0]), np.array([1, 2]))
    measured, twice = (SearchRates.of(found, people=people, threshold=0.5) for people in (2, 4))
    assert (measured.fpir.value, measured.is_extrapolated) == (0.5, False)
    assert (twice.fpir.value, twice.is_extrapolated) == (0.75, True)
    assert twice.fnir == measured.fnir and (twice.mates, twice.strangers) == (1, 2)


def test_each_list_has_the_threshold_of_its_size() -> None:
    asked: list[int] = []
    lists = rates_of_lists(
        FACES, PEOPLE, sizes=[1, 2, 50], threshold_of=lambda n: asked.append(n) or 1 / n, metric="euclidean"
    )
    assert asked == [1, 2, 50] and [one.threshold for one in lists] == [1, 0.5, 0.02]
    assert [one.enrolled for one in lists] == [1, 2, 2] and [one.is_extrapolated for one in lists] == [
        False,
        False,
        True,
    ]
    assert lists[1].fnir.value == 0.5 and lists[1].fpir.value == 1.0


def test_a_list_leaves_strangers() -> None:
    assert [largest_list(np.arange(n)) for n in (2, 3, 10, 100)] == [1, 2, 9, 90]
    for people, enrolled in ((np.arange(5), 2), (np.zeros(5, np.int64), 1), (PEOPLE, 3)):
        with pytest.raises(ValueError, match="strangers"):
            searched(FACES, people, enrolled=enrolled)


def test_the_curve_rises_and_falls() -> None:
    curve = searched(FACES, PEOPLE, enrolled=2).curve()
    assert (np.diff(curve.fpir) >= 0).all() and (np.diff(curve.fnir) <= 0).all()
    assert (curve.fpir[-1], curve.fnir[-1]) == (1.0, 0.0)
    last = np.flatnonzero(curve.thresholds < 0.29)[-1]
    assert (curve.fpir[last], curve.fnir[last]) == (0.0, 0.5)


def test_searches_of_several_sets_are_joined() -> None:
    first = Searches(2, np.array([0.2]), np.array([0]), np.array([1.0]), np.array([1]))
    second = Searches(2, np.array([np.inf]), np.array([2]), np.array([8.0]), np.array([3]))
    joined = Searches.joined([first.scaled(0.5), second.scaled(0.1)])
    assert joined.mates.tolist() == [0.1, np.inf] and joined.strangers.tolist() == [0.5, 0.8]
    assert joined.mate_people.tolist() == [0, 2] and joined.fnir(1.0).value == 0.5
