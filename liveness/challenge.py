"""What a session asks for, and whether frames show it: rules on numbers, without pixels or tables."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from liveness.exceptions import NotLive
from liveness.models import Action
from vision.types import DetectedFace

LENGTH = 4  # actions of a challenge
TURNS = (Action.TURN_LEFT, Action.TURN_RIGHT)
# Of `Quality.yaw`: the nose's way from the middle of the eyes to one of them. A head that is turned by 25 to 30
# degrees reaches 0.35; passport-like photographs lie within 0.25.
TURNED, CENTRED = 0.35, 0.25
MOVED = 0.15  # between the most different frames
EYES_CLOSED, MOUTH_OPENED = 0.2, 0.5  # of `Expression`; eyes are about 0.3 open


def new_challenge(*, expressions: bool) -> list[Action]:
    """Random actions, no two neighbours the same, at least two of them turns. `expressions` puts one in."""
    choices = [*TURNS, Action.CENTRE]
    actions: list[Action] = []
    while sum(action in TURNS for action in actions) < 2:
        actions = []
        for _ in range(LENGTH):
            actions.append(secrets.choice([choice for choice in choices if actions[-1:] != [choice]]))
    if expressions:
        actions.insert(secrets.randbelow(LENGTH + 1), secrets.choice([Action.BLINK, Action.MOUTH_OPEN]))
    return actions


def shown(face: DetectedFace) -> set[Action]:
    """The actions that a face is seen in; none while it is on the way from one to the next."""
    yaw = face.quality.yaw if face.quality else None
    if yaw is None:
        return set()
    if abs(yaw) >= TURNED:
        return {Action.TURN_LEFT if yaw > 0 else Action.TURN_RIGHT}
    return {Action.CENTRE, *_expressions(face)} if abs(yaw) <= CENTRED else set()


def _expressions(face: DetectedFace) -> set[Action]:
    expression = face.frame.expression if face.frame else None
    if expression is None:
        return set()
    found = {Action.BLINK: expression.eyes < EYES_CLOSED, Action.MOUTH_OPEN: expression.mouth > MOUTH_OPENED}
    return {action for action, seen in found.items() if seen}


def require_movement(*, faces: Sequence[DetectedFace], repeated: Sequence[bool]) -> None:
    """Raises `NotLive` (`liveness.no_movement`) for stills: no turn at all, or mostly one frame again and again."""
    yaws = [face.quality.yaw for face in faces if face.quality and face.quality.yaw is not None]
    if not yaws or max(yaws) - min(yaws) < MOVED or 2 * sum(repeated) > len(repeated):
        raise NotLive("The head does not move in these frames.", code="liveness.no_movement")


def require_order(*, actions: Sequence[str], faces: Sequence[DetectedFace]) -> None:
    """Raises `NotLive`: a turn that was not asked for then (`liveness.out_of_order`), or too few of the actions
    (`liveness.incomplete`). Looking straight ahead is always allowed, as the way from one turn to the other.
    """
    done = 0
    for face in faces:
        seen = shown(face)
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
        return abs(face.quality.yaw) if face.quality and face.quality.yaw is not None else 1.0

    return min(faces, key=turned)
