"""Who is on an image of a camera, and who is known: people of one gallery, by their external ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from audit.services import record
from audit.types import Action
from calibration.types import Comparison
from clients.models import Client
from compat.deepstack.exceptions import BadUser
from errors import InvalidInput
from people.exceptions import PersonNotFound, UnusableFace
from people.models import Person
from people.services import compare_faces, enrol_photographs, erase_person, find_person, galleries_called, search_people
from people.types import LONGEST, EnrolmentRules, Probe, Refusal, SearchOptions, Whom
from recognition.services import detect_faces
from vision.types import Box, DetectedFace, Upload
from work.types import Submission

UNKNOWN = "unknown"  # what strangers are called


@dataclass(frozen=True)
class Known:
    """A face and who it is; `user` empty and no comparison: nobody within the gallery's operating point."""

    box: Box
    user: str = ""
    comparison: Comparison | None = None


def detect(*, data: bytes, least: float) -> list[DetectedFace]:
    """The faces that the detector is so confident of. Raises `InvalidImage` or `Unavailable`."""
    return [face for face in detect_faces(submission=Submission("", data)).faces if face.confidence >= least]


def recognise(*, client: Client, data: bytes) -> list[Known]:
    """Every face of an image. Raises `InvalidImage`, `SearchingStopped` or `Unavailable`."""
    options = SearchOptions(sources=[settings.DEEPSTACK_GALLERY], limit=1)
    try:
        searched = search_people(client=client, probe=Probe(data), options=options)
    except UnusableFace:  # there is none
        return []
    found = []
    for face in searched.faces:
        box = face.box or Box(0, 0, 0, 0)
        best = face.matches[0] if face.matches else None
        named = Known(box, best.person.external_id or str(best.person), best.comparison) if best else Known(box)
        found.append(named)
    return found


def register(*, client: Client, user: str, uploads: Sequence[Upload]) -> tuple[bool, tuple[Refusal, ...]]:
    """Enrol the photographs that show exactly one usable face. Returns whether the person is new, and what was refused.

    Raises `BadUser`, what is wrong with the first photograph if none can be used, what `enrol_photographs` raises, or
    `Unavailable`.
    """
    if user == UNKNOWN:
        raise BadUser("This userid stands for strangers.")
    whom = Whom(external_id=user, source=settings.DEEPSTACK_GALLERY, name=user[: LONGEST["name"]])
    is_new = _find(client, user) is None
    rules = EnrolmentRules(replace=settings.DEEPSTACK_REGISTER == "replace")
    done = enrol_photographs(client=client, uploads=uploads, whom=whom, rules=rules)
    if done.person is None:
        raise InvalidInput(done.refusals[0].message, code=done.refusals[0].code)
    return is_new, done.refusals


def users(*, client: Client) -> list[str]:
    """Whoever has an external id and a face, in order. That they are listed is recorded."""
    galleries = galleries_called(client=client, sources=[settings.DEEPSTACK_GALLERY])
    people = Person.objects.filter(gallery__in=galleries, external_id__isnull=False, face_templates__isnull=False)
    found = list(people.distinct().order_by("external_id").values_list("external_id", flat=True))
    record(Action.VIEW, client_id=client.pk, results=len(found))
    return [user for user in found if user]


def forget(*, client: Client, user: str) -> None:
    """Erase a person with all photographs. Nothing happens if there is none, as callers do not expect an error.

    Raises `Unavailable`.
    """
    if person := _find(client, user):
        erase_person(person=person)


def match(*, client: Client, first: bytes, second: bytes) -> Comparison:
    """How similar the largest faces of two images are.

    Raises `InvalidImage`, `UnusableFace`, `NotLive` where the client's policy demands evidence, or `Unavailable`.
    """
    compared = compare_faces(client=client, first=first, others=[second]).results[0]
    if isinstance(compared, Refusal):
        raise InvalidInput(compared.message, code=compared.code)
    return compared


def _find(client: Client, user: str) -> Person | None:
    try:
        return find_person(client=client, external_id=user, source=settings.DEEPSTACK_GALLERY)
    except PersonNotFound:
        return None
