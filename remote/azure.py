"""Azure Face as a back end: a large person group for each collection, and in it one person for each reference image.

The person's name and user data are our own id, and the id of a face is that of its person, because `identify` names
persons. Faces are detected with detection_03 and described with recognition_04; what a search or a comparison sends is
kept for a minute, the shortest time that the service offers. docs/azure.md has the calls and their limits.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

from django.conf import settings

from remote.azure_http import Account, Connection, GroupExists, NotTrained, PersonGone, Training, unreadable
from remote.contract import Abilities, RemoteFace, RemoteHit
from remote.exceptions import CollectionGone, ImageRefused, NoRemoteFace, RemoteError, RemoteUnavailable
from remote.scores import AZURE

GROUPS, PERSONS, FACES = "largepersongroups", "persons", "persistedfaces"
DETECTION, RECOGNITION = "detection_03", "recognition_04"
FACE_SECONDS = "60"  # the least that `detect` may be asked to keep a face
PAGE = 1000
KNOWN_PERSONS = 20_000  # whose own id is remembered; a person keeps it
TRAININGS = 3  # by others that are waited for, before an own one is put off
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0  # seconds between two looks at the state of a training

ABILITIES = Abilities(
    name="azure_face",
    label="Azure Face",
    largest_score=AZURE.largest,
    score_at_point=AZURE.point,
    largest_bytes=6 * 1024 * 1024,
    smallest_side=128,  # of which a face of 36 pixels, the least that is detected, takes a part
    most_candidates=100,
    most_deleted=100,
    can_filter=True,
    needs_training=True,
)


class AzureFace:
    """`remote.contract.RemoteBackend` for Azure Face; safe for several threads."""

    abilities = ABILITIES

    def __init__(
        self,
        connection: Connection,
        *,
        training_seconds: float = 60.0,
        search_seconds: float = 5.0,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._call = connection.call
        self._training_seconds, self._search_seconds, self._pause = training_seconds, search_seconds, pause
        self._own_id = lru_cache(maxsize=KNOWN_PERSONS)(self._read_own_id)

    def ensure(self, collection: str) -> None:
        with suppress(GroupExists):
            self._call("PUT", GROUPS, collection, body={"name": collection, "recognitionModel": RECOGNITION})

    def drop(self, collection: str) -> None:
        with suppress(CollectionGone):
            self._delete(GROUPS, collection)

    def add(self, collection: str, image: bytes, own_id: str, *, is_first: bool = False) -> RemoteFace:
        """`is_first`: the caller knows that no call for this id was ever begun, which saves a look at all persons."""
        begun = [] if is_first else [one for one in self._persons(collection) if _own_id_of(one) == own_id]
        if done := [_person_id(one) for one in begun if one.get("persistedFaceIds")]:
            return RemoteFace(done[0], own_id)
        face = self._largest(image)
        if face is None:
            raise NoRemoteFace("Azure Face finds no face in the image.")
        person = _person_id(begun[0]) if begun else self._new_person(collection, own_id)
        self._add_face(collection, person, image, face, own_id)
        return RemoteFace(person, own_id)

    def remove(self, collection: str, face_ids: Sequence[str]) -> None:
        for face_id in face_ids:
            with suppress(PersonGone, CollectionGone):
                self._delete(GROUPS, collection, PERSONS, face_id)

    def find(self, collection: str, own_id: str) -> list[RemoteFace]:
        """Persons whose face has not arrived count too: they go with the others."""
        try:
            begun = [person for person in self._persons(collection) if _own_id_of(person) == own_id]
        except CollectionGone:
            return []
        return [RemoteFace(_person_id(person), own_id) for person in begun]

    def faces(self, collection: str) -> Iterator[RemoteFace]:
        for person in self._persons(collection):
            if person.get("persistedFaceIds"):
                yield RemoteFace(_person_id(person), _own_id_of(person))

    def search(self, collection: str, image: bytes, *, limit: int, score: float) -> list[RemoteHit]:
        face = self._largest(image, keep=True)
        if face is None:
            return []
        asked = {
            "faceIds": [_text(face, "faceId")],
            "largePersonGroupId": collection,
            "maxNumOfCandidatesReturned": max(1, min(limit, ABILITIES.most_candidates)),
            "confidenceThreshold": max(0.0, min(score, ABILITIES.largest_score)),
        }
        try:
            found = self._identify(asked)
        except NotTrained:  # nobody has been enrolled, or the first training has yet to come
            if not self._has_persons(collection):
                return []
            self.train(collection)
            found = self._identify(asked)
        return self._hits(collection, found, score)

    def compare(self, one: bytes, other: bytes) -> float | None:
        faces = [self._largest(one, keep=True), self._largest(other, keep=True)]
        ids = [_text(face, "faceId") for face in faces if face is not None]
        if len(ids) < 2:
            return None
        return _confidence(self._call("POST", "verify", body={"faceId1": ids[0], "faceId2": ids[1]}))

    def train(self, collection: str) -> None:
        if not self._has_persons(collection):
            return
        for _ in range(TRAININGS):
            try:
                self._call("POST", GROUPS, collection, "train")
            except Training:  # one that may have begun before the last face was added
                with suppress(NotTrained):
                    self._await_training(collection)
            else:
                self._await_training(collection)
                return
        raise Training("The collection is being trained, again and again. Try again shortly.")

    def _await_training(self, collection: str) -> None:
        self._patiently(lambda: self._require_trained(collection), self._training_seconds)

    def _require_trained(self, collection: str) -> None:
        status = _text(self._call("GET", GROUPS, collection, "training"), "status")
        if status == "failed":
            raise RemoteUnavailable("Azure Face could not train the collection.", code="remote.training_failed")
        if status != "succeeded":
            raise Training("The collection is being trained. Try again shortly.")

    def _patiently(self, step: Callable[[], Any], seconds: float) -> Any:
        """`step`, repeated while the group is being trained, with growing pauses of `seconds` together."""
        waited, pause = 0.0, FIRST_PAUSE
        while True:
            try:
                return step()
            except Training as error:
                if waited >= seconds:
                    raise
                seconds_now = min(max(pause, error.wait or 0.0), seconds - waited)
            self._pause(seconds_now)
            waited, pause = waited + seconds_now, min(pause * 2, LONGEST_PAUSE)

    def _delete(self, *path: str) -> None:
        """What the service has done has an empty answer; a proxy's success has not."""
        if self._call("DELETE", *path) is not None:
            raise unreadable()

    def _identify(self, asked: Mapping[str, Any]) -> Any:
        return self._patiently(lambda: self._call("POST", "identify", body=asked), self._search_seconds)

    def _hits(self, collection: str, found: Any, score: float) -> list[RemoteHit]:
        hits = []
        for candidate in (one for result in _objects(found) for one in _objects(result.get("candidates"))):
            person, confidence = _person_id(candidate), _confidence(candidate)
            if confidence >= score:
                with suppress(PersonGone):
                    hits.append(RemoteHit(RemoteFace(person, self._own_id(collection, person)), confidence))
        return sorted(hits, key=lambda hit: -hit.score)

    def _largest(self, image: bytes, *, keep: bool = False) -> Mapping[str, Any] | None:
        """The largest face of an image, with a short-lived id if it is to be kept; None where there is no face."""
        query = {"detectionModel": DETECTION, "recognitionModel": RECOGNITION, "returnFaceId": str(keep).lower()}
        if keep:
            query["faceIdTimeToLive"] = FACE_SECONDS
        faces = _objects(self._call("POST", "detect", query=query, image=image))
        return max(faces, key=lambda face: math.prod(_rectangle(face)[2:]), default=None)

    def _new_person(self, collection: str, own_id: str) -> str:
        return _person_id(self._call("POST", GROUPS, collection, PERSONS, body={"name": own_id, "userData": own_id}))

    def _add_face(self, collection: str, person: str, image: bytes, face: Mapping[str, Any], own_id: str) -> None:
        target = ",".join(map(str, _rectangle(face)))
        query = {"detectionModel": DETECTION, "targetFace": target, "userData": own_id}
        try:
            self._call("POST", GROUPS, collection, PERSONS, person, FACES, query=query, image=image)
        except ImageRefused:  # detected, but not good enough to be kept: no person without a face stays behind
            with suppress(RemoteError):
                self.remove(collection, [person])
            raise NoRemoteFace("Azure Face finds no face in the image that it accepts.") from None

    def _has_persons(self, collection: str) -> bool:
        return bool(_objects(self._call("GET", GROUPS, collection, PERSONS, query={"top": "1"})))

    def _persons(self, collection: str) -> Iterator[Mapping[str, Any]]:
        """Every person of the group, in the order of their ids."""
        last = ""
        while True:
            query = {"top": str(PAGE)} | ({"start": last} if last else {})
            page = _objects(self._call("GET", GROUPS, collection, PERSONS, query=query))
            yield from page
            if len(page) < PAGE:
                return
            if _person_id(page[-1]) <= last:
                raise unreadable()
            last = _person_id(page[-1])

    def _read_own_id(self, collection: str, person: str) -> str:
        return _own_id_of(_object(self._call("GET", GROUPS, collection, PERSONS, person)))


def connect() -> AzureFace:
    """By the settings. Raises `NotConfigured`."""
    account = Account(
        endpoint=settings.AZURE_FACE_ENDPOINT,
        key=settings.AZURE_FACE_KEY,
        api_version=settings.AZURE_FACE_API_VERSION,
        seconds=settings.REMOTE_READ_SECONDS,
        allow_loopback=settings.AZURE_FACE_ALLOW_LOOPBACK,
    )
    return AzureFace(Connection(account), training_seconds=settings.AZURE_FACE_TRAINING_SECONDS)


def _own_id_of(person: Mapping[str, Any]) -> str:
    """Ours if we made the person, who then has it as name and as user data; otherwise empty."""
    name = person.get("name")
    return name if isinstance(name, str) and name == person.get("userData") else ""


def _person_id(answer: Any) -> str:
    return _text(answer, "personId")


def _object(answer: Any) -> Mapping[str, Any]:
    if not isinstance(answer, dict):
        raise unreadable()
    return answer


def _objects(answer: Any) -> list[Mapping[str, Any]]:
    if not isinstance(answer, list):
        raise unreadable()
    return [_object(one) for one in answer]


def _text(answer: Any, name: str) -> str:
    value = _object(answer).get(name)
    if not isinstance(value, str) or not value:
        raise unreadable()
    return value


def _confidence(answer: Any) -> float:
    value = _object(answer).get("confidence")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 <= value <= ABILITIES.largest_score:
        raise unreadable()
    return float(value)


def _rectangle(face: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """Left, top, width and height, as `targetFace` takes them."""
    found = _object(face.get("faceRectangle"))
    left, top, width, height = (found.get(name) for name in ("left", "top", "width", "height"))
    if not (isinstance(left, int) and isinstance(top, int) and isinstance(width, int) and isinstance(height, int)):
        raise unreadable()
    return left, top, width, height
