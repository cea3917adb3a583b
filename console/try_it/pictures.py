"""Pictures that are shown and not stored: a rendering within the page, with a mark around each face."""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import dataclass

from django.utils.translation import gettext as _

from errors import InvalidInput
from storage.previews import preview, rendering
from vision.types import Box, Upload

SIDE = 1280  # pixels of the longer side
STORED_SIDE = 1600  # of a face that is cut out of a picture to be stored
LABEL = 14  # times as large as lines are wide
AROUND = 0.4  # of the face's size, shown around it
BOX = re.compile(r"(\d{1,5}),(\d{1,5}),(\d{1,5}),(\d{1,5})")


@dataclass(frozen=True)
class Mark:
    """A face at its place in a picture, in pixels of the rendering. `box` is the same in the upright image; the number
    stands in `label`.
    """

    number: int
    tone: str
    place: Box
    label: Box
    box: str

    @property
    def around(self) -> str:
        """The part of the rendering that shows the face alone, as a `viewBox`."""
        side = round(max(self.place.w, self.place.h) * (1 + 2 * AROUND))
        x, y = self.place.x + self.place.w // 2 - side // 2, self.place.y + self.place.h // 2 - side // 2
        return f"{x} {y} {side} {side}"


@dataclass(frozen=True)
class Picture:
    """`key` names it within the page, `src` is the rendering itself."""

    key: str
    name: str
    src: str
    width: int
    height: int
    scale: float

    @classmethod
    def of(cls, upload: Upload) -> Picture:
        """Raises `InvalidImage`."""
        made = rendering(upload.data, side=SIDE)
        src = f"data:image/jpeg;base64,{base64.b64encode(made.jpeg).decode()}"
        return cls(f"p{secrets.token_hex(6)}", upload.name, src, made.width, made.height, made.scale)

    @classmethod
    def if_readable(cls, upload: Upload) -> Picture | None:
        """For an image about which there is something else to say."""
        try:
            return cls.of(upload)
        except InvalidInput:
            return None

    def mark(self, number: int, box: Box, tone: str) -> Mark:
        place, side = box.scaled(self.scale), LABEL * self.stroke
        label = Box(max(0, place.x - self.stroke), max(0, place.y - side - self.stroke), side, side)
        return Mark(number, tone, place, label, f"{box.x},{box.y},{box.w},{box.h}")

    @property
    def stroke(self) -> int:
        """The width of the lines that are drawn over it, in its pixels."""
        return max(2, max(self.width, self.height) // 300)


def face_alone(upload: Upload, box: str) -> Upload:
    """What is stored of the face at `box` (x,y,w,h) when the picture shows others too: nobody else's face.

    Raises `InvalidImage`, or `InvalidInput` for a box that is none.
    """
    found = BOX.fullmatch(box)
    if found is None or "0" in found.groups()[2:]:
        raise InvalidInput(_("The place of the face is missing."), code="face.outside")
    x, y, w, h = map(int, found.groups())
    return Upload(preview(upload.data, side=STORED_SIDE, box=Box(x, y, w, h)), upload.name)
