"""What is shown of a screened image that was loaded with `with_results`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from calibration.types import Decision
from console.numbers import Scale
from console.try_it.answers import Row
from console.try_it.pictures import SIDE, Mark, Picture
from console.try_it.words import reason
from recognition.models import Match, ProcessedFace, ProcessedImage, Status
from vision.types import Box

WAITING = {Status.PENDING, Status.PROCESSING}


@dataclass(frozen=True)
class Tile:
    """An image in the grid."""

    image: ProcessedImage

    @property
    def title(self) -> str:
        return title_of(self.image)

    @property
    def picture(self) -> str:
        return picture_of(self.image, "card")

    @property
    def said(self) -> str:
        """What came out, in a word or two."""
        if self.image.status in WAITING:
            return _("Being screened")
        if self.image.status == Status.FAILED:
            return _("Failed")
        if self.image.status == Status.CANCELLED:
            return _("Cancelled")
        if self.hits:
            return ngettext("%(count)s hit", "%(count)s hits", len(self.hits)) % {"count": len(self.hits)}
        return _("Look closer") if any(face.reviews for face in self.image.faces.all()) else _("No hit")

    @property
    def tone(self) -> str:
        if self.image.status == Status.FAILED or self.hits:
            return "alarm"
        return "careful" if any(face.reviews for face in self.image.faces.all()) else "plain"

    @property
    def names(self) -> str:
        return names_of(self.hits)

    @property
    def faces(self) -> str:
        count = len(self.image.faces.all())
        return ngettext("%(count)s face", "%(count)s faces", count) % {"count": count}

    @cached_property
    def hits(self) -> list[Match]:
        return [match for face in self.image.faces.all() for match in face.blacklist_matches]


def names_of(hits: Iterable[Match]) -> str:
    """Whom the hits are of, each once."""
    return ", ".join(dict.fromkeys(hit.entry.name for hit in hits))


@dataclass(frozen=True)
class Hit:
    """An entry near to a face."""

    match: Match

    @property
    def name(self) -> str:
        return self.match.entry.name

    @property
    def is_hit(self) -> bool:
        return self.match.decision == Decision.MATCH

    @property
    def photograph(self) -> str:
        image = self.match.reference_image
        return reverse("console:photograph", args=[image.uuid]) if image and image.image else ""

    @property
    def scale(self) -> Scale:
        return Scale(self.match.distance, self.match.threshold)


@dataclass(frozen=True)
class ShownFace:
    """A face with its number in the picture. `hits`: what it resembles, closest first."""

    face: ProcessedFace
    mark: Mark | None
    hits: list[Hit]
    crop: str

    @property
    def number(self) -> int:
        return self.face.index + 1

    @property
    def tone(self) -> str:
        return tone_of(self.face)

    @property
    def note(self) -> str:
        """Why it was not searched for; empty if it was."""
        if self.face.is_recognisable:
            return ""
        return _("Cannot be recognised: %(reason)s.") % {
            "reason": reason(self.face.quality.get("recognisability_reason"))
        }


@dataclass(frozen=True)
class ShownImage:
    image: ProcessedImage

    @property
    def tile(self) -> Tile:
        return Tile(self.image)

    @property
    def title(self) -> str:
        return title_of(self.image)

    @property
    def is_waiting(self) -> bool:
        return self.image.status in WAITING

    @cached_property
    def picture(self) -> Picture | None:
        """The stored file as it is shown, in pixels of a rendering; None without a file, or if its size is unknown."""
        image = self.image
        if not (image.image and image.width and image.height):
            return None
        scale = min(1, SIDE / max(image.width, image.height))
        width, height = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        return Picture("picture", self.title, picture_of(image, "large"), width, height, scale)

    @cached_property
    def rows(self) -> list[Row]:
        """The marks in the picture, as `try/picture.html` draws them."""
        marks = [face.mark for face in self.faces if face.mark]
        return [Row(mark, "", "", mark.tone) for mark in marks]

    @cached_property
    def faces(self) -> list[ShownFace]:
        return [self._shown(face) for face in sorted(self.image.faces.all(), key=lambda face: face.index)]

    @property
    def found(self) -> list[ShownFace]:
        """Faces with hits before those that somebody is to look at; the closest first."""
        near = [face for face in self.faces if face.hits]
        return sorted(near, key=lambda face: (not face.hits[0].is_hit, face.hits[0].match.distance))

    @property
    def others(self) -> list[ShownFace]:
        return [face for face in self.faces if not face.hits]

    def _shown(self, face: ProcessedFace) -> ShownFace:
        box = Box(face.box_x, face.box_y, face.box_w, face.box_h)
        mark = self.picture.mark(face.index + 1, box, tone_of(face)) if self.picture else None
        hits = sorted(face.matches.all(), key=lambda match: match.distance)
        return ShownFace(face, mark, [Hit(match) for match in hits], crop_of(self.image, face) if mark else "")


def title_of(image: ProcessedImage) -> str:
    """What the caller called it."""
    return image.identifier or _("Image %(number)s") % {"number": image.number}


def tone_of(face: ProcessedFace) -> str:
    return {
        Decision.MATCH: "alarm",
        Decision.REVIEW: "careful",
        Decision.NO_MATCH: "plain",
        Decision.NOT_RECOGNISABLE: "poor",
    }[face.decision]


def picture_of(image: ProcessedImage, variant: str) -> str:
    return reverse("console:image-picture", args=[image.uuid, variant]) if image.image else ""


def crop_of(image: ProcessedImage, face: ProcessedFace) -> str:
    return reverse("console:image-face", args=[image.uuid, face.index])
