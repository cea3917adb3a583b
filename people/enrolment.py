"""Enrolling faces: analyse, judge, store, and name other people who have the same face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction

from clients import quotas
from clients.models import Client
from errors import Unavailable
from people.elsewhere.places import wait_until_there
from people.erasure import forget_photographs
from people.evidence import ENROL, demands_liveness, proof_due, redeem_for, require_live, require_live_series
from people.exceptions import ExternalIdTaken
from people.models import Gallery, Person, ReferenceImage
from people.persons import TAKEN, checked, lock_enrolled, save_person
from people.quality_gate import remarks_on, require_quality
from people.querysets import PersonQuerySet
from people.reference_images import portrait_or_refusal, read_portrait, save_reference_images, written_files
from people.search import people_like
from people.types import BatchEnrolment, Enrolment, EnrolmentRules, Gate, Portrait, Proof, Refusal, Whom
from storage.files import erase_files
from vision import dispatch, inference
from vision.regions import Region, plain_name
from vision.sidecars import named
from vision.types import Upload

DEFAULT_RULES = EnrolmentRules()


def enrol_face(
    *,
    client: Client,
    upload: Upload,
    whom: Whom,
    rules: EnrolmentRules = DEFAULT_RULES,
    proof: Proof | None = None,
    uuid: UUID | None = None,
) -> Enrolment:
    """Store the face of an image for the person that `whom` describes: all of it or nothing.

    `uuid`: what the photograph is called where it comes from, which it keeps; nothing here may have it yet.

    With a `proof`, and wherever the client's policy demands it, a living person is required as well
    (`people.evidence`); a session's token is used up.

    Raises `InvalidImage`, `UnusableFace`, `PoorQuality`, `ExternalIdTaken`, `PersonNotFound`, `UnusableValue`,
    `NotLive`, `TokenRefused`, `SessionNotFound`, what `quotas.require_room` raises, or `Unavailable`.
    """
    fields, due = _fields(whom), None if rules.is_import else proof_due(client=client, proof=proof)
    known = _known(client, fields)
    if rules.only_new and not whom.person and fields["external_id"] and known.exists():
        raise ExternalIdTaken(TAKEN)  # spares the engines the work; in the end the table's constraint decides
    _require_room(client, [upload], is_new=not whom.person and not known.exists(), replace=rules.replace)
    portrait = read_portrait(
        upload=upload,
        face_choice="only" if rules.face_choice == "named" else rules.face_choice,
        marked=rules.marked or _marked(upload, whom, known, rules),
        surer_than=rules.surer_than,
        liveness=due is not None,
    )
    require_quality(face=portrait.face, gate=rules.gate)
    if due:
        require_live(client=client, proof=due, face=portrait.face)
    with written_files(client=client, portraits=[portrait]) as references, transaction.atomic():
        references[0].uuid = uuid or references[0].uuid
        person, created = _found_or_created(client, whom.person, fields, only_new=rules.only_new)
        if proof and proof.token:
            redeem_for(person=person, token=proof.token, purpose=ENROL, face=portrait.face.embeddings)
        _store(person, references, [portrait], replace=rules.replace)
    if not rules.is_import:
        wait_until_there(references, person.gallery)
    return Enrolment(
        person=person,
        reference_image=references[0],
        portrait=portrait,
        remarks=remarks_on(face=portrait.face, gate=Gate.STRICT),
        # Searched after the commit: of two callers who enrol one face at the same time, at least one sees the other.
        duplicates=people_like(person=person, face=portrait.face),
        created=created,
    )


def enrol_photographs(
    *, client: Client, uploads: Sequence[Upload], whom: Whom, rules: EnrolmentRules = DEFAULT_RULES, fewest: int = 1
) -> BatchEnrolment:
    """Store the faces of several photographs of one person, all in one step.

    A photograph that cannot be used (no face, several, a poor one, no image) is refused alone; with less than `fewest`
    usable ones nothing is stored and `person` is None. Searches see the earlier state or the new one, and the new one
    as soon as this returns. Where the client's policy demands liveness, the photographs are the frames that prove it.
    Raises `NotLive`, `UnusableValue`, what `quotas.require_room` raises, or `Unavailable`.
    """
    fields = _fields(whom)
    is_new = not whom.person and not _known(client, fields).exists()
    _require_room(client, uploads, is_new=is_new, replace=rules.replace)
    read = inference.several(partial(_read, gate=rules.gate, liveness=demands_liveness(client=client)), uploads)
    portraits = [item for item in read if isinstance(item, Portrait)]
    refusals = tuple(item for item in read if isinstance(item, Refusal))
    if len(portraits) < max(fewest, 1):
        return BatchEnrolment(None, len(portraits), refusals)
    require_live_series(client=client, portraits=portraits)
    with written_files(client=client, portraits=portraits) as references, transaction.atomic():
        person, _ = _found_or_created(client, whom.person, fields, only_new=rules.only_new)
        _store(person, references, portraits, replace=rules.replace)
    if not rules.is_import:
        wait_until_there(references, person.gallery)
    return BatchEnrolment(person, len(portraits), refusals)


def _known(client: Client, fields: Mapping[str, Any]) -> PersonQuerySet:
    """Whoever has the external id already."""
    people = Person.objects.of_client(client).in_sources([fields["source"]])
    return people.filter(external_id=fields["external_id"], external_id__isnull=False)


def _marked(upload: Upload, whom: Whom, known: PersonQuerySet, rules: EnrolmentRules) -> Region | None:
    """Where the metadata of the photograph has the person's name, if that is asked for."""
    if rules.face_choice != "named":
        return None
    person = whom.person or known.first()
    name = plain_name(whom.name or (person.name if person else ""))
    return named(upload.data, name) if name else None


def _require_room(client: Client, uploads: Sequence[Upload], *, is_new: bool, replace: bool) -> None:
    """Spares the engines the work: room for one photograph at least. New ones may take the place of earlier ones."""
    if replace and not is_new:
        return
    smallest = min((len(upload.data) for upload in uploads), default=0)
    quotas.require_room(client, people=int(is_new), templates=1, stored_bytes=smallest)


def _read(upload: Upload, *, gate: Gate | None, liveness: bool) -> Portrait | Refusal:
    try:
        return portrait_or_refusal(upload, gate=gate, queue=dispatch.PATIENT, liveness=liveness)
    except Unavailable as error:
        if error.code != "engine.worker_lost":  # an image that stops its worker must not fail the others
            raise
        return Refusal(upload.name, error.code, error.message)


def _fields(whom: Whom) -> dict[str, Any]:
    """What the person's row is to hold; a name or metadata that is not given stays as it is. Raises `UnusableValue`."""
    optional = {"name": whom.name or None, "metadata": whom.metadata, "legal_basis": whom.legal_basis or None}
    given = {field: value for field, value in optional.items() if value is not None}
    return checked({"external_id": whom.external_id, "source": whom.source, **given})


def _found_or_created(
    client: Client, person: Person | None, fields: Mapping[str, Any], *, only_new: bool
) -> tuple[Person, bool]:
    """The person, locked, and whether it is new. Two callers with one external id get one person."""
    if person is not None:
        return lock_enrolled(person), False
    gallery, external_id = Gallery.objects.named(client, fields["source"]), fields["external_id"]
    changes = {field: value for field, value in fields.items() if field not in ("source", "external_id")}
    if only_new or external_id is None:
        person = Person(client=client, gallery=gallery, external_id=external_id, **changes)
        return save_person(person=person), True
    found, created = Person.objects.locked_or_created(gallery, external_id, changes)
    found.client, found.gallery = client, gallery
    if changes and not created:
        for field, value in changes.items():
            setattr(found, field, value)
        found.save(update_fields=changes)
    return found, created


def _store(
    person: Person, references: Sequence[ReferenceImage], portraits: Sequence[Portrait], *, replace: bool
) -> None:
    if replace:
        lock_enrolled(person, to_erase=True)
        earlier = list(ReferenceImage.objects.filter(person=person))
        erase_files(files=forget_photographs(person, earlier) if earlier else [], robust=True)
    save_reference_images(person=person, references=references, portraits=portraits)
