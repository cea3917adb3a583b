"""Faces of images that are not stored."""

from __future__ import annotations

from clients.models import Client
from compat.rekognition.exceptions import BadParameter
from compat.rekognition.faces import gate_of
from people.services import FacePairs, compare_all
from recognition.services import detect_faces
from vision.types import Analysis
from work.types import Submission

NO_FACE = "Request has invalid parameters: there must be a face in the source image and in the target image."


def detect(*, data: bytes) -> Analysis:
    """Raises `InvalidImage` or `Unavailable`."""
    return detect_faces(submission=Submission("", data))


def compare(*, client: Client, first: bytes, second: bytes, quality: str) -> FacePairs:
    """The largest face of one image against all of another. Raises `BadParameter` if either shows none."""
    pairs = compare_all(client=client, first=first, second=second, gate=gate_of(quality))
    if pairs.face is None or not pairs.compared:
        raise BadParameter(NO_FACE)
    return pairs
