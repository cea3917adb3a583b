"""What is shown of albums, their groups, faces and photographs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import Count, Max
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from albums.models import Album, AlbumFace, AlbumImage, FaceGroup
from albums.querysets import AlbumFaceQuerySet
from albums.types import Alike
from console.try_it.answers import Nearest, Row
from console.try_it.pictures import SIDE, Mark, Picture
from console.try_it.words import odds, reason
from work.models import UNFINISHED, Status

# What was just done, by the word for it in the address.
DONE = {
    "created": gettext_lazy("The album has been created. Add photographs to it."),
    "saved": gettext_lazy("The album has been changed."),
    "added": gettext_lazy("The photographs have been added. They are processed one after the other."),
    "erased": gettext_lazy("The photograph has been erased."),
    "named": gettext_lazy("The group has a name. It is a person of the gallery now."),
    "merged": gettext_lazy("The groups have been merged."),
    "split": gettext_lazy("The faces are a group of their own now."),
    "moved": gettext_lazy("The faces have been moved here."),
    "taken-out": gettext_lazy("Each of these faces has a group of its own now, and is not suggested here again."),
    "apart": gettext_lazy("Noted: these are different people. They are not suggested again."),
    "forgotten": gettext_lazy("The two may be suggested again."),
}


@dataclass(frozen=True)
class Progress:
    """How many images of an album there are in each state, the latest change of one, and the highest number.

    `now_of` counts those that are done only while others are under way.
    """

    uploaded: int = 0
    running: int = 0
    done: int = 0
    failed: int = 0
    latest: datetime | None = None
    last: int = 0

    @property
    def total(self) -> int:
        return self.uploaded + self.running + self.finished

    @property
    def finished(self) -> int:
        return self.done + self.failed

    @property
    def mark(self) -> str:
        """Differs when an image has come or is finished."""
        return f"{self.last}-{self.uploaded}-{self.running}-{self.failed}"


def now_of(album: Album) -> Progress:
    """What is left to do in an album; the index of unfinished and failed images answers."""
    images = AlbumImage.objects.filter(album=album)
    left = images.exclude(status=Status.DONE).order_by().values_list("status").annotate(images=Count("pk"))
    counts: Any = Counter()
    for status, count in left:
        counts["running" if status in UNFINISHED else status] += count
    if counts["running"]:
        counts["done"] = images.filter(status=Status.DONE).count()
    last = images.order_by("-number").values_list("number", flat=True).first()
    return Progress(**counts, last=last or 0)


def progress_of(albums: Iterable[Album]) -> dict[int, Progress]:
    """By the primary key of the album, in one query."""
    rows = AlbumImage.objects.filter(album__in=list(albums)).order_by().values("album", "status")
    found: dict[int, dict[str, Any]] = {}
    for row in rows.annotate(images=Count("pk"), came=Max("created_at"), ended=Max("finished_at")):
        state = "running" if row["status"] in UNFINISHED else row["status"]
        counts = found.setdefault(row["album"], {"latest": row["came"]})
        counts[state] = counts.get(state, 0) + row["images"]
        counts["latest"] = max(filter(None, (counts["latest"], row["came"], row["ended"])))
    return {album: Progress(**counts) for album, counts in found.items()}


@dataclass(frozen=True)
class AlbumRow:
    """An album in the list."""

    album: Album
    progress: Progress
    groups: int

    @property
    def changed_at(self) -> datetime:
        return self.progress.latest or self.album.created_at


def rows_of(albums: Sequence[Album]) -> list[AlbumRow]:
    progress = progress_of(albums)
    counted = FaceGroup.objects.filter(album__in=albums).order_by().values("album").annotate(groups=Count("pk"))
    groups = {row["album"]: row["groups"] for row in counted}
    return [AlbumRow(album, progress.get(album.pk, Progress()), groups.get(album.pk, 0)) for album in albums]


# ---- groups -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class GroupTile:
    """A group with its number of faces, and one of them that can be shown."""

    group: FaceGroup
    cover: AlbumFace | None

    @property
    def title(self) -> str:
        return title_of(self.group)

    @property
    def picture(self) -> str:
        return crop_of(self.cover) if self.cover else ""

    @property
    def size(self) -> int:
        return int(self.group.size)  # type: ignore[attr-defined]


def tiles_of(groups: Iterable[FaceGroup]) -> list[GroupTile]:
    """Of groups with their sizes; one query."""
    found = list(groups)
    covers = AlbumFace.objects.covers([group.pk for group in found])
    return [GroupTile(group, covers.get(group.pk)) for group in found]


@dataclass(frozen=True)
class FaceTile:
    face: AlbumFace

    @property
    def picture(self) -> str:
        return crop_of(self.face)

    @property
    def photograph(self) -> str:
        return name_of(self.face.image)


def faces_of(group: FaceGroup) -> AlbumFaceQuerySet:
    """Of a group, the largest first."""
    return AlbumFace.objects.largest_of(group).select_related("image")


@dataclass(frozen=True)
class Suggestion:
    """Two groups that may be one person: the pair of faces that is nearest."""

    alike: Alike

    @property
    def sides(self) -> list[tuple[FaceGroup, str, str]]:
        """Group, title and picture of each."""
        faces = (self.alike.face, self.alike.other_face)
        return [(face.group, title_of(face.group), crop_of(face)) for face in faces if face.group]

    @property
    def nearest(self) -> Nearest:
        return Nearest.of(self.alike.comparison, name=self.sides[1][1])

    @property
    def odds(self) -> str:
        return odds(self.alike.comparison.point, self.alike.comparison.distance)


# ---- one photograph ---------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class ShownFace:
    """A face with its number in the picture."""

    face: AlbumFace
    mark: Mark | None

    @property
    def number(self) -> int:
        return self.face.index + 1

    @property
    def crop(self) -> str:
        return crop_of(self.face)

    @property
    def title(self) -> str:
        return title_of(self.face.group) if self.face.group else _("In no group")

    @property
    def note(self) -> str:
        """Why it is in no group; empty if it is in one."""
        if self.face.group or self.face.is_recognisable:
            return ""
        why = reason(self.face.quality.get("recognisability_reason"))
        return _("Cannot be recognised: %(reason)s.") % {"reason": why}


@dataclass(frozen=True)
class ShownPhotograph:
    """An image of an album that was loaded with its faces and their groups."""

    image: AlbumImage

    @property
    def title(self) -> str:
        return name_of(self.image)

    @property
    def is_waiting(self) -> bool:
        return self.image.status in UNFINISHED or self.image.status == Status.UPLOADED

    @cached_property
    def picture(self) -> Picture | None:
        """The stored file as it is shown, in pixels of a rendering; None without a file, or before it is processed."""
        image = self.image
        if not (image.image and image.width and image.height) or self.is_waiting:
            return None
        scale = min(1, SIDE / max(image.width, image.height))
        width, height = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        return Picture("picture", self.title, picture_of(image, "large"), width, height, scale)

    @cached_property
    def faces(self) -> list[ShownFace]:
        return [self._shown(face) for face in sorted(self.image.faces.all(), key=lambda face: face.index)]

    @cached_property
    def rows(self) -> list[Row]:
        """The marks in the picture, as `try/picture.html` draws them."""
        marks = [face.mark for face in self.faces if face.mark]
        return [Row(mark, "", "", mark.tone) for mark in marks]

    def _shown(self, face: AlbumFace) -> ShownFace:
        tone = "plain" if face.group else "poor"
        return ShownFace(face, self.picture.mark(face.index + 1, face.box, tone) if self.picture else None)


@dataclass(frozen=True)
class PhotographTile:
    """An image in the grid."""

    image: AlbumImage

    @property
    def title(self) -> str:
        return name_of(self.image)

    @property
    def picture(self) -> str:
        return picture_of(self.image, "card") if self.image.status != Status.FAILED else ""

    @property
    def said(self) -> str:
        return {
            Status.UPLOADED: _("Not processed"),
            Status.PENDING: _("Waiting"),
            Status.PROCESSING: _("Being processed"),
            Status.DONE: "",
            Status.FAILED: _("Failed"),
        }.get(Status(self.image.status), self.image.status)

    @property
    def tone(self) -> str:
        return "alarm" if self.image.status == Status.FAILED else "plain"


def title_of(group: FaceGroup) -> str:
    """The person's name, or the number of a group without one."""
    return group.name or _("Group %(number)s") % {"number": group.number}


def name_of(image: AlbumImage) -> str:
    """What the caller called it."""
    return image.external_id or image.identifier or _("Photograph %(number)s") % {"number": image.number}


def crop_of(face: AlbumFace) -> str:
    return reverse("console:album-face", args=[face.image.uuid, face.index]) if face.image.image else ""


def picture_of(image: AlbumImage, variant: str) -> str:
    return reverse("console:album-picture", args=[image.uuid, variant]) if image.image else ""
