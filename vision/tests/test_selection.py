"""Which face of an image is meant."""

from __future__ import annotations

import pytest

from errors import InvalidInput
from vision.selection import FaceChoice, central_face, choose_face
from vision.types import Box, DetectedFace, Landmarks


def face(side: int) -> DetectedFace:
    return DetectedFace(Box(0, 0, side, side), 0.9, Landmarks())


SMALL, HALF, LARGE = face(49), face(50), face(100)


@pytest.mark.parametrize("choice", ["only", "prominent", "largest"])
def test_without_a_face_there_is_nothing_to_choose(choice: FaceChoice) -> None:
    with pytest.raises(InvalidInput) as refusal:
        choose_face([], choice)
    assert refusal.value.code == "face.none"
    assert choose_face([SMALL], choice) is SMALL


def test_the_largest_face_is_chosen_among_as_many_as_are_allowed() -> None:
    assert choose_face([HALF, LARGE, SMALL], "largest") is LARGE
    assert choose_face([SMALL, LARGE], "prominent") is LARGE


def test_the_central_face_is_the_one_whose_middle_is_nearest_that_of_the_image() -> None:
    corner, middle = face(90), DetectedFace(Box(60, 60, 10, 10), 0.9, Landmarks())
    assert central_face([corner, middle], width=130, height=130) is middle
    assert central_face([corner, middle], width=100, height=100) is corner
    assert central_face([], width=100, height=100) is None


@pytest.mark.parametrize(
    ("faces", "choice", "message"),
    [
        ([SMALL, LARGE], "only", "This image shows 2 faces; exactly one is needed."),
        ([LARGE, HALF], "prominent", "This image shows several faces; exactly one is needed."),
    ],
)
def test_several_faces_are_refused(faces: list[DetectedFace], choice: FaceChoice, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as refusal:
        choose_face(faces, choice)
    assert refusal.value.code == "face.several"
