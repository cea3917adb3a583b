"""Photographs of an album: the grid, adding some, one of them with its faces, pictures, and erasing."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from rest_framework.request import Request

from albums.models import AlbumImage
from albums.querysets import AlbumImageQuerySet
from albums.services import add_images, delete_images, queue_images
from audit.types import Action
from clients.authentication import client_of
from clients.numbering import record_rows
from console.albums.pages import AlbumsPage
from console.albums.shown import PhotographTile, ShownPhotograph
from console.exceptions import NothingSent
from console.numbers import number_in
from console.paging import Page
from console.problems import sentence
from console.try_it.answers import Answer
from errors import NotFound
from storage.pictures import picture_response
from vision.types import Upload
from work.models import Status
from work.submissions import check_batch_size, read_submissions


class PhotographsPage(AlbumsPage):
    tab = "photographs"

    def photograph(self, number: int) -> AlbumImage:
        """One of the album, with faces and groups. Raises `NotFound`."""
        images = AlbumImage.objects.filter(album=self.album).with_faces()
        found: AlbumImage | None = images.prefetch_related("faces__group__person").filter(number=number).first()
        if found is None:
            raise NotFound(_("There is no such photograph. It may have been erased."))
        return found


class Photographs(PhotographsPage):
    """Forty at a time, the newest first. A form adds some, which workers process; scripts send each by itself."""

    takes_images = frozenset({"post"})

    def get(self, request: Request, number: int) -> HttpResponse:
        query, images = request.query_params, AlbumImage.objects.filter(album=self.album)
        is_failed = query.get("show") == "failed"
        if is_failed:
            images = images.filter(status=Status.FAILED)
        page = Page.of(images, before=number_in(query.get("before")), after=number_in(query.get("after")))
        record_rows(Action.VIEW, page.rows, results=len(page.rows))
        context = {
            "tiles": [PhotographTile(image) for image in page.rows],
            "page": page,
            "is_failed": is_failed,
            "progress": self.progress,
            "always": self.may_change,
        }
        return self.show_album("photographs", context)

    def post(self, request: Request, number: int) -> HttpResponse:
        files = request.FILES.getlist("image")
        if not files:
            raise NothingSent(_("Choose a photograph first."))
        check_batch_size(len(files))
        submissions = read_submissions([Upload(file.read(), file.name or "") for file in files])
        rows = add_images(album=self.album, submissions=submissions, process=True)
        if not request._request.htmx:  # type: ignore[attr-defined]
            return self.go("album-photographs", done="added")
        answers = [
            Answer(row.identifier, summary=_("Added"))
            if not row.error
            else Answer(row.identifier, problem=sentence(row.error, row.error_code))
            for row in rows
        ]
        return self.show("console/try/answers.html", {"answers": answers})


class ProcessWaiting(PhotographsPage):
    """Queue what was uploaded and never processed, as when the queue did not answer."""

    def post(self, request: Request, number: int) -> HttpResponse:
        queue_images(album=self.album)
        return self.go("album-photographs")


class Photograph(PhotographsPage):
    """One photograph: who is in it, by the groups of its faces."""

    def get(self, request: Request, number: int, image: int) -> HttpResponse:
        found = self.photograph(image)
        record_rows(Action.VIEW, [found], results=1)
        around: AlbumImageQuerySet = AlbumImage.objects.filter(album=self.album)
        numbers = around.values_list("number", flat=True)
        count = len(found.faces.all())
        context = {
            "image": ShownPhotograph(found),
            "faces_said": ngettext("%(count)s face", "%(count)s faces", count) % {"count": count},
            "newer": numbers.filter(number__gt=image).order_by("number").first(),
            "older": numbers.filter(number__lt=image).order_by("-number").first(),
        }
        return self.show_album("photograph", context)


class ErasePhotograph(PhotographsPage):
    """Erase a photograph with its file and faces, with a receipt."""

    for_managers = to_confirm = ("post",)

    def post(self, request: Request, number: int, image: int) -> HttpResponse:
        delete_images(album=self.album, images=[self.photograph(image)])
        return self.go("album-photographs", done="erased")


class AlbumPicture(AlbumsPage):
    """A rendering of a kept file, or of one face in it. A look at it is recorded.

    Browsers keep it for an hour, so its address has the uuid: numbers are given again after a reset.
    """

    def get(self, request: Request, uuid: UUID, variant: str) -> HttpResponse:
        return picture_response(self.image(uuid).image, variant=variant)

    def image(self, uuid: UUID) -> AlbumImage:
        images = AlbumImage.objects.filter(album__client=client_of(self.request)).select_related("album")
        found: AlbumImage | None = images.filter(uuid=uuid).first()
        if found is None:
            raise NotFound(_("There is no such photograph. It may have been erased."))
        return found


class AlbumFacePicture(AlbumPicture):
    def get(self, request: Request, uuid: UUID, index: int) -> HttpResponse:  # type: ignore[override]
        image = self.image(uuid)
        face = image.faces.defer("embedding").filter(index=index).first()
        if face is None:
            raise NotFound(_("There is no such face."))
        return picture_response(image.image, variant="face", box=face.box)
