"""Users: the people of a collection who have an external id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef

from audit.types import Action
from calibration.types import Comparison
from clients.numbering import record_rows
from compat.rekognition import faces
from compat.rekognition.exceptions import TooManyFaces, UnknownUser
from compat.rekognition.models import IndexedFace
from compat.rekognition.scale import to_aws
from people.exceptions import PersonNotFound
from people.models import Gallery, Person, ReferenceImage
from people.services import create_person, erase_person, find_person, hold_people, move_face, set_apart, similarity_to

MOST_FACES = 100  # of a user
THRESHOLD = 75.0  # of a face that is added to a user


class Moved(Exception):
    """Another call has moved a face between two looks at it."""


@dataclass
class Outcome:
    """Ids of faces that were associated or disassociated, and the others with their reasons."""

    done: list[str] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)

    def refuse(self, face_id: str, reason: str, **more: Any) -> None:
        self.refused.append({"FaceId": face_id, "Reasons": [reason]} | more)


def create(*, gallery: Gallery, user_id: str) -> Person:
    """Raises `ExternalIdTaken`."""
    return create_person(client=gallery.client, external_id=user_id, source=gallery.name)


def find(*, gallery: Gallery, user_id: str) -> Person:
    """Raises `UnknownUser`."""
    try:
        return find_person(client=gallery.client, external_id=user_id, source=gallery.name)
    except PersonNotFound as error:
        raise UnknownUser("The user id does not exist.") from error


def delete(*, gallery: Gallery, user_id: str) -> None:
    """Erase the user's record. The faces stay in the collection, each as a nameless person's.

    Raises `UnknownUser`.
    """
    person = find(gallery=gallery, user_id=user_id)
    with transaction.atomic():
        hold_people(person)
        for image in faces_of(person):
            _set_apart(image)
        erase_person(person=person)


def listed(*, gallery: Gallery, after: int, most: int) -> list[tuple[Person, bool]]:
    """By number, after this one, each with whether the user has a face; one more than `most` if there are so many."""
    own = ReferenceImage.objects.filter(person=OuterRef("pk"))
    rows = Person.objects.filter(gallery=gallery, external_id__isnull=False, number__gt=after)
    found: list[Any] = list(rows.annotate(has_face=Exists(own)).order_by("number")[: most + 1])
    record_rows(Action.VIEW, found[:most], results=len(found[:most]))
    return [(person, person.has_face) for person in found]


def faces_of(person: Person) -> list[ReferenceImage]:
    rows = ReferenceImage.objects.filter(person=person)
    return list(rows.select_related("person__client", "person__gallery", "indexed_face").order_by("number"))


def associate(
    *, gallery: Gallery, user_id: str, face_ids: Sequence[str], threshold: float | None, may_read: bool
) -> Outcome:
    """Give faces to a user, each if it is similar enough to one that the user has; the first one of all is not
    compared. Callers who may not read are told neither how similar a face is nor whose, and the threshold is ours: with
    one of their own they could measure distances by halving.

    Raises `UnknownUser`, or `TooManyFaces`; then nothing is changed.
    """
    least = THRESHOLD if threshold is None or not may_read else threshold
    while True:
        with suppress(Moved, PersonNotFound), transaction.atomic():
            user = find(gallery=gallery, user_id=user_id)
            return _associate(user, _held(gallery, face_ids, user), face_ids, least, may_read)


def _held(gallery: Gallery, face_ids: Sequence[str], user: Person) -> dict[str, ReferenceImage]:
    """The faces by their id, none of which moves or is erased until the transaction ends. Raises `Moved` or
    `PersonNotFound` if one has just been.
    """
    before = faces.find(gallery=gallery, face_ids=face_ids)
    hold_people(user, *(image.person for image in before.values()))
    found = faces.find(gallery=gallery, face_ids=face_ids)
    if {key: image.person_id for key, image in before.items()} != {key: one.person_id for key, one in found.items()}:
        raise Moved
    return found


def _associate(
    user: Person, found: Mapping[str, ReferenceImage], face_ids: Sequence[str], least: float, may_read: bool
) -> Outcome:
    outcome, count = Outcome(), ReferenceImage.objects.filter(person=user).count()
    for face_id in dict.fromkeys(face_ids):
        image = found.get(face_id)
        if image is None:
            outcome.refuse(face_id, "FACE_NOT_FOUND")
        elif image.person_id == user.pk:
            outcome.done.append(face_id)
        elif image.person.external_id:
            other = {"UserId": image.person.external_id} if may_read else {}
            outcome.refuse(face_id, "ASSOCIATED_TO_A_DIFFERENT_USER", **other)
        elif count and (score := _score(similarity_to(person=user, image=image))) < least:
            outcome.refuse(face_id, "LOW_MATCH_CONFIDENCE", **({"Confidence": score} if may_read else {}))
        elif count >= MOST_FACES:
            raise TooManyFaces(f"A user may have {MOST_FACES} faces.")
        else:
            move_face(image=image, person=user)
            count += 1
            outcome.done.append(face_id)
    return outcome


def _score(comparison: Comparison | None) -> float:
    return 0.0 if comparison is None else to_aws(comparison.similarity or 0.0)


@transaction.atomic
def disassociate(*, gallery: Gallery, user_id: str, face_ids: Sequence[str], may_read: bool) -> Outcome:
    """Take faces from a user, each of which becomes a nameless person's. Raises `UnknownUser`."""
    user, outcome = find(gallery=gallery, user_id=user_id), Outcome()
    hold_people(user)
    found = faces.find(gallery=gallery, face_ids=face_ids)
    for face_id in dict.fromkeys(face_ids):
        image = found.get(face_id)
        if image is None:
            outcome.refuse(face_id, "FACE_NOT_FOUND")
        elif image.person_id != user.pk:
            other = {"UserId": image.person.external_id} if image.person.external_id and may_read else {}
            outcome.refuse(face_id, "ASSOCIATED_TO_A_DIFFERENT_USER", **other)
        else:
            _set_apart(image)
            outcome.done.append(face_id)
    return outcome


def _set_apart(image: ReferenceImage) -> None:
    indexed: IndexedFace | None = getattr(image, "indexed_face", None)
    named = {faces.EXTERNAL_IMAGE_ID: indexed.external_image_id} if indexed and indexed.external_image_id else {}
    set_apart(image=image, metadata=named)
