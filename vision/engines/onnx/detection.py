"""Which copies of a photograph YuNet looks at: one is enough for most, a doubtful one is looked at again.

- The first look is at a copy of at most `side` pixels. A long strip may be larger, as long as it has no more
  pixels than an ordinary photograph.
- Of a large photograph a small copy is looked at too: a face that fills the picture is found only there.
- Where nothing or something small was found, the next look is at a copy of twice the size.
- Where no face is beyond doubt, the photograph may lie on its side or upside down: the other three turns are tried at a
  small size, and the best one is looked at like a photograph of its own. Where no face is clearly upright then,
  each may be turned by an angle between: it is cut out as its landmarks say, and looked at upside down too.

Boxes and landmarks are answered in pixels of the photograph as it came, with the turn that puts the faces upright.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

from vision.alignment import ARCFACE_POINTS, five_point_chip, similarity
from vision.turns import turned_face, turned_image
from vision.types import Detection, Image, Landmarks

Look = Callable[[Image, float], list[Detection]]  # an image and the least score to its faces

SCORE = 0.8  # from which a box is a face; measured in docs/engines.md
SURE = 0.9  # upright faces score .93 to .96, faces in a wrong turn up to .90
UPRIGHT = 0.92  # faces that are turned by an angle between, and taken for upright ones, score up to .91
SURE_WHEN_ENLARGED = 0.88  # a face that only the enlarged copy shows: animals score up to .85 there
SMALL = 40  # pixels of the first copy: where faces are this small, smaller ones may have been missed
ENLARGEMENT = 2.0  # of the enlarged copy
ASPECT = 9 / 16  # height by width of an ordinary photograph, which sets the number of pixels of a copy
MIN_SIDE = 16  # pixels; smaller images hold no face
SMALL_SIDE = 640  # longest side, in pixels, of the copies that are turned; of larger ones a quarter is looked at too
CLEARLY = 0.03  # by which a turn's best face must beat the upright one's
CUT_SIDE = 192  # pixels of the cut around a face of 112: the detector needs its surroundings
CUT_POINTS = ARCFACE_POINTS + (CUT_SIDE - 112) / 2


def find_faces(look: Look, image: Image, *, side: int) -> list[Detection]:
    """Faces of an RGB image, from left to right, with boxes inside the image. `side`: of the first copy, pixels."""
    if min(image.shape[:2]) < MIN_SIDE:
        return []
    found = _find_upright(look, image, side)
    if max((face.confidence for face in found), default=0.0) < SURE:
        found = _find_turned(look, image, found, side)
    if max((face.confidence for face in found), default=1.0) < UPRIGHT:
        found = [_righted(look, image, face) for face in found]
    height, width = image.shape[:2]
    inside = (replace(face, box=face.box.within(width, height)) for face in found)
    return sorted((face for face in inside if face.box.area), key=lambda face: (face.box.x, face.box.y))


def _find_upright(look: Look, image: Image, side: int) -> list[Detection]:
    scale = _scale(image, side)
    copy = _resized(image, scale)
    found = _look_at(look, copy, scale)
    if max(copy.shape[:2]) > SMALL_SIDE:
        found = _joined(found, _look_at(look, _quartered(copy), scale / 4), least=SURE)
    smallest = min((face.box.w * scale for face in found), default=0.0)
    if smallest >= SMALL:
        return found
    larger = scale * ENLARGEMENT
    return _joined(found, _look_at(look, _resized(image, larger), larger), least=SURE_WHEN_ENLARGED)


def _find_turned(look: Look, image: Image, upright: Sequence[Detection], side: int) -> list[Detection]:
    """The faces in the turn in which they are clearest; those of the upright photograph where no turn is clearer."""
    least = max([face.confidence + CLEARLY for face in upright] + [SURE])
    scale = _scale(image, SMALL_SIDE)
    copy = _resized(image, scale)
    best_turn, best = 0, least
    for turn in (90, 180, 270):
        for face in _look_at(look, turned_image(copy, turn), scale):
            if face.confidence >= best:
                best_turn, best = turn, face.confidence
    if not best_turn:
        return list(upright)
    upright_image = turned_image(image, best_turn)
    size = upright_image.shape[1], upright_image.shape[0]
    found = [turned_face(face, size=size, turn=360 - best_turn) for face in _find_upright(look, upright_image, side)]
    return [replace(face, turn=best_turn) for face in found]


def _righted(look: Look, image: Image, face: Detection) -> Detection:
    """The face with the landmarks that it has upside down, where it is clearer so.

    The detector takes a face that is turned by 135 or 225 degrees for an upright one and puts the eyes on the mouth.
    """
    points = face.landmarks.five_points()
    if points is None:
        return face
    cut = five_point_chip(image, points, (CUT_SIDE, CUT_SIDE), CUT_POINTS)
    clearest = max(look(turned_image(cut, 180), SCORE), key=lambda other: other.confidence, default=None)
    least = max((other.confidence for other in look(cut, SCORE)), default=SCORE) + CLEARLY
    if clearest is None or clearest.confidence < least:
        return face
    found = turned_face(clearest, size=(CUT_SIDE, CUT_SIDE), turn=180).landmarks
    back = similarity(CUT_POINTS, points)
    places = {name: place and tuple(back @ (*place, 1.0)) for name, place in vars(found).items()}
    return replace(face, landmarks=Landmarks(**places))


def _look_at(look: Look, copy: Image, scale: float) -> list[Detection]:
    """The faces of a copy of this scale, in pixels of the image itself."""
    return [face.scaled(1 / scale) for face in look(copy, SCORE)]


def _resized(image: Image, scale: float) -> Image:
    """A copy of this scale. Halves, thirds and so on are averages, which are fast; the rest is interpolated."""
    import cv2

    if scale == 1:
        return image
    height, width = image.shape[:2]
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    if (times := int(1 / scale)) > 1:
        image = _averaged(image, times)
    return cast(Image, cv2.resize(image, size, interpolation=cv2.INTER_LINEAR))


def _averaged(image: Image, times: int) -> Image:
    """The image reduced by a whole number; what is left over at the right and at the bottom is cut off."""
    import cv2

    height, width = (max(side // times, 1) for side in image.shape[:2])
    whole = image[: height * times, : width * times]
    return cast(Image, cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA))


def _quartered(image: Image) -> Image:
    """A quarter of the width and height: halved twice, which is many times faster than reduced at once."""
    return _averaged(_averaged(image, 2), 2)


def _scale(image: Image, side: int) -> float:
    """The scale of a copy of at most `side` pixels, or of as many pixels as an ordinary photograph of that side has."""
    height, width = image.shape[:2]
    by_side = side / max(height, width)
    by_area = side * math.sqrt(ASPECT / (height * width))
    return float(min(1.0, max(by_side, by_area)))


def _joined(found: Sequence[Detection], more: Sequence[Detection], *, least: float) -> list[Detection]:
    """`found`, and those of `more` that score `least` and are no face of `found`, or are one that was in doubt."""
    added = [
        face
        for face in more
        if face.confidence >= least
        and not _overlaps(face, [other for other in found if other.confidence >= min(SURE, face.confidence)])
    ]
    return [*(face for face in found if not _overlaps(face, added)), *added]


def _overlaps(face: Detection, others: Sequence[Detection]) -> bool:
    return any(face.box.overlap(other.box) > 0.3 for other in others)
