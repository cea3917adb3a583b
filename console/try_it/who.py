"""Who is this? Every face of a photograph among the people of the client."""

from __future__ import annotations

from django.template.defaultfilters import floatformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from calibration.types import Decision
from clients.authentication import client_of
from clients.models import Scope
from console.try_it.answers import Answer, Nearest, Row
from console.try_it.pictures import Picture
from console.try_it.snippets import file_name, snippets
from console.try_it.tool import Tool
from console.try_it.words import clarity, reason, tone, verdict
from people.api.serializers import SearchSerializer
from people.services import search_people
from people.types import Candidate, Probe, SearchedFace, SearchOptions
from vision.types import Upload

LIMIT = 3  # of candidates: the best, and who comes next


class WhoPage(Tool):
    tool, scope_write = "who", Scope.PEOPLE_MATCH

    def answer(self, upload: Upload) -> Answer:
        options = SearchOptions(limit=LIMIT)
        probe = Probe(data=upload.data)
        found = search_people(client=client_of(self.request), probe=probe, options=options, tells=False)
        picture = Picture.of(upload)
        rows = [row_of(picture, number, face) for number, face in enumerate(found.faces, start=1) if face.box]
        name = file_name(upload.name)
        code = snippets(
            self.request._request,
            path="/api/v1/people/search/",
            fields=[f"image=@{name}", f"limit={LIMIT}"],
            python=(
                f'for face in faces.people.search("{name}", limit={LIMIT}).faces:\n    print(face.name or "unknown")'
            ),
            command=f"faceapp search {name}",
            answer=SearchSerializer(found).data,
        )
        known = sum(face.decision == Decision.MATCH for face in found.faces)
        count = len(found.faces)
        summary = ngettext("%(count)s face", "%(count)s faces", count) % {"count": count}
        summary += ", " + _("%(known)s recognised") % {"known": known}
        return Answer(upload.name, picture, summary, rows, code)

    def offers(self) -> dict[str, bool]:
        return {"may_enrol": self.may(Scope.PEOPLE_WRITE), "may_list": self.may(Scope.BLACKLIST_WRITE)}


def row_of(picture: Picture, number: int, found: SearchedFace) -> Row:
    assert found.face
    decision, mark = found.decision, picture.mark(number, found.face.box, tone(found.decision))
    if decision == Decision.NOT_RECOGNISABLE:
        hint = _("It is %(reason)s. Use a sharp, well lit photograph of the whole face.")
        notes = [hint % {"reason": reason(found.reason)}]
        return Row(mark, _("Unknown"), verdict(decision), tone(decision), notes=notes)
    notes = [clarity(found.face)]
    if not found.candidates:
        return Row(mark, _("Unknown"), verdict(decision), tone(decision), notes=[_("Nobody is enrolled yet."), *notes])
    best, *others = found.candidates
    if others:
        runner_up = _("Next: %(name)s, similarity %(similarity)s.")
        similarity = floatformat(others[0].comparison.similarity or 0, 2)
        notes.insert(0, runner_up % {"name": name_of(others[0]), "similarity": similarity})
    name = name_of(best)
    title = {Decision.MATCH: name, Decision.REVIEW: _("Perhaps %(name)s") % {"name": name}}.get(decision, _("Unknown"))
    nearest = Nearest.of(best.comparison, name=name, image=best.reference_image, person=str(best.person.uuid))
    return Row(mark, title, verdict(decision), tone(decision), nearest, list(filter(None, notes)))


def name_of(candidate: Candidate) -> str:
    return candidate.person.name or candidate.person.external_id or str(candidate.person)
