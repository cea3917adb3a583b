"""What a session asks for, and whether frames show it: rules on numbers, without pixels or tables."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from statistics import median

from liveness.exceptions import NotLive
from liveness.models import Action
from vision.types import DetectedFace, Expression

LENGTH = 4  # actions of a challenge
TURNS = (Action.TURN_LEFT, Action.TURN_RIGHT)
# On the scale of `Quality.yaw`: where the nose lies between the middle of the eyes and one of them. A head turned by 25
# to 30 degrees reaches 0.35; photographs as in a passport stay within 0.25.
TURNED, CENTRED = 0.35, 0.25
MOVED = 0.15  # between the most different frames
DEGREE = 0.0123  # of `Quality.yaw` for each degree that the network of head pose estimates
# Of `Expression`, compared with what is usual for this person in these frames: open eyes measure 0.15 to 0.4.
EYES_CLOSED, MOUTH_OPENED = 0.6, 0.3  # share of the usual, above the usual


def new_challenge(*, expressions: bool) -> list[Action]:
    """Random actions, no two in a row the same, at least two of them turns. `expressions` adds one of the face."""
    choices = [*TURNS, Action.CENTRE]
    actions: list[Action] = []
    while sum(action in TURNS for action in actions) < 2:
        actions = []
        for _ in range(LENGTH):
            actions.append(secrets.choice([choice for choice in choices if actions[-1:] != [choice]]))
    if expressions:
        actions.insert(secrets.randbelow(LENGTH + 1), secrets.choice([Action.BLINK, Action.MOUTH_OPEN]))
    return actions


def shown(face: DetectedFace, usual: Expression | None = None) -> set[Action]:
    """The actions that a face shows; none while it moves from one to the next.

    `usual` is how open this person's eyes and mouth are; without it no expression is recognised.
    """
    yaw = _yaw(face)
    if yaw is None:
        return set()
    if abs(yaw) >= TURNED:
        return {Action.TURN_LEFT if yaw > 0 else Action.TURN_RIGHT}
    if abs(yaw) > CENTRED:
        return set()
    found = {Action.CENTRE}
    expression = face.frame.expression if face.frame else None
    if expression and usual and expression.eyes < EYES_CLOSED * usual.eyes:
        found.add(Action.BLINK)
    if expression and usual and expression.mouth > usual.mouth + MOUTH_OPENED:
        found.add(Action.MOUTH_OPEN)
    return found


def usual_expression(faces: Sequence[DetectedFace]) -> Expression | None:
    """The median of the frames in which the person looks straight ahead."""
    ahead = [face.frame.expression for face in faces if Action.CENTRE in shown(face) and face.frame]
    seen = [expression for expression in ahead if expression]
    if not seen:
        return None
    return Expression(eyes=median(one.eyes for one in seen), mouth=median(one.mouth for one in seen))


def require_movement(*, faces: Sequence[DetectedFace], repeated: Sequence[bool]) -> None:
    """Raises `NotLive` (`liveness.no_movement`) for stills: no turn at all, or mostly the same frame over and over."""
    yaws = [yaw for face in faces if (yaw := _yaw(face)) is not None]
    if not yaws or max(yaws) - min(yaws) < MOVED or 2 * sum(repeated) > len(repeated):
        raise NotLive("The head does not move in these frames.", code="liveness.no_movement")


def require_order(*, actions: Sequence[str], faces: Sequence[DetectedFace]) -> None:
    """Raises `NotLive`: a turn that was not asked for at that point (`liveness.out_of_order`), or too few actions
    (`liveness.incomplete`). Looking straight ahead is always allowed, because it lies between two turns.
    """
    done, usual = 0, usual_expression(faces)
    for face in faces:
        seen = shown(face, usual)
        if done < len(actions) and actions[done] in seen:
            done += 1
        elif seen & set(TURNS) and not seen & set(actions[max(done - 1, 0) : done]):
            raise NotLive(
                "The movements are not those that were asked for, in their order.", code="liveness.out_of_order"
            )
    if done < len(actions):
        message = f"{done} of {len(actions)} movements are seen. Take frames until the last one is done."
        raise NotLive(message, code="liveness.incomplete")


def most_frontal(faces: Sequence[DetectedFace]) -> DetectedFace:
    """The face to compare with others."""

    def turned(face: DetectedFace) -> float:
        yaw = _yaw(face)
        return 1.0 if yaw is None else abs(yaw)

    return min(faces, key=turned)


def _yaw(face: DetectedFace) -> float | None:
    """How far the head is turned, on the scale of `Quality.yaw`: by the network of head pose, else by landmarks, which
    a photograph that is turned by 40 degrees and more can deceive.
    """
    if face.frame and face.frame.yaw is not None:
        return face.frame.yaw * DEGREE
    return face.quality.yaw if face.quality else None
