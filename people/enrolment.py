"""Enrolling a face: analyse, judge, store, and tell who else has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import transaction

from clients.models import Client
from people.gate import remarks_on, require_quality
from people.models import Person, ReferenceImage
from people.portraits import add_reference_image, read_portrait
from people.proofs import ENROL, redeem_for, require_live
from people.records import checked, lock_enrolled, require_free_id, save_person
from people.searching import people_like
from people.types import Enrolment, FaceChoice, Gate, Portrait, Proof
from storage.files import discard_files
from vision.engines import DEFAULT, engines
from vision.types import Upload


@dataclass(frozen=True)
class Identity:
    """Whose face is enrolled: a person that is there, or the fields by which one is found or made."""

    client: Client
    person: Person | None
    fields: Mapping[str, Any]
    only_new: bool = False
    token: str = ""  # of a liveness session about this person


def enrol_face(
    *,
    client: Client,
    upload: Upload,
    external_id: str | None = None,
    person: Person | None = None,
    source: str = "",
    name: str = "",
    metadata: Mapping[str, Any] | None = None,
    replace: bool = False,
    only_new: bool = False,
    gate: Gate | None = None,
    face_choice: FaceChoice = "only",
    proof: Proof | None = None,
) -> Enrolment:
    """Store the face of an image for `person`, or for the person of this client, source and external id.

    Such a person is made where there is none; `name` and `metadata` change where they are given. Without an external id
    the person is new. `replace` puts the face in the place of all earlier ones, in one step; `only_new` refuses an id
    that is taken. With a `proof` of a living person that is checked too (`people.proofs`); a session's token is used up
    by what is stored. All or nothing is.

    Raises `InvalidImage`, `UnusableFace`, `PoorQuality` (the gate: None is the deployment's), `ExternalIdTaken`,
    `PersonNotFound`, `SourceReserved`, `UnusableValue`, `NotLive`, `TokenRefused`, `SessionNotFound`, or `Unavailable`.
    """
    given = {key: value for key, value in {"name": name or None, "metadata": metadata}.items() if value is not None}
    fields = checked(external_id=external_id, source=source, **given)
    if only_new and person is None:
        require_free_id(client=client, external_id=fields["external_id"], source=source)
    portrait = read_portrait(upload=upload, face_choice=face_choice, liveness=proof is not None)
    require_quality(face=portrait.face, gate=gate)
    if proof:
        require_live(client=client, proof=proof, face=portrait.face)
    identity = Identity(client, person, fields, only_new, proof.token if proof else "")
    stored, created, [reference] = store_portraits(identity, [portrait], replace=replace)
    return Enrolment(
        person=stored,
        reference_image=reference,
        portrait=portrait,
        remarks=remarks_on(face=portrait.face, gate=Gate.STRICT),
        # Asked after the commit: of two who enrol one face at the same time, one at least sees the other.
        duplicates=people_like(person=stored, embedding=portrait.face.embeddings[engines[DEFAULT].space.name]),
        created=created,
    )


def store_portraits(
    identity: Identity, portraits: Sequence[Portrait], *, replace: bool
) -> tuple[Person, bool, list[ReferenceImage]]:
    """All of the portraits or nothing, as photographs of the person, who may be new; `replace` as in `enrol_face`."""
    added: list[ReferenceImage] = []
    try:
        with transaction.atomic():
            person, created = _found_or_made(identity)
            if identity.token:
                redeem_for(person=person, token=identity.token, purpose=ENROL, face=portraits[0].face.embeddings)
            earlier = list(ReferenceImage.objects.filter(person=person)) if replace else []
            ReferenceImage.objects.filter(pk__in=[image.pk for image in earlier]).delete()
            for portrait in portraits:
                added.append(add_reference_image(person=person, portrait=portrait))
            transaction.on_commit(partial(discard_files, files=[image.image for image in earlier]))
    except BaseException:
        discard_files(files=[image.image for image in added])
        raise
    return person, created, added


def _found_or_made(identity: Identity) -> tuple[Person, bool]:
    """The person, locked, and whether it is new."""
    if identity.person is not None:
        return lock_enrolled(identity.person), False
    person = Person(client=identity.client, **identity.fields)
    if person.external_id is None or identity.only_new:
        return save_person(person=person), True
    # One statement inserts the row or locks the one that is there, so that no two can be made.
    Person.objects.bulk_create(
        [person],
        update_conflicts=True,
        unique_fields=["client", "source", "external_id"],
        update_fields=[field for field in identity.fields if field != "source"],
    )
    stored = Person.objects.get(pk=person.pk)
    return stored, stored.created_at == person.created_at
