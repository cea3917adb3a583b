"""What the filter shows, to take away: a table, or the stored files with it. For managers, and recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.views import APIView

from audit.services import record
from audit.types import Action
from clients.authentication import client_of
from console.archives import MOST_NAMED, Packed, line_of, require_room, zipped
from console.images.pages import ImagesPage
from console.images.shown import Tile, names_of
from errors import Unprocessable
from recognition.models import ProcessedImage
from recognition.querysets import ProcessedImageQuerySet

AT_ONCE = 500  # images that are read from the database together
FORMULA = ("=", "+", "-", "@", "\t", "\r")
COLUMNS = ["number", "id", "received", "identifier", "status", "error", "faces", "hits", "names", "distance",
           "threshold", "job"]  # fmt: skip


class Export(ImagesPage):
    """`kind`: how the file's name ends."""

    for_managers = ("get",)
    kind = content_type = ""

    def get_throttles(self) -> list[Any]:
        """Counted like other work, although it changes nothing."""
        return APIView.get_throttles(self)

    def get(self, request: Request) -> HttpResponse:
        client, form = client_of(request), self.filter
        if not form.is_valid():
            raise Unprocessable(_("The filter cannot be used. Correct it in the list first."))
        images = self.chosen(form.images(client, leaving=True))
        count = self.count(images)
        record(Action.EXPORT, client_id=client.pk, objects=self.named(images), results=count)
        name = f"screened-images-{timezone.localdate():%Y-%m-%d}.{self.kind}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
        return StreamingHttpResponse(  # type: ignore[return-value]  # another kind of answer
            self.pieces(images), content_type=self.content_type, headers=headers
        )

    def chosen(self, images: ProcessedImageQuerySet) -> ProcessedImageQuerySet:
        """Which of the filter's images the file holds."""
        return images

    def count(self, images: ProcessedImageQuerySet) -> int:
        return images.count()

    def named(self, images: ProcessedImageQuerySet) -> Iterator[str]:
        """The newest of them, as many as the audit names; it has the count of all."""
        return (image.audit_name for image in images.order_by("-number").only("number", "client")[:MOST_NAMED])

    def pieces(self, images: ProcessedImageQuerySet) -> Iterator[bytes]:
        raise NotImplementedError


class CsvExport(Export):
    """One line for each image, however many there are."""

    kind, content_type = "csv", "text/csv; charset=utf-8"

    def pieces(self, images: ProcessedImageQuerySet) -> Iterator[bytes]:
        return (line.encode() for line in table(all_of(images)))


class ZipExport(Export):
    """The stored files, as they were sent, and the table of these images. Raises `TooManyForOneFile`."""

    kind, content_type = "zip", "application/zip"

    def chosen(self, images: ProcessedImageQuerySet) -> ProcessedImageQuerySet:
        return images.exclude(image="")

    def count(self, images: ProcessedImageQuerySet) -> int:
        return require_room(images, _("One file holds at most %(files)s images and %(size)s GB. Choose fewer days."))

    def pieces(self, images: ProcessedImageQuerySet) -> Iterator[bytes]:
        return archive(images)


def all_of(images: ProcessedImageQuerySet) -> Iterator[ProcessedImage]:
    """Every image, newest first, some at a time; what arrives meanwhile is left out, and nothing comes twice."""
    images, before = images.with_results().order_by("-number"), None
    while found := list((images if before is None else images.filter(number__lt=before))[:AT_ONCE]):
        yield from found
        before = found[-1].number


def table(images: Iterable[ProcessedImage]) -> Iterator[str]:
    """Lines of CSV, which spreadsheets read as UTF-8 and never as formulas."""
    yield "\ufeff" + line_of(COLUMNS)
    for image in images:
        yield line_of(map(harmless, row_of(image)))


def harmless(text: str) -> str:
    """Spreadsheets run cells that begin like a formula, even after blanks; an apostrophe makes them text."""
    return f"'{text}" if text.startswith(FORMULA) or text.lstrip().startswith(FORMULA) else text


def row_of(image: ProcessedImage) -> list[str]:
    """What the table says of an image, without hits that two persons have not confirmed yet."""
    hits = [match for match in Tile(image).hits if match.may_leave]
    best = min(hits, key=lambda match: match.distance, default=None)
    return [
        str(image.number),
        str(image.uuid),
        image.created_at.isoformat(timespec="seconds"),
        image.identifier,
        image.status,
        image.error_code,
        str(len(image.faces.all())),
        str(len(hits)),
        names_of(hits),
        f"{best.distance:.4f}" if best else "",
        f"{best.threshold:.4f}" if best else "",
        str(image.job_id),
    ]


def archive(images: ProcessedImageQuerySet) -> Iterator[bytes]:
    """A ZIP of the stored files, with the table of these images."""
    lines: list[str] = []
    packed = (Packed(image.number, image.image, image.named_faces) for image in _noted(all_of(images), lines))
    return zipped(packed, folder="images", table=lambda: "\ufeff" + line_of(COLUMNS) + "".join(lines))


def _noted(images: Iterable[ProcessedImage], lines: list[str]) -> Iterator[ProcessedImage]:
    """The images; their lines of the table are added to `lines`."""
    for image in images:
        lines.append(line_of(map(harmless, row_of(image))))
        yield image
