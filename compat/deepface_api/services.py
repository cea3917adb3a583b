"""Registering photographs by a name, searching for them, and guessing age and gender."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from clients.models import Client
from compat.deepface_api.exceptions import CannotAnalyse, NothingRegistered
from liveness.exceptions import SPOOF, NotLive
from liveness.services import passive_check, passive_result
from people.exceptions import PoorQuality
from people.models import Gallery, Person, ReferenceImage
from people.services import (
    Look,
    Wanted,
    checked,
    deployment_gate,
    enrol_face,
    enrol_nameless,
    galleries_called,
    read_faces,
    remarks_on,
    search_every_face,
)
from people.types import Candidate, EnrolmentRules, Whom
from recognition.services import detect_faces
from storage.files import content_hash, storable
from vision.exceptions import NotRecognisable, UnusableFace
from vision.types import Analysis, DetectedFace, Upload
from work.types import Submission

NAME, PHOTOGRAPH = "img_name", "photograph"  # what is noted of a face that belongs to no person with an id
GUESSED = ("age", "gender")


# ---- register ---------------------------------------------------------------------------------------------------
def register(*, client: Client, data: bytes, name: str, living: bool) -> int:
    """Enrol the faces of a photograph in the default gallery; returns how many are new.

    A photograph of one face adds to the person whose external id is the name. The faces of one with several, or
    without a name, belong to a person without id each: they may be different people. A photograph that the gallery
    holds already adds nothing, whatever it is called.

    Raises `InvalidImage`, `UnusableFace`, `PoorQuality`, `NotLive`, `UnusableValue`, what `quotas.require_room` raises,
    or `Unavailable`.
    """
    checked({"external_id": name or None})
    if is_known(client, digest := content_hash(storable(data))):
        return 0
    if living and passive_check(data=data).is_fake:
        raise NotLive("The image looks like a picture of a face.", code=SPOOF)
    if name:
        try:
            enrol_face(client=client, upload=Upload(data), whom=Whom(external_id=name), rules=EnrolmentRules())
            return 1
        except UnusableFace as error:
            if error.code != "face.several":
                raise
    return _register_each(client, data, {NAME: name or None, PHOTOGRAPH: digest})


def is_known(client: Client, digest: str) -> bool:
    """Whether this photograph is in the default gallery, as a whole or by its faces."""
    galleries = galleries_called(client=client, sources=[""])
    whole = ReferenceImage.objects.filter(person__gallery__in=galleries, content_hash=digest)
    faces = Person.objects.filter(gallery__in=galleries, external_id=None, metadata__photograph=digest)
    return whole.exists() or faces.exists()


def _register_each(client: Client, data: bytes, metadata: Mapping[str, Any]) -> int:
    gallery = Gallery.objects.named(client, "")
    analysis = read_faces(gallery=gallery, data=data)
    faces = _enrollable(analysis.faces)
    stored = enrol_nameless(gallery=gallery, upload=Upload(data), analysis=analysis, faces=faces, metadata=metadata)
    return len(stored)


def _enrollable(faces: Sequence[DetectedFace]) -> list[DetectedFace]:
    """The faces that are good enough. If none is, raises what is wrong with the largest."""
    if not faces:
        raise UnusableFace("No face was found in this image.", code="face.none")
    gate = deployment_gate()
    good = [face for face in faces if face.is_recognisable and not remarks_on(face=face, gate=gate)]
    if not good:
        largest = max(faces, key=lambda face: face.box.area)
        if not largest.is_recognisable:
            raise NotRecognisable(largest.recognisability_reason)
        raise PoorQuality(remarks_on(face=largest, gate=gate))
    return good


# ---- search -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Query:
    """How to search. `anybody`: the nearest `most` whether they match or not. `method` is said again in the answer."""

    look: Look
    metric: str | None
    method: str
    most: int
    anybody: bool


@dataclass(frozen=True)
class Searched:
    """The faces of an image with their hits, and what each photograph was called, by its row."""

    faces: Sequence[tuple[DetectedFace, Sequence[Candidate]]]
    names: Mapping[int, str | None]
    model: str
    detector: str
    method: str


def search(*, client: Client, data: bytes, query: Query) -> Searched:
    """The photographs of the default gallery that are nearest to each face of an image.

    Raises `NothingRegistered`, `InvalidImage`, `UnusableFace`, `NotLive`, `SearchingStopped` or `Unavailable`.
    """
    gallery = next(iter(galleries_called(client=client, sources=[""])), None)
    if gallery is None or not ReferenceImage.objects.filter(person__gallery=gallery).exists():
        raise NothingRegistered("Nothing has been registered yet.")
    wanted = Wanted(query.most, lambda compared: query.anybody or compared.matches)
    found = search_every_face(gallery=gallery, data=data, look=query.look, wanted=wanted, metric=query.metric)
    hits = [hit for _, of_face in found.faces for hit in of_face]
    names = {hit.reference_image.pk: _name_of(hit.person) for hit in hits}
    return Searched(found.faces, names, found.model, found.detector, query.method)


def _name_of(person: Person) -> str | None:
    """What the photograph was registered as; the name of somebody who was enrolled elsewhere without an id."""
    noted = person.metadata.get(NAME)
    return person.external_id or (noted if isinstance(noted, str) else None) or person.name or None


# ---- analyze ----------------------------------------------------------------------------------------------------
def guess(*, data: bytes, actions: Sequence[str], look: Look) -> Analysis:
    """The faces of an image with age and gender. Raises `CannotAnalyse`, or as `detect_faces` does."""
    if refused := [action for action in actions if action not in GUESSED]:
        raise CannotAnalyse(
            f"This service does not guess {' or '.join(refused)}, by choice. Ask for {' and '.join(GUESSED)} only."
        )
    if not settings.AGE_AND_GENDER:
        raise CannotAnalyse("Age and gender are switched off here; an administrator can set FACEAPP_AGE_AND_GENDER.")
    analysis = detect_faces(submission=Submission("", data), detector=look.detector)
    if not analysis.faces and look.whole == "never":
        raise UnusableFace("No face was found in this image.", code="face.none")
    if look.living and any(passive_result(face=face).is_fake for face in analysis.faces):
        raise NotLive("The image looks like a picture of a face.", code=SPOOF)
    return analysis
