"""In which earlier images is this face? From a face of a screened image, or from a photograph that is not stored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from rest_framework.request import Request

from clients.authentication import client_of
from console.images.pages import ImagesPage
from console.images.shown import crop_of, title_of
from console.numbers import number_in
from console.try_it.answers import Answer, Nearest, Other
from console.try_it.pictures import Picture
from console.try_it.tool import Tool
from console.try_it.words import odds, verdict
from errors import NotFound
from recognition.models import ProcessedFace, ProcessedImage
from recognition.services import find_in_screened, find_screened_face, screening_options
from recognition.types import Sighting, Sightings
from vision.types import Upload

CROP = 240  # pixels of a face


class FindFace(Tool, ImagesPage):
    """Only for clients whose embeddings are kept; the page says so otherwise, and how to have them kept."""

    section, tool = "images", "find"

    def post(self, request: Request) -> HttpResponse:
        if "number" in request.data:
            return self.show_answers([self.answer_for_face(request)])
        return super().post(request)

    def answer_for_face(self, request: Request) -> Answer:
        """Raises `NotFound`, `EmbeddingNotKept` or `SearchingStopped`."""
        image = self.image(ProcessedImage.objects.all(), number=number_in(request.data["number"]) or 0)
        face = ProcessedFace.objects.filter(image=image, index=number_in(request.data.get("face")) or 0).first()
        if face is None:
            raise NotFound(_("There is no such face."))
        found = find_screened_face(client=client_of(request), face=face)
        name = _("Face %(number)s of %(image)s") % {"number": face.index + 1, "image": title_of(image)}
        return answer_of(name, found, _crop("probe", name, image, face))

    def answer(self, upload: Upload) -> Answer:
        client = client_of(self.request)
        alias = screening_options(client=client).engine
        found = find_in_screened(client=client, data=upload.data, alias=alias)
        return answer_of(upload.name, found, Picture.of(upload))

    def show_tool(self, **context: Any) -> HttpResponse:
        context |= {
            "tool": self.tool,
            "may_try": self.may(self.scope_write),
            "may_switch": self.is_manager,
            "is_kept": client_of(self.request).keep_screened_embeddings,
        }
        return self.show("console/images/find.html", context)


def answer_of(name: str, found: Sightings, picture: Picture | None) -> Answer:
    count = len(found.faces)
    summary = ngettext("%(count)s face looks like this one", "%(count)s faces look like this one", count)
    summary %= {"count": count}
    if found.others:
        summary = _("The largest face was searched for.") + " " + summary
    among = ngettext("%(count)s face was searched.", "%(count)s faces were searched.", found.searched)
    summary += ". " + among % {"count": found.searched}
    return Answer(name, picture, summary, others=[_other(sighting) for sighting in found.faces])


def _other(sighting: Sighting) -> Other:
    """One image in the list of those that were found."""
    image, compared = sighting.face.image, sighting.comparison
    when = date_format(localtime(image.created_at), "DATETIME_FORMAT")
    name = f"{title_of(image)} · {when}"
    said = odds(sighting.alone.point, sighting.alone.distance)
    nearest = replace(Nearest.of(compared, name=name), odds=said)
    picture = _crop(f"face-{sighting.face.pk}", name, image, sighting.face)
    judged = (verdict(compared.decision), "good") if compared.matches else (_("Perhaps"), "careful")
    return Other(name, picture, *judged, nearest, url=reverse("console:image", args=[image.number]))


def _crop(key: str, name: str, image: ProcessedImage, face: ProcessedFace) -> Picture | None:
    """A face that is stored; None if its file was erased."""
    return Picture(key, name, crop_of(image, face), CROP, CROP, 1.0) if image.image else None
