"""The mapping of scores, at its ends, at the point of decision, and everywhere in between."""

from __future__ import annotations

from itertools import pairwise

import pytest

from remote.scores import AZURE, POINT, REKOGNITION, Scale


@pytest.mark.parametrize("scale", [REKOGNITION, AZURE])
def test_ends_and_point(scale: Scale) -> None:
    assert [scale.score_of(one) for one in (0.0, POINT, 1.0)] == pytest.approx([0.0, scale.point, scale.largest])
    assert [scale.similarity_of(one) for one in (0.0, scale.point, scale.largest)] == pytest.approx([0.0, POINT, 1.0])
    assert (scale.score_of(-1), scale.score_of(2)) == (0.0, pytest.approx(scale.largest))
    assert (scale.similarity_of(-1), scale.similarity_of(2 * scale.largest)) == (0.0, pytest.approx(1.0))


@pytest.mark.parametrize("scale", [REKOGNITION, AZURE])
def test_both_ways_and_in_one_order(scale: Scale) -> None:
    similarities = [step / 200 for step in range(201)]
    scores = [scale.score_of(one) for one in similarities]
    assert [scale.similarity_of(score) for score in scores] == pytest.approx(similarities)
    assert all(one < other for one, other in pairwise(scores))
