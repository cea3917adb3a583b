"""The photographs of an album to take away, with the names of the people on them. For managers, and recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.views import APIView

from albums.models import AlbumImage
from audit.services import record
from audit.types import Action
from clients.authentication import client_of
from console.albums.photographs import PhotographsPage
from console.archives import MOST_NAMED, Packed, require_room, zipped

AT_ONCE = 500  # images that are read from the database together


class AlbumExport(PhotographsPage):
    for_managers = ("get",)

    def get_throttles(self) -> list[Any]:
        """Counted like other work, although it changes nothing."""
        return APIView.get_throttles(self)

    def get(self, request: Request, number: int) -> HttpResponse:
        """A ZIP of the stored photographs, each with a sidecar. Raises `TooManyForOneFile`."""
        images = AlbumImage.objects.filter(album=self.album).exclude(image="")
        count = require_room(
            images, _("One file holds at most %(files)s photographs and %(size)s GB. This album has more.")
        )
        named = [self.album.audit_name, *(image.audit_name for image in images.order_by("-number")[:MOST_NAMED])]
        record(Action.EXPORT, client_id=client_of(request).pk, objects=named, results=count)
        name = f"album-{number}-{timezone.localdate():%Y-%m-%d}.zip"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
        packed = (Packed(image.number, image.image, image.named_faces) for image in self._all())
        return StreamingHttpResponse(  # type: ignore[return-value]  # another kind of answer
            zipped(packed, folder="photographs"), content_type="application/zip", headers=headers
        )

    def _all(self) -> Iterator[AlbumImage]:
        """In their order, some at a time."""
        images, after = AlbumImage.objects.filter(album=self.album).exclude(image="").order_by("number"), 0
        while found := list(images.with_names().select_related("album").filter(number__gt=after)[:AT_ONCE]):
            yield from found
            after = found[-1].number
