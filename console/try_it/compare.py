"""Is it the same person? The largest face of one photograph with the largest of each of the others."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from calibration.types import Comparison, Decision
from clients.authentication import client_of
from clients.models import Scope
from console.problems import said
from console.try_it.answers import Answer, Nearest, Other
from console.try_it.pictures import Picture
from console.try_it.snippets import Snippet, file_name, snippets
from console.try_it.tool import Tool
from console.try_it.words import not_compared, tone
from people.api.serializers import ComparisonsSerializer
from people.services import compare_faces
from people.types import FaceComparisons, Refusal
from vision.types import Upload


class ComparePage(Tool):
    tool, scope_write = "compare", Scope.PEOPLE_MATCH

    def post(self, request: Request) -> HttpResponse:
        (first, *_rest), others = self.uploads("image"), self.uploads("images")
        return self.show_answers([self.attempt_with(first, others)])

    def attempt_with(self, first: Upload, others: list[Upload]) -> Answer:
        self.others = others
        return self.attempt(first, alone=True)

    def answer(self, upload: Upload) -> Answer:
        found = compare_faces(
            client=client_of(self.request), first=upload.data, others=[other.data for other in self.others]
        )
        results = zip(self.others, found.results, strict=True)
        shown = [other_of(other, result) for other, result in results]
        return Answer(upload.name, Picture.of(upload), others=shown, snippets=self.code(upload, found))

    def code(self, upload: Upload, found: FaceComparisons) -> list[Snippet]:
        first, names = file_name(upload.name), [file_name(other.name) for other in self.others]
        listed = ", ".join(f'"{name}"' for name in names)
        return snippets(
            self.request._request,
            path="/api/v1/compare/",
            fields=[f"image=@{first}", *(f"images=@{name}" for name in names)],
            python=f'for result in faces.compare("{first}", [{listed}]).results:\n    print(result.matches)',
            command=f"faceapp compare {first} {' '.join(names)}",
            answer=ComparisonsSerializer(found).data,
        )


def other_of(upload: Upload, result: Comparison | Refusal) -> Other:
    picture = Picture.if_readable(upload)
    if isinstance(result, Refusal):
        return Other(upload.name, picture, _("Not compared"), "poor", problem=said(result))
    verdicts = {
        Decision.MATCH: _("The same person"),
        Decision.REVIEW: _("Look closer"),
        Decision.NO_MATCH: _("Two different people"),
        Decision.NOT_RECOGNISABLE: _("Cannot be recognised"),
    }
    if result.decision == Decision.NOT_RECOGNISABLE:
        return Other(upload.name, picture, verdicts[result.decision], "poor", problem=not_compared(result))
    nearest = Nearest.of(result, name=upload.name)
    return Other(upload.name, picture, verdicts[result.decision], tone(result.decision), nearest)
