"""What Rekognition knows of somebody's faces, for reports (`people.erasure`). It is erased with their photographs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from compat.rekognition.models import IndexedFace
from people.models import Person
from people.types import Held, Leaving, Subject, Taken


def locked_before(people: Sequence[Person], spaces: Collection[str]) -> None:
    """Nothing: whoever changes a face holds its person."""


def forget(leaving: Leaving) -> Taken:
    """Nothing: the rows go with their photographs."""
    return Taken()


def hand_over(person: Person, to: Person) -> None:
    """Nothing: the rows follow their photographs."""


def again(wanted: frozenset[str]) -> Counter[str]:
    """Nothing: the rows go with their photographs."""
    return Counter()


def held(subject: Subject) -> Held:
    """With what each photograph of the person was indexed: its external id is often the name of a file."""
    known = [subject.person.pk] if subject.person else []
    faces = IndexedFace.objects.filter(reference_image__person__in=known).select_related("reference_image")
    return Held("indexed_faces", [_described(face) for face in faces.order_by("pk")])


def _described(face: IndexedFace) -> dict[str, object]:
    return {
        "photograph": face.reference_image.number,
        "image_id": str(face.image_id),
        "external_image_id": face.external_image_id,
        "box": {"left": face.left, "top": face.top, "width": face.width, "height": face.height},
    }
