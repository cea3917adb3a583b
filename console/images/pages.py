"""The pages of screened images: the list, one image, its pictures, and erasing it."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from audit.types import Action
from clients.authentication import client_of
from clients.models import Scope
from clients.numbering import record_rows
from clients.permissions import is_managing
from console.images.filters import ImageFilter
from console.images.shown import ShownImage, Tile
from console.numbers import number_in
from console.pages import ConsolePage
from console.paging import Page
from errors import NotFound
from recognition.models import ProcessedImage
from recognition.querysets import ProcessedImageQuerySet
from recognition.services import delete_images
from storage.pictures import picture_response


class ImagesPage(ConsolePage):
    """What the section's pages have in common: the client's images, and the filter in the address."""

    section = "images"
    scope_read: ClassVar[Scope] = Scope.SCREEN
    scope_write: ClassVar[Scope] = Scope.SCREEN

    @property
    def filter(self) -> ImageFilter:
        return ImageFilter(self.request.query_params)

    def image(self, images: ProcessedImageQuerySet, **key: int | UUID) -> ProcessedImage:
        """The one with this `number` or `uuid`. Raises `NotFound`, for images of other clients as well."""
        found: ProcessedImage | None = images.of_client(client_of(self.request)).filter(**key).first()
        if found is None:
            raise NotFound(_("There is no such image. It may have been erased."))
        return found

    @property
    def is_manager(self) -> bool:
        return is_managing(self.request)


class ImageList(ImagesPage):
    """Forty at a time, newest first. Older and newer pages begin at an image, so that new images move nothing."""

    def get(self, request: Request) -> HttpResponse:
        client, form = client_of(request), self.filter
        before, after = (number_in(request.query_params.get(name)) for name in ("before", "after"))
        page = Page.of(form.images(client).with_results(), before=before, after=after)
        record_rows(Action.VIEW, page.rows, results=len(page.rows))
        context: dict[str, Any] = {
            "form": form,
            "tiles": [Tile(image) for image in page.rows],
            "page": page,
            "ending": f"?{form.query}" if form.query else "",
            "is_filtered": bool(form.chosen) or not form.is_valid(),
            "erased": number_in(request.query_params.get("erased")),
            "may_export": self.is_manager,
        }
        return self.show("console/images/list.html", context, status=200 if form.is_valid() else 422)


class ImageDetail(ImagesPage):
    """One image with what was found in it, and the way to its neighbours in the filter."""

    def get(self, request: Request, number: int) -> HttpResponse:
        client, form = client_of(request), self.filter
        image = self.image(ProcessedImage.objects.select_related("job").with_results(), number=number)
        record_rows(Action.VIEW, [image], results=1)
        around = form.images(client).values_list("number", flat=True)
        context = {
            "image": ShownImage(image),
            "form": form,
            "newer": around.filter(number__gt=number).order_by("number").first(),
            "older": around.filter(number__lt=number).order_by("-number").first(),
            "may_erase": self.is_manager,
            "may_search": self.may(Scope.SCREEN),
            "is_kept": client.keep_screened_embeddings,
        }
        return self.show("console/images/detail.html", context)


class EraseImage(ImagesPage):
    """Erase an image with its file, faces and hits, with a receipt; then the list with the same filter."""

    for_managers = ("post",)

    def post(self, request: Request, number: int) -> HttpResponse:
        delete_images(images_to_delete=[self.image(ProcessedImage.objects.all(), number=number)])
        address = reverse("console:images")
        return HttpResponseRedirect(f"{address}?{urlencode(self.filter.chosen | {'erased': number})}")


class ImagePicture(ImagesPage):
    """A rendering of the stored file, or of one face in it. A look at it is recorded.

    Browsers keep it for an hour, so its address has the uuid: numbers are given again after a reset.
    """

    def get(self, request: Request, uuid: UUID, variant: str) -> HttpResponse:
        return picture_response(self.image(ProcessedImage.objects.all(), uuid=uuid).image, variant=variant)


class FacePicture(ImagesPage):
    def get(self, request: Request, uuid: UUID, index: int) -> HttpResponse:
        image = self.image(ProcessedImage.objects.all(), uuid=uuid)
        face = image.faces.defer("embedding").filter(index=index).first()
        if face is None:
            raise NotFound(_("There is no such face."))
        return picture_response(image.image, variant="face", box=face.box)
