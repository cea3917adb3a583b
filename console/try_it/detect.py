"""Which faces are there, and how good are they?"""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from clients.models import Scope
from console.try_it.answers import Answer, Row
from console.try_it.pictures import Picture
from console.try_it.snippets import file_name, snippets
from console.try_it.tool import Tool
from console.try_it.words import clarity
from recognition.api.serializers import DetectionSerializer
from recognition.services import detect_faces
from storage.pictures import quality_words
from vision.types import DetectedFace, Upload
from work.submissions import read_submission


class DetectPage(Tool):
    tool, scope_write = "detect", Scope.DETECT

    def answer(self, upload: Upload) -> Answer:
        analysis = detect_faces(submission=read_submission(upload))
        picture = Picture.of(upload)
        name, count = file_name(upload.name), len(analysis.faces)
        code = snippets(
            self.request._request,
            path="/api/v1/detect/detect-face/",
            fields=[f"image=@{name}"],
            python=f'for face in faces.detect("{name}"):\n    print(face.facial_area, face.confidence)',
            command=f"faceapp detect {name}",
            answer=DetectionSerializer(analysis.faces, many=True).data,
        )
        summary = ngettext("%(count)s face", "%(count)s faces", count) % {"count": count} if count else _("No face")
        rows = [row_of(picture, number, face) for number, face in enumerate(analysis.faces, start=1)]
        return Answer(upload.name, picture, summary, rows, code)


def row_of(picture: Picture, number: int, face: DetectedFace) -> Row:
    good = face.is_recognisable
    tone = "plain" if good else "poor"
    notes = [clarity(face)]
    if face.quality:
        notes.append(
            _("It is %(words)s.") % {"words": ", ".join(word for word, _good in quality_words(vars(face.quality)))}
        )
    if face.liveness is not None:
        is_fake = 1 - face.liveness >= settings.ANTISPOOF_THRESHOLD
        said = (
            _("It may be a picture of a picture: %(share)s %% live.") if is_fake else _("It looks live: %(share)s %%.")
        )
        notes.append(said % {"share": round(100 * face.liveness)})
    title = _("Face %(number)s") % {"number": number}
    verdict = _("Detected at %(share)s %%") % {"share": round(100 * face.confidence)}
    return Row(picture.mark(number, face.box, tone), title, verdict, tone, notes=list(filter(None, notes)))
