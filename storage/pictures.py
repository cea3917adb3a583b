"""How the admin shows pictures: one private view for thumbnails and faces, boxes in percent, quality in words."""

from __future__ import annotations

import base64
from typing import Any

from django.db.models.fields.files import FieldFile
from django.http import Http404, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from errors import InvalidInput, NotFound, Unavailable
from storage.previews import preview
from storage.responses import image_response, preview_response
from vision.quality import STANDARD, STRICT
from vision.types import Box

SIDES = {"thumbnail": 160, "face": 240, "card": 480, "portrait": 640, "large": 1600}  # longest side in pixels
FACES = {"face", "portrait"}  # renderings of one face
VARIANTS = [*SIDES, "original"]  # "original" is the stored file itself


def picture_response(file: FieldFile, *, variant: str, box: Box | None = None) -> HttpResponse:
    """One of `VARIANTS` of a stored image, for pages: errors become pages with their status code."""
    if variant not in VARIANTS or (variant in FACES and box is None):
        raise Http404("There is no such rendering.")
    try:
        if variant == "original":
            return image_response(file)  # type: ignore[return-value]
        return preview_response(file, side=SIDES[variant], box=box if variant in FACES else None)
    except (NotFound, InvalidInput) as error:
        raise Http404(error.message) from error
    except Unavailable as error:
        return HttpResponse(error.message, status=503, content_type="text/plain")


def data_url(data: bytes) -> str:
    """A small rendering of an image that is not stored, for the `src` of a page. Raises `InvalidImage`."""
    return f"data:image/jpeg;base64,{base64.b64encode(preview(data, side=SIDES['face'])).decode()}"


def percentages(box: Box, *, width: int, height: int) -> dict[str, str]:
    """A box relative to its picture, in the form that CSS and SVG take."""
    share = {"x": box.x / width, "y": box.y / height, "width": box.w / width, "height": box.h / height}
    return {name: f"{value:.2%}" for name, value in share.items()}


def overlay(boxes: list[tuple[Box, str]], *, width: int | None, height: int | None) -> SafeString:
    """An SVG with one rectangle per face, to be drawn over the picture. Each box comes with its CSS class."""
    if not width or not height:
        return SafeString("")
    rows = [(*percentages(box, width=width, height=height).values(), name) for box, name in boxes]
    shapes = format_html_join("", '<rect x="{}" y="{}" width="{}" height="{}" rx="3" class="{}"/>', rows)
    return format_html('<svg aria-hidden="true" class="fa-boxes">{}</svg>', shapes)


def faces_of(image: Any) -> list[tuple[Box, str]]:
    """The boxes of a screened image (loaded with `with_results`); those with a match have the class of matches."""
    return [(face.box, "fa-match" if face.matches.all() else "fa-face") for face in image.faces.all()]


def thumbnail(url: str, *, alt: str, boxes: SafeString = SafeString(""), link: str = "") -> SafeString:  # noqa: B008
    """A small picture with boxes drawn over it, as a link if `link` is given."""
    image = format_html('<img src="{}" alt="{}" loading="lazy" class="fa-picture">{}', url, alt, boxes)
    if link:
        return format_html('<a href="{}" class="fa-frame fa-thumbnail">{}</a>', link, image)
    return format_html('<span class="fa-frame fa-thumbnail">{}</span>', image)


def quality_words(quality: dict[str, Any]) -> list[tuple[str, bool]]:
    """Size, sharpness and brightness in words; the flag says whether that part is good.

    Good is what the strict quality gate accepts, and the harshest word is for what the standard gate refuses.
    """
    if not quality:
        return []
    pixels, variance, luma = quality["size"], quality["sharpness"], quality["brightness"]
    size, focus, light = _("large enough"), _("sharp"), _("well lit")
    if pixels < STRICT.size:
        size = _("too small") if pixels < STANDARD.size else _("small")
    if variance < STRICT.sharpness:
        focus = _("blurred") if variance < STANDARD.sharpness else _("a little soft")
    if luma < STRICT.darkest:
        light = _("too dark") if luma < STANDARD.darkest else _("dark")
    elif luma > STRICT.brightest:
        light = _("too bright") if luma > STANDARD.brightest else _("very bright")
    return [
        (f"{size} ({pixels} px)", pixels >= STRICT.size),
        (focus, variance >= STRICT.sharpness),
        (light, STRICT.darkest <= luma <= STRICT.brightest),
    ]
