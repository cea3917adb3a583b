"""The quality gate: what each level refuses, and in which words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from people.checks import check_quality_gate
from people.exceptions import PoorQuality
from people.quality_gate import remarks_on, require_quality
from people.types import Gate
from vision.types import Box, DetectedFace, Landmarks, Quality

GOOD = DetectedFace(Box(0, 0, 200, 200), 0.98, Landmarks(), Quality(200, 300.0, 130.0, 0.05, 2.0))


def face(*, confidence: float = 0.98, **changes: Any) -> DetectedFace:
    assert GOOD.quality
    return replace(GOOD, confidence=confidence, quality=replace(GOOD.quality, **changes))


@pytest.mark.parametrize("gate", Gate)
def test_a_good_face_passes_every_gate(gate: Gate) -> None:
    assert remarks_on(face=GOOD, gate=gate) == ()


@pytest.mark.parametrize(
    ("code", "poor", "bad"),
    [
        ("quality.too_small", {"size": 60}, {"size": 39}),
        ("quality.blurred", {"sharpness": 30.0}, {"sharpness": 4.0}),
        ("quality.dark", {"brightness": 40.0}, {"brightness": 15.0}),
        ("quality.bright", {"brightness": 210.0}, {"brightness": 230.0}),
        ("quality.turned", {"yaw": -0.5}, {"yaw": 0.8}),
        ("quality.turned", {"roll": 20.0}, {"roll": -60.0}),
        ("quality.uncertain", {"confidence": 0.7}, {"confidence": 0.4}),
    ],
)
def test_strict_asks_for_more_than_standard(code: str, poor: dict[str, Any], bad: dict[str, Any]) -> None:
    def codes(changes: dict[str, Any], gate: Gate) -> list[str]:
        return [remark.code for remark in remarks_on(face=face(**changes), gate=gate)]

    assert (codes(poor, Gate.STANDARD), codes(poor, Gate.STRICT)) == ([], [code])
    assert (codes(bad, Gate.OFF), codes(bad, Gate.STANDARD), codes(bad, Gate.STRICT)) == ([], [code], [code])


def test_refusal_carries_every_remark_and_the_first_ones_code(settings: Settings) -> None:
    settings.QUALITY_GATE = "standard"
    with pytest.raises(PoorQuality) as refusal:
        require_quality(face=face(size=10, brightness=1.0))
    assert refusal.value.code == "quality.too_small"
    assert [remark.code for remark in refusal.value.remarks] == ["quality.too_small", "quality.dark"]
    assert "too small" in refusal.value.message and "too dark" in refusal.value.message
    require_quality(face=face(size=10), gate=Gate.OFF)


def test_what_is_not_known_is_not_held_against_a_face() -> None:
    assert remarks_on(face=face(yaw=None, roll=None), gate=Gate.STRICT) == ()
    assert remarks_on(face=replace(GOOD, quality=None), gate=Gate.STRICT) == ()


def test_gate_of_the_deployment_is_checked(settings: Settings) -> None:
    assert check_quality_gate(None) == []
    settings.QUALITY_GATE = "lax"
    assert [error.id for error in check_quality_gate(None)] == ["people.E001"]
