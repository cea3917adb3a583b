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
from vision.engines import DEFAULT, engines
from vision.exceptions import EngineUnavailable
from vision.frames import repeats
from vision.inference import AnalysisOptions
from vision.selection import choose_face
from vision.types import DetectedFace


def read_face(*, data: bytes, alone: bool = False) -> DetectedFace:
    """The largest face of an encoded image with its embedding, its passive score and what frames are compared by.

    `alone` allows no other prominent face. Raises `InvalidImage`, `UnusableFace` or `EngineUnavailable`.
    """
    faces = inference.analyse(data, AnalysisOptions(liveness=True, frame=True)).faces
    return choose_face(faces, "prominent" if alone else "largest")


def read_frames(*, frames: Sequence[bytes], alone: bool = False) -> list[DetectedFace | InvalidInput]:
    """`read_face` of every frame, several at a time, or the error of one that is unusable. Raises `Unavailable`."""

    def read(data: bytes) -> DetectedFace | InvalidInput:
        try:
            return read_face(data=data, alone=alone)
        except InvalidInput as error:
            return error

    return inference.several(read, frames)


def passive_check(*, data: bytes) -> PassiveResult:
    """The passive score of the largest face of an image. Raises as `read_face` and `passive_result` do."""
    return passive_result(face=read_face(data=data))


def passive_result(*, face: DetectedFace) -> PassiveResult:
    """How much a face looks like a picture of a face. Raises `EngineUnavailable` (`engine.weights_missing`)."""
    if face.liveness is None:
        message = "Passive scores need weights: run `python manage.py fetch_models --liveness`, restart the workers."
        raise EngineUnavailable(message, code="engine.weights_missing")
    fake = 1 - face.liveness
    return PassiveResult(fake_prob=round(100 * fake, 5), is_fake=fake >= settings.ANTISPOOF_THRESHOLD)


def default_point(*, client: Client) -> OperatingPoint:
    """The client's operating point in the default space, in which liveness checks compare faces."""
    return operating_point(client=client, space=engines[DEFAULT].space)


def compare(one: Embeddings, other: Embeddings, point: OperatingPoint) -> Comparison:
    """Two faces in the default space at the client's operating point."""
    space = engines[DEFAULT].space.name
    return point.compare([distance(one[space], other[space], metric=point.metric)])[0]


def find_repeats(frames: Sequence[bytes], faces: Sequence[DetectedFace | InvalidInput]) -> list[bool]:
    """For each frame whether an earlier one is the same file or shows the same still."""
    same_still = repeats([fingerprint_of(face) for face in faces])
    return [still or data in frames[:index] for index, (data, still) in enumerate(zip(frames, same_still, strict=True))]


def fingerprint_of(face: DetectedFace | InvalidInput) -> bytes:
    """What the still of a face is recognised by; empty if there is none."""
    return face.frame.fingerprint if isinstance(face, DetectedFace) and face.frame else b""
