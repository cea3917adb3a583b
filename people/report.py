"""What the service holds about a face: for people who ask for access to their data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Q
from django.utils import timezone

from audit.models import Record
from audit.services import require_searching
from audit.types import Action
from clients.models import Client
from clients.numbering import record_rows
from notifications.services import told_of
from people.erasure import holders, probes_of
from people.galleries import search_in
from people.models import Gallery, GalleryKind, KeptApart, MergedPerson, Person, ReferenceImage
from people.types import Subject
from vectors.stored import to_store
from vision import inference
from vision.engines import engines
from vision.inference import AnalysisOptions
from vision.selection import choose_face, recognisable

Similar = Mapping[int, float | None]  # similarity by the id of a person
ANSWERS = "Answers that are kept for a day, for calls with an idempotency key, are not searched."
LOGS = "Logs hold addresses and paths of calls, and no names, images or embeddings."


def report_of_person(*, person: Person) -> dict[str, Any]:
    """Everything about a person, and where else a face is found that looks like theirs at the one-to-one point.

    Of other people who look alike only the number is given: they may be somebody else.
    """
    require_searching(person.client_id)
    subject = Subject(person.client, person, probes_of(person))
    similar = _similar(subject, kinds=list(GalleryKind))
    alike = [_named(one, similar[one.pk]) for one in _in_order(similar) if one.pk != person.pk]
    return _report(subject, [_described(person, None)], alike, [person])


def report_of_image(*, client: Client, data: bytes, with_blacklist: bool) -> dict[str, Any]:
    """Everything about the people who match the largest face of an image at the one-to-one point, and about that face.

    `with_blacklist`: entries of the blacklist too. Raises `InvalidImage`, `UnusableFace`, or `Unavailable`.
    """
    require_searching(client.pk)
    aliases = engines.aliases()
    face = recognisable(choose_face(inference.analyse(data, AnalysisOptions(aliases=aliases)).faces, "largest"))
    probes = {space: [to_store(vector, client_id=client.pk, space=space)] for space, vector in face.embeddings.items()}
    kinds = list(GalleryKind) if with_blacklist else [GalleryKind.PEOPLE]
    subject = Subject(client, None, probes)
    similar = _similar(subject, kinds=kinds)
    people = _in_order(similar)
    return _report(subject, [_described(one, similar[one.pk]) for one in people], [], people)


def _similar(subject: Subject, *, kinds: Sequence[GalleryKind]) -> dict[int, float | None]:
    """Who looks like the subject, in any space of the probes."""
    galleries = list(Gallery.objects.of_client(subject.client).filter(kind__in=kinds))
    found: dict[int, float | None] = {}
    for alias, space in engines.spaces().items():
        probes = subject.probes.get(space.name)
        if not (galleries and probes):
            continue
        searched = search_in(client=subject.client, galleries=galleries, alias=alias, one_to_one=True, beside=True)
        near = searched.neighbourhood(subject.person).within(probes, threshold=searched.point.threshold)
        for one in (neighbour for neighbours in near for neighbour in neighbours):
            found[one.person_id] = max(found.get(one.person_id) or 0.0, searched.point.similarity(one.distance) or 0.0)
    return found


def _in_order(similar: Similar) -> list[Person]:
    people = Person.objects.filter(pk__in=similar).select_related("gallery", "client").order_by("pk")
    return sorted(people, key=lambda person: -(similar[person.pk] or 0.0))


def _report(
    subject: Subject, people: list[dict[str, Any]], alike: list[dict[str, Any]], recorded: Sequence[Person]
) -> dict[str, Any]:
    parts = [holder.held(subject) for holder in holders()]
    for person in () if subject.person else recorded:
        for part, holder in zip(parts, holders(), strict=True):
            part.rows.extend(
                row for row in holder.held(Subject(subject.client, person, {})).rows if row not in part.rows
            )
    record_rows(Action.EXPORT, recorded, results=len(recorded))
    return {
        "made_at": timezone.now().isoformat(),
        "people": people,
        "similar_people": alike,
        **{part.kind: part.rows for part in parts},
        "messages": _messages(recorded),
        "not_searched": [one for part in parts for one in part.not_searched] + [_note("answers", ANSWERS)],
        "notes": [LOGS],
    }


def _note(what: str, why: str) -> dict[str, Any]:
    return {"what": what, "why": why, "count": None}


def _messages(people: Sequence[Person]) -> list[dict[str, Any]]:
    """What was sent about these people, to whom. Messages name others as well, so that their contents are left out."""
    if not people:
        return []
    found = told_of([person.audit_name for person in people], client_id=people[0].client_id)
    return [
        {
            "id": str(message.pk),
            "event": message.event,
            "way": message.subscription.way,
            "subscription": message.subscription.name,
            "status": message.status,
            "created_at": message.created_at.isoformat(),
        }
        for message in found
    ]


def _named(person: Person, similarity: float | None) -> dict[str, Any]:
    similarity = None if similarity is None else round(similarity, 6)
    return {"id": person.number, "kind": person.kind, "source": person.gallery.name, "similarity": similarity}


def _described(person: Person, similarity: float | None) -> dict[str, Any]:
    own = ReferenceImage.objects.filter(person=person).order_by("pk")
    images = own.prefetch_related("face_templates", "enrolled_faces__collection")
    merged = list(MergedPerson.objects.filter(person=person))
    names = [person.audit_name, *(one.audit_name for one in merged)]
    rows = Record.objects.filter(client=person.client_id, objects_named__overlap=names)
    return _named(person, similarity) | {
        "uuid": str(person.uuid),
        "external_id": person.external_id,
        "name": person.name,
        "metadata": person.metadata,
        "legal_basis": person.legal_basis,
        "created_at": person.created_at.isoformat(),
        "merged": [{"id": one.number, "uuid": str(one.uuid), "at": one.merged_at.isoformat()} for one in merged],
        "kept_apart": _kept_apart(person),
        "photographs": [_photograph(image) for image in images],
        "audit_rows": rows.count(),
    }


def _kept_apart(person: Person) -> list[dict[str, Any]]:
    """Whom somebody has called another person than this one, by number."""
    rows = KeptApart.objects.filter(Q(person=person) | Q(other=person)).select_related("person", "other")
    return [
        {"id": (row.other if row.person_id == person.pk else row.person).number, "at": row.decided_at.isoformat()}
        for row in rows
    ]


def _photograph(image: ReferenceImage) -> dict[str, Any]:
    return {
        "id": image.number,
        "uuid": str(image.uuid),
        "has_file": bool(image.image),
        "bytes": image.stored_bytes,
        "original_name": image.original_name,
        "quality": image.quality,
        "created_at": image.created_at.isoformat(),
        "embeddings": [template.space for template in image.face_templates.all()],
        "remote_copies": [face.collection.backend for face in image.enrolled_faces.all()],
    }
