"""Faces as liveness checks see them: read from images, scored passively, compared with each other."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

from calibration.services import operating_point
from calibration.types import Comparison, OperatingPoint
from clients.models import Client
from errors import InvalidInput
from liveness.types import Embeddings, PassiveResult
from vision import inference
from vision.distances import distance
from vision.engines import DEFAULT, engines, weights
from vision.engines import liveness as passive
from vision.exceptions import EngineUnavailable
from vision.frames import repeats
from vision.inference import AnalysisOptions
from vision.selection import choose_face, recognisable
from vision.types import DetectedFace


def read_face(
    *, data: bytes, alone: bool = False, alias: str = DEFAULT, only_recognisable: bool = True
) -> DetectedFace:
    """The largest face of an encoded image with its passive score, its fingerprint as a frame, and its embeddings in
    the space of the engine `alias` and in the default one.

    `alone` allows no other prominent face. Raises `InvalidImage`, `UnusableFace` or `EngineUnavailable`, and, with
    `only_recognisable`, `NotRecognisable`.
    """
    options = AnalysisOptions(aliases=list(dict.fromkeys([alias, DEFAULT])), liveness=True, frame=True)
    faces = inference.analyse(data, options).faces
    face = choose_face(faces, "prominent" if alone else "largest")
    return recognisable(face) if only_recognisable else face


def read_frames(
    *, frames: Sequence[bytes], alone: bool = False, alias: str = DEFAULT, only_recognisable: bool = True
) -> list[DetectedFace | InvalidInput]:
    """`read_face` of every frame, several at a time, or the error of one that is unusable. Raises `Unavailable`."""

    def read(data: bytes) -> DetectedFace | InvalidInput:
        try:
            return read_face(data=data, alone=alone, alias=alias, only_recognisable=only_recognisable)
        except InvalidInput as error:
            return error

    return inference.several(read, frames)


def passive_check(*, data: bytes) -> PassiveResult:
    """The passive score of the largest face of an image. Raises as `read_face` and `passive_result` do."""
    return passive_result(face=read_face(data=data, only_recognisable=False))


def passive_result(*, face: DetectedFace) -> PassiveResult:
    """How much a face looks like a picture of a face. Raises `EngineUnavailable` (`engine.weights_missing`)."""
    if face.liveness is None:
        names = ", ".join(file.name for file in passive.files())
        hint = "Run `python manage.py fetch_models --liveness` and restart the workers."
        message = f"Passive scores need {names or 'weights'} in {weights.folder()}. {hint}"
        raise EngineUnavailable(message, code="engine.weights_missing")
    fake = 1 - face.liveness
    return PassiveResult(fake_prob=round(100 * fake, 5), is_fake=fake >= settings.ANTISPOOF_THRESHOLD)


def point_of(*, client: Client, alias: str = DEFAULT) -> OperatingPoint:
    """The client's operating point in the space of an engine."""
    return operating_point(client=client, space=engines[alias].space)


def compare(one: Embeddings, other: Embeddings, point: OperatingPoint, *, alias: str = DEFAULT) -> Comparison:
    """Two faces in the space of an engine, at an operating point."""
    space = engines[alias].space.name
    return point.compare([distance(one[space], other[space], metric=point.metric)])[0]


def find_repeats(frames: Sequence[bytes], faces: Sequence[DetectedFace | InvalidInput]) -> list[bool]:
    """For each frame whether an earlier one is the same file or shows the same still."""
    same_still = repeats([fingerprint_of(face) for face in faces])
    return [still or data in frames[:index] for index, (data, still) in enumerate(zip(frames, same_still, strict=True))]


def fingerprint_of(face: DetectedFace | InvalidInput) -> bytes:
    """Identifies the still that shows a face; empty for a frame without one."""
    return face.frame.fingerprint if isinstance(face, DetectedFace) and face.frame else b""
