"""What of a photograph a service gets to see: one face with its surroundings, and no metadata."""

from __future__ import annotations

from people.models import ReferenceImage
from remote.contract import Abilities
from remote.fitting import fitted
from storage.files import read_file
from storage.previews import face_alone
from vision.types import Box

SIDE = 640  # pixels


def portrait_of(image: ReferenceImage, abilities: Abilities) -> bytes:
    """A stored photograph's face. Raises what `read_file` does, `InvalidImage`, or `ImageRefused`."""
    return crop_for(read_file(file=image.image), image.box, abilities)


def crop_for(data: bytes, box: Box, abilities: Abilities) -> bytes:
    """A JPEG of the face in this box. Raises `InvalidImage` or `ImageRefused`."""
    return fitted(face_alone(data, box, side=SIDE).jpeg, abilities)
