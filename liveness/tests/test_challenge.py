"""Which actions a face shows, and whether faces show the actions of a challenge."""

from __future__ import annotations

from itertools import pairwise

import pytest

from liveness.challenge import new_challenge, require_order, shown, usual_expression
from liveness.exceptions import NotLive
from liveness.models import Action
from vision.types import Box, DetectedFace, Expression, FrameFace, Landmarks, Quality

OPEN = Expression(eyes=0.3, mouth=0.05)


def face(yaw: float | None, expression: Expression | None = None) -> DetectedFace:
    quality = Quality(size=100, sharpness=100, brightness=100, yaw=yaw)
    return DetectedFace(Box(0, 0, 100, 100), 1, Landmarks(), quality, frame=FrameFace(b"", expression))


@pytest.mark.parametrize(
    ("yaw", "expression", "actions"),
    [
        (0.4, None, {"turn_left"}),
        (-0.4, OPEN, {"turn_right"}),
        (0.3, None, set()),
        (-0.1, None, {"centre"}),
        (None, None, set()),
        (0.0, OPEN, {"centre"}),
        (0.0, Expression(eyes=0.1, mouth=0.05), {"centre", "blink"}),
        (0.0, Expression(eyes=0.3, mouth=0.7), {"centre", "mouth_open"}),
        (0.4, Expression(eyes=0.1, mouth=0.7), {"turn_left"}),
    ],
)
def test_what_a_face_shows(yaw: float | None, expression: Expression | None, actions: set[str]) -> None:
    assert shown(face(yaw, expression), OPEN) == actions


@pytest.mark.parametrize(
    ("degrees", "actions"), [(30, {"turn_left"}), (-30, {"turn_right"}), (24, set()), (-15, {"centre"})]
)
@pytest.mark.parametrize("by_landmarks", [None, 0.0, 0.9, -0.9])
def test_the_network_of_head_pose_overrules_landmarks(
    degrees: float, actions: set[str], by_landmarks: float | None
) -> None:
    quality = Quality(size=100, sharpness=100, brightness=100, yaw=by_landmarks)
    seen = DetectedFace(Box(0, 0, 9, 9), 1, Landmarks(), quality, frame=FrameFace(b"", yaw=degrees))
    assert shown(seen) == actions


BLINK = Expression(eyes=0.1, mouth=0.05)
CHALLENGE = ["turn_left", "blink", "turn_right"]


@pytest.mark.parametrize(
    ("faces", "code"),
    [
        (
            [
                face(0, OPEN),
                face(0.3),
                face(0.4),
                face(0.5),
                face(0.2),
                face(0, BLINK),
                face(0, OPEN),
                face(-0.3),
                face(-0.5),
            ],
            "",
        ),
        ([face(0.5), face(0.45), face(0, BLINK), face(-0.5), face(-0.45), face(0, OPEN)], ""),
        ([face(0.5), face(0, OPEN), face(-0.5)], "liveness.out_of_order"),
        ([face(0, BLINK), face(0.5), face(-0.5)], "liveness.out_of_order"),
        ([face(0.5), face(0, BLINK), face(-0.5), face(0.5)], "liveness.out_of_order"),
        ([face(-0.5), face(0, OPEN), face(0.5)], "liveness.out_of_order"),
        ([face(0.5), face(0, BLINK), face(-0.3)], "liveness.incomplete"),
        ([face(None)] * 5, "liveness.incomplete"),
    ],
)
def test_the_order_of_actions(faces: list[DetectedFace], code: str) -> None:
    if not code:
        require_order(actions=CHALLENGE, faces=faces)
        return
    with pytest.raises(NotLive) as refusal:
        require_order(actions=CHALLENGE, faces=faces)
    assert refusal.value.code == code


def test_narrow_eyes_are_no_closed_ones() -> None:
    narrow, closed = Expression(eyes=0.16, mouth=0.1), Expression(eyes=0.08, mouth=0.1)
    faces = [face(0, narrow), face(0, narrow), face(0, closed), face(0, narrow)]
    assert [Action.BLINK in shown(one, usual_expression(faces)) for one in faces] == [False, False, True, False]
    assert usual_expression([face(0.5, OPEN), face(0)]) is None


def test_challenges_are_random_and_hold_two_turns() -> None:
    drawn = [new_challenge(expressions=False) for _ in range(300)]
    assert len({tuple(actions) for actions in drawn}) == 24
    for actions in drawn:
        assert len(actions) == 4 and sum(action != "centre" for action in actions) >= 2
        assert all(one != other for one, other in pairwise(actions))
    with_more = [new_challenge(expressions=True) for _ in range(50)]
    assert all(len(actions) == 5 and {"blink", "mouth_open"} & set(actions) for actions in with_more)
