"""Identify a face, verify a named person, and learn a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from clients.models import ApiKey, Client
from compat.facehash.exceptions import FieldMissing, UnknownUser
from compat.facehash.models import KeyGallery
from errors import InvalidInput, NotFound
from people.exceptions import UnusableFace
from people.models import Gallery, Person
from people.services import attempt_at, demands_liveness, enrol_photographs, find_person, search_people, verify_live
from people.types import BatchEnrolment, EnrolmentRules, Probe, Proof, Refusal, SearchOptions, Whom
from training.services import recognise, request_training
from training.types import Recognition
from vision import images
from vision.types import Upload

LONGEST_NAME = 512  # characters; an external id of the gallery
BAD_USER = "Username is invalid!"
SHOWN_NAME = 100  # characters; a person's name there


@dataclass(frozen=True)
class Outcome:
    """`faces` that were found on a picture, and the one that decides, if any of them is known."""

    faces: int
    found: Recognition | None


def gallery_of(*, client: Client, key: ApiKey | None) -> Gallery:
    """The gallery of a key, or of callers without one, made the first time: keys of one client share no people."""
    known = KeyGallery.objects.filter(client=client, api_key=key).select_related("gallery__client").first()
    if known:
        return known.gallery
    with transaction.atomic():
        gallery = Gallery.objects.named(client, f"FaceHash {key.prefix}" if key else "FaceHash")
        return KeyGallery.objects.get_or_create(client=client, api_key=key, defaults={"gallery": gallery})[0].gallery


def identify(*, gallery: Gallery, pictures: Sequence[bytes]) -> Outcome:
    """The person of the gallery who is on the first picture; of several, the most similar one.

    Where the client's policy demands liveness, only the largest face counts, and further pictures are the frames that
    prove it. Raises `NotLive`.
    """
    if demands_liveness(client=gallery.client):
        return _live(gallery, pictures, None)
    faces = recognise(client=gallery.client, source=gallery.name, data=read_image(pictures[0]))
    return Outcome(len(faces), _best([face for face in faces if face.person]))


def verify(*, gallery: Gallery, pictures: Sequence[bytes], user: str) -> Outcome:
    """Whether the named person is on the first picture, with `identify`'s rules about liveness.

    Raises `UnknownUser` before the picture is looked at, `TooManyFailures`, and `NotLive`.
    """
    person = find_user(gallery=gallery, user=user)
    if demands_liveness(client=gallery.client):
        return _live(gallery, pictures, person)
    with attempt_at(person) as attempt:
        faces = recognise(client=gallery.client, source=gallery.name, data=read_image(pictures[0]), tells=False)
        own = [face for face in faces if face.person == person]
        attempt.has_failed = bool(faces) and not own
    return Outcome(len(faces), _best(own))


def _live(gallery: Gallery, pictures: Sequence[bytes], person: Person | None) -> Outcome:
    """Whether the largest face of the first picture is the person's, or (None) anybody's, and a living one."""
    image, *frames = [read_image(picture) for picture in pictures]
    try:
        if person is None:
            options = SearchOptions([gallery.name], "largest", limit=1)
            [face] = search_people(client=gallery.client, probe=Probe(image), options=options).faces
            person = face.matches[0].person if face.matches else None
        if person is None:
            return Outcome(1, None)
        compared = verify_live(person=person, data=image, proof=Proof(frames, asked=False)).comparison
    except UnusableFace:
        return Outcome(0, None)
    return Outcome(1, Recognition(None, person, compared.similarity, None, None) if compared.matches else None)


def learn(*, gallery: Gallery, stream: list[bytes], user: str) -> BatchEnrolment:
    """Enrol the photographs of a user, who may be new; a classifier is trained afterwards, in the background.

    Nothing is stored with less than `FACEHASH_MIN_IMAGES` usable photographs. Raises `UnknownUser` for an impossible
    name, and `NotLive` if they do not prove what the client's liveness policy demands.
    """
    if not is_name(user):
        raise UnknownUser(BAD_USER)
    uploads, unreadable = read_images(stream)
    done = enrol_photographs(
        client=gallery.client,
        uploads=uploads,
        whom=Whom(external_id=user, source=gallery.name, name=user[:SHOWN_NAME]),
        rules=EnrolmentRules(replace=settings.FACEHASH_POLICY == "replace"),
        fewest=settings.FACEHASH_MIN_IMAGES,
    )
    if done.person is not None:
        request_training(client=gallery.client, source=gallery.name, by_itself=True)
    return BatchEnrolment(done.person, done.usable, (*unreadable, *done.refusals))


def find_user(*, gallery: Gallery, user: str) -> Person:
    """Raises `UnknownUser`."""
    if not is_name(user):
        raise UnknownUser(BAD_USER)
    try:
        return find_person(client=gallery.client, source=gallery.name, external_id=user)
    except NotFound as error:
        raise UnknownUser(BAD_USER) from error


def is_name(user: str) -> bool:
    """Any text is a name that the tables can hold: it is never part of a path, a query or a command."""
    return 0 < len(user) <= LONGEST_NAME and "\0" not in user and not user.isspace()


def read_image(text: bytes) -> bytes:
    """The image in a base64 text or data URL, never one that a URL or a path names. Raises `InvalidImage`."""
    return images.read_text(text.decode("ascii", "replace"), references=False)


def read_images(texts: list[bytes]) -> tuple[list[Upload], list[Refusal]]:
    """The images, and why others were refused. Empties the list, so that no image is in memory in two forms."""
    uploads, refusals = list[Upload](), list[Refusal]()
    texts.reverse()
    while texts:
        try:
            uploads.append(Upload(read_image(texts.pop())))
        except InvalidInput as error:
            refusals.append(Refusal("", error.code, error.message))
    return uploads, refusals


def require(value: object, name: str) -> None:
    """Raise `FieldMissing` unless something was sent."""
    if not value:
        raise FieldMissing(f"The field '{name}' is missing.")


def _best(known: list[Recognition]) -> Recognition | None:
    return max(known, key=lambda face: face.similarity or 0.0, default=None)
