"""In which groups of an album are the faces of a photograph? It is not stored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.http import HttpResponse
from django.template.defaultfilters import floatformat
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from rest_framework.request import Request

from albums.services import find_in_album
from albums.types import FaceInAlbum
from calibration.types import Decision
from console.albums.pages import AlbumsPage
from console.albums.shown import crop_of, title_of
from console.try_it.answers import Answer, Nearest, Row
from console.try_it.pictures import Picture
from console.try_it.tool import Tool
from console.try_it.words import clarity, odds, reason, tone, verdict
from vision.types import Upload


class FindInAlbum(Tool, AlbumsPage):
    section, tool, tab = "albums", "find", "find"

    def get(self, request: Request, number: int) -> HttpResponse:  # type: ignore[override]
        return self.show_tool()

    def post(self, request: Request, number: int) -> HttpResponse:  # type: ignore[override]
        _checked = self.album  # before the photographs are looked at
        return super().post(request)

    def answer(self, upload: Upload) -> Answer:
        found = find_in_album(album=self.album, data=upload.data)
        picture = Picture.of(upload)
        rows = [self.row(picture, number, face) for number, face in enumerate(found, start=1)]
        known = sum(face.decision == Decision.MATCH for face in found)
        summary = ngettext("%(count)s face", "%(count)s faces", len(found)) % {"count": len(found)}
        return Answer(upload.name, picture, f"{summary}, {_('%(known)s in this album') % {'known': known}}", rows)

    def row(self, picture: Picture, number: int, found: FaceInAlbum) -> Row:
        decision = found.decision
        mark = picture.mark(number, found.face.box, tone(decision))
        if decision == Decision.NOT_RECOGNISABLE:
            hint = _("It is %(reason)s. Use a sharp, well lit photograph of the whole face.")
            notes = [hint % {"reason": reason(found.face.recognisability_reason)}]
            return Row(mark, _("Unknown"), verdict(decision), tone(decision), notes=notes)
        if not found.near:
            return Row(mark, _("Nobody of this album"), verdict(decision), tone(decision), notes=[clarity(found.face)])
        best, *others = found.near
        assert best.face.group
        name = title_of(best.face.group)
        title = name if decision == Decision.MATCH else _("Perhaps %(name)s") % {"name": name}
        nearest = Nearest.of(best.comparison, name=name)
        nearest = replace(
            nearest,
            photograph=crop_of(best.face),
            odds=odds(replace(best.comparison.point, people=1), best.comparison.distance),
        )
        runner_up = _("Next: %(name)s, similarity %(similarity)s.")
        notes = [
            runner_up % {"name": title_of(one.face.group), "similarity": floatformat(one.comparison.similarity or 0, 2)}
            for one in others[:1]
            if one.face.group
        ]
        url = reverse("console:album-group", args=[self.album.number, best.face.group.number])
        return Row(mark, title, verdict(decision), tone(decision), nearest, [*notes, clarity(found.face)], url)

    def show_tool(self, **context: Any) -> HttpResponse:
        return self.show_album("find", {"tool": self.tool, "may_try": self.may(self.scope_write)} | context)
