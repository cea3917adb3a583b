"""Is anybody here on the watch list? As screening decides it, and without keeping anything."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from calibration.types import Decision, OperatingPoint
from clients.authentication import client_of
from clients.models import Scope
from console.try_it.answers import Answer, Nearest, Row
from console.try_it.pictures import Picture
from console.try_it.snippets import file_name, snippets
from console.try_it.tool import Tool
from console.try_it.words import clarity, reason, verdict
from recognition.services import look_up
from recognition.types import LookedUpFace
from vision.types import Upload


class ScreenPage(Tool):
    tool, scope_write = "screen", Scope.SCREEN

    def answer(self, upload: Upload) -> Answer:
        found = look_up(client=client_of(self.request), data=upload.data)
        picture, name = Picture.of(upload), file_name(upload.name)
        rows = [row_of(picture, number, face, found.point) for number, face in enumerate(found.faces, start=1)]
        code = snippets(
            self.request._request,
            path="/api/v1/process/process-images/",
            fields=[f"images=@{name}"],
            python=(
                f'for image in faces.screening.screen(["{name}"]):\n'
                "    print([match.entry_name for match in image.matches])"
            ),
            command=f"faceapp screen {name}",
        )
        hits = sum(row.tone == "alarm" for row in rows)
        summary = ngettext("%(count)s hit", "%(count)s hits", hits) % {"count": hits} if hits else _("No hit")
        return Answer(upload.name, picture, summary, rows, code)


def row_of(picture: Picture, number: int, found: LookedUpFace, point: OperatingPoint) -> Row:
    face = found.face
    if not face.is_recognisable:
        hint = _("It is %(reason)s. Use a sharp, well lit photograph of the whole face.")
        notes = [hint % {"reason": reason(face.recognisability_reason)}]
        said = verdict(Decision.NOT_RECOGNISABLE)
        return Row(picture.mark(number, face.box, "poor"), _("Unknown"), said, "poor", notes=notes)
    notes = [clarity(face)] if clarity(face) else []
    if not found.hits:
        mark = picture.mark(number, face.box, "plain")
        return Row(mark, _("Not on the watch list"), verdict(Decision.NO_MATCH), "plain", notes=notes)
    (entry, hit), *others = found.hits
    [compared] = point.compare([hit.distance])
    is_hit = compared.matches
    colour = "alarm" if is_hit else "careful"
    if entry.reason:
        notes.insert(0, _("Reason: %(reason)s") % {"reason": entry.reason})
    if others:
        notes.insert(0, _("Also near: %(names)s") % {"names": ", ".join(other.name for other, _hit in others)})
    title = entry.name if is_hit else _("Perhaps %(name)s") % {"name": entry.name}
    nearest = Nearest.of(compared, name=entry.name, image=hit.reference_image)
    said = _("On the watch list") if is_hit else verdict(Decision.REVIEW)
    return Row(picture.mark(number, face.box, colour), title, said, colour, nearest, notes)
