"""Comparing two faces (1:1), with each other or with a person's photographs, of living people where that counts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from audit.services import record, require_searching
from audit.types import Action
from calibration.types import Comparison, Decision, OperatingPoint
from clients.models import Client
from errors import InvalidInput
from liveness.exceptions import NotLive
from liveness.services import read_face, read_frames, redeem_token
from liveness.types import Binding, Embeddings, FrameRules
from people.elsewhere.asking import (
    AskedGalleries,
    backend_of,
    compare_there,
    distance_of,
    point_of,
    verify_there,
)
from people.elsewhere.crops import crop_for
from people.evidence import (
    COMPARE,
    VERIFY,
    check_proof,
    proof_demanded,
    redeem_for,
    require_live,
    require_no_picture,
)
from people.exceptions import NoTemplate
from people.failures import attempt_at
from people.galleries import SearchedGalleries, search_in
from people.models import Person
from people.search import face_of, face_or_refusal, look_at, look_or_refusal
from people.shadow import offer_probe
from people.types import FaceComparisons, LiveComparison, Proof, Refusal
from remote.registry import OURS, abilities_of
from vectors.stored import from_store
from vision import inference
from vision.distances import distance
from vision.engines import DEFAULT, engines
from vision.exceptions import NotRecognisable
from vision.types import DetectedFace

NO_FACE = "This person has no enrolled face to compare with."


# ---- comparing --------------------------------------------------------------------------------------------------
def verify_person(*, person: Person, data: bytes, threshold: float | None = None, token: str = "") -> Comparison:
    """Whether the largest face of an image is this person's: the distance to the best of the person's templates.

    The margin is to the most similar other person of the same gallery. A face that cannot be recognised is not
    compared. A match uses up the `token` of a liveness session if there is one; where the client's policy demands
    liveness, nobody matches without. Raises `InvalidImage`, `UnusableFace` (`face.none`), `NoTemplate` for a person
    without a face, `TooManyFailures`, `NotLive`, `TokenRefused`, `SessionNotFound`, or `Unavailable`.
    """
    require_searching(person.client_id)
    due = proof_demanded(client=person.client, proof=Proof(token=token) if token else None)
    with attempt_at(person) as attempt:
        compared = _compare_with(person, data, threshold, token, due)
        attempt.has_failed = compared.decision == Decision.NO_MATCH
    return compared


def _compare_with(person: Person, data: bytes, threshold: float | None, token: str, due: Proof | None) -> Comparison:
    if person.gallery.is_remote:
        return _compare_elsewhere(person, data, threshold, token, due)
    searched = search_in(client=person.client, galleries=[person.gallery], threshold=threshold, one_to_one=True)
    own = searched.templates.of_person(person)
    if not own.exists():
        raise NoTemplate(NO_FACE)
    try:
        probe = face_of(data, searched.alias)
    except NotRecognisable as error:
        return Comparison.refused(searched.point, error.reason)
    rotated = searched.rotated(probe)
    near = own.nearest(rotated, metric=searched.point.metric, limit=1)
    near += searched.neighbourhood(but=person).nearest(rotated, limit=1)
    if not near or near[0].person_id != person.pk:  # erased meanwhile
        raise NoTemplate(NO_FACE)
    compared = searched.compare(near)[0]
    if threshold is None:
        offer_probe(client=person.client, galleries=[person.gallery], read=partial(bytes, data), faces="largest")
    if due and compared.matches:
        rules = FrameRules(alias=searched.alias, point=searched.point)
        require_live(client=person.client, proof=due, face=read_face(data=data, alias=searched.alias), rules=rules)
    if token and compared.matches:
        in_default_space = probe if searched.alias == DEFAULT else face_of(data)  # as the token holds a face
        face = {engines[DEFAULT].space.name: in_default_space}
        redeem_for(person=person, token=token, purpose=VERIFY, face=face)
    _record(Action.VERIFY, searched, [compared], person)
    return compared


def _compare_elsewhere(
    person: Person, data: bytes, threshold: float | None, token: str, due: Proof | None
) -> Comparison:
    """`_compare_with` where a remote service compares; liveness is checked here, by our own embeddings."""
    local = search_in(client=person.client, galleries=[person.gallery], one_to_one=True, beside=True)
    with inference.admission(1):
        try:
            face = look_at(data, DEFAULT)
        except NotRecognisable as error:
            return Comparison.refused(point_of(person.gallery.backend, threshold), error.reason)
        asked, compared = verify_there(person=person, data=data, box=face.box, threshold=threshold)
    if due and compared.matches:
        rules = FrameRules(alias=local.alias, point=local.point)
        require_live(client=person.client, proof=due, face=read_face(data=data, alias=local.alias), rules=rules)
    if token and compared.matches:
        redeem_for(person=person, token=token, purpose=VERIFY, face=face.embeddings)
    _record(Action.VERIFY, asked, [compared], person)
    return compared


def _record(
    action: Action,
    searched: SearchedGalleries | AskedGalleries,
    compared: Sequence[Comparison | Refusal],
    *people: Person,
) -> None:
    """Who was compared, and how many comparisons matched."""
    matches = sum(isinstance(one, Comparison) and one.matches for one in compared)
    record(
        action,
        client_id=searched.client.pk,
        objects=[person.audit_name for person in people],
        searched=searched.audited,
        results=matches,
    )


def compare_faces(
    *,
    client: Client,
    first: bytes,
    others: Sequence[bytes | InvalidInput],
    threshold: float | None = None,
    proof: Proof | None = None,
) -> FaceComparisons:
    """The largest face of `first` against the largest of each other image, in their order. Nothing is stored.

    The token of `proof`, if there is one, must have been made for the face of `first`, and is used up; where the
    client's policy demands liveness, nobody matches without. An image of `others` that cannot be used, or could not
    even be read, is a `Refusal` in its place; a face that cannot be recognised is not compared. Raises `InvalidImage`
    or `UnusableFace` (`face.none`) for `first`, `NotLive`, `TokenRefused`, `SessionNotFound`, or `Unavailable`.
    """
    require_searching(client.pk)
    due = proof_demanded(client=client, proof=proof)
    compare = search_in(client=client, galleries=[], threshold=threshold, one_to_one=True)
    if backend_of(client) != OURS:
        return _compare_there(client, first, others, threshold, proof, due)
    try:
        probe = face_of(first)
    except NotRecognisable as error:
        refused = tuple(Comparison.refused(compare.point, error.reason) for _ in others)
        return FaceComparisons(refused, compare.space.name, compare.point)
    if due:
        require_live(client=client, proof=due, face=read_face(data=first))
    faces = inference.several(face_or_refusal, others)
    if proof and proof.token:
        binding = Binding(COMPARE, proof.subject)
        redeem_token(client=client, token=proof.token, binding=binding, face={compare.space.name: probe})
    metric = compare.point.metric
    distances = [distance(probe, face, metric=metric) for face in faces if not isinstance(face, Refusal)]
    compared = iter(compare.point.compare(distances))
    results: tuple[Comparison | Refusal, ...] = tuple(
        _refused(face, compare.point) if isinstance(face, Refusal) else next(compared) for face in faces
    )
    _record(Action.COMPARE, compare, results)
    return FaceComparisons(results, compare.space.name, compare.point)


def _compare_there(
    client: Client,
    first: bytes,
    others: Sequence[bytes | InvalidInput],
    threshold: float | None,
    proof: Proof | None,
    due: Proof | None,
) -> FaceComparisons:
    """`compare_faces` by the remote service that the client's galleries are kept at."""
    backend, local = backend_of(client), search_in(client=client, galleries=[], one_to_one=True)
    point, abilities = point_of(backend, threshold), abilities_of(backend)
    try:
        probe = look_at(first)
    except NotRecognisable as error:
        refused = tuple(Comparison.refused(point, error.reason) for _ in others)
        return FaceComparisons(refused, backend, point)
    if due:
        require_live(client=client, proof=due, face=read_face(data=first))
    faces = inference.several(look_or_refusal, others)
    if proof and proof.token:
        binding = Binding(COMPARE, proof.subject)
        redeem_token(client=client, token=proof.token, binding=binding, face=probe.embeddings)
    own = crop_for(first, probe.box, abilities)
    distances = [
        distance_of(compare_there(backend, own, crop_for(data, face.box, abilities)) or 0.0, abilities)
        for data, face in zip(others, faces, strict=True)
        if isinstance(data, bytes) and not isinstance(face, Refusal)
    ]
    compared = iter(point.compare(distances))
    results = tuple(_refused(face, point) if isinstance(face, Refusal) else next(compared) for face in faces)
    _record(Action.COMPARE, local, results)
    return FaceComparisons(results, backend, point)


def _refused(refusal: Refusal, point: OperatingPoint) -> Comparison | Refusal:
    """An image without a face that could be compared, as a result of a comparison."""
    return Comparison.refused(point, refusal.reason) if refusal.code == NotRecognisable.code else refusal


def verify_live(*, person: Person, data: bytes, proof: Proof) -> LiveComparison:
    """Whether the largest face of an image is this person's, and whether a living person shows it.

    Liveness is checked when the faces match; frames must show the person. Raises `InvalidImage`, `UnusableFace`,
    `NoTemplate`, `TooManyFailures`, `NotLive` (if the policy demands liveness and the caller does not), `TokenRefused`,
    `SessionNotFound` or `Unavailable`.
    """
    require_searching(person.client_id)
    if not proof.asked:
        proof_demanded(client=person.client, proof=proof)
    with attempt_at(person) as attempt:
        result = _compare_live_with(person, data, proof)
        attempt.has_failed = result.comparison.decision == Decision.NO_MATCH
    return result


def _compare_live_with(person: Person, data: bytes, proof: Proof) -> LiveComparison:
    searched = search_in(client=person.client, galleries=[person.gallery], one_to_one=True, beside=True)
    name, templates = searched.space.name, searched.templates.of_person(person)
    probe = read_face(data=data, alias=searched.alias)
    near = templates.nearest(searched.rotated(probe.embeddings[name]), metric=searched.point.metric, limit=1)
    stored = templates.vectors_of(near[0].reference_image_id) if near else []
    if not stored:  # never enrolled, or erased meanwhile
        raise NoTemplate(NO_FACE)
    judged: SearchedGalleries | AskedGalleries = searched
    if person.gallery.is_remote:
        judged, compared = verify_there(person=person, data=data, box=probe.box)
    else:
        compared = searched.compare(near)[0]
    offer_probe(client=person.client, galleries=[person.gallery], read=partial(bytes, data), faces="largest")
    if proof.token and compared.matches:
        require_no_picture(client=person.client, face=probe)
        redeem_for(person=person, token=proof.token, purpose=VERIFY, face=probe.embeddings)
    _record(Action.VERIFY, judged, [compared], person)
    known = {name: from_store(stored[0], client_id=person.client_id, space=name)}
    return _with_liveness(searched, compared, known, probe, proof)


def compare_live(*, client: Client, known: bytes, data: bytes, proof: Proof) -> LiveComparison:
    """`verify_live` against the largest face of an image; nothing is stored. Raises as it does."""
    require_searching(client.pk)
    if not proof.asked:
        proof_demanded(client=client, proof=proof)
    faces = []
    for face in read_frames(frames=[known, data]):
        if isinstance(face, InvalidInput):
            raise face
        faces.append(face)
    reference, probe = faces
    searched = search_in(client=client, galleries=[], one_to_one=True)
    name, metric = searched.space.name, searched.point.metric
    between = distance(reference.embeddings[name], probe.embeddings[name], metric=metric)
    [compared] = searched.point.compare([between])
    if proof.token and compared.matches:
        require_no_picture(client=client, face=probe)
        binding = Binding(COMPARE, proof.subject)
        redeem_token(client=client, token=proof.token, binding=binding, face=probe.embeddings)
    _record(Action.COMPARE, searched, [compared])
    return _with_liveness(searched, compared, reference.embeddings, probe, proof)


def _with_liveness(
    searched: SearchedGalleries, compared: Comparison, known: Embeddings, probe: DetectedFace, proof: Proof
) -> LiveComparison:
    """Frames are decided in the space and at the operating point of the match."""
    if not compared.matches:
        return LiveComparison(compared)
    if proof.token:
        return LiveComparison(compared, is_live=True)
    rules = FrameRules(proof.min_frames, searched.alias, searched.point)
    result = check_proof(client=searched.client, proof=proof, reference=known, probe=probe, rules=rules)
    if result is None:
        return LiveComparison(compared)
    if not (result.is_live or proof.asked):  # a caller who has not asked looks at the match alone
        raise NotLive("The faces match, but the policy demands more liveness.", code=result.reasons[0])
    return LiveComparison(compared, result.is_live, tuple(result.reasons))
