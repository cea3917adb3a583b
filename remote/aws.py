"""Amazon Rekognition's face collections, by boto3. Our id of a photograph is a face's `ExternalImageId`.

Credentials come from the settings or, without them, from where boto3 looks for them: environment, profile, or role.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings

from remote.aws_errors import check_body, error_from, unreadable
from remote.contract import Abilities, RemoteFace, RemoteHit
from remote.exceptions import AccessRefused, CollectionGone, NoRemoteFace, NotConfigured, RemoteRefusal
from remote.scores import REKOGNITION

ABILITIES = Abilities(
    name="aws_rekognition",
    label="Amazon Rekognition",
    largest_score=REKOGNITION.largest,
    score_at_point=REKOGNITION.point,
    largest_bytes=5 * 1024 * 1024,
    smallest_side=80,
    most_candidates=4096,
    most_deleted=4096,
    can_filter=True,
    needs_training=False,
)
EVERY_QUALITY = "NONE"  # our own gate has judged the photograph
SAME_PICTURE = 99.0  # the least score of a picture with itself
COPIES = 50  # faces that may be as near as that
PAGE = 1000
Answer = dict[str, Any]
Result = TypeVar("Result")


class Rekognition:
    """Faces in collections of one account and region. `client`: boto3's."""

    abilities = ABILITIES

    def __init__(self, client: Any) -> None:
        self._client = client
        client.meta.events.register("before-parse.rekognition", check_body)

    def ensure(self, collection: str) -> None:
        try:
            self._call("create_collection", CollectionId=collection)
        except RemoteRefusal as error:
            if error.code != "remote.collection_exists":
                raise

    def drop(self, collection: str) -> None:
        _unless_gone(partial(self._call, "delete_collection", CollectionId=collection))

    def add(self, collection: str, image: bytes, own_id: str, *, is_first: bool = False) -> RemoteFace:
        """What an earlier call has added is found by the picture itself: no service lists faces by our id."""
        if not is_first and (known := self._found_again(collection, image, own_id)):
            return known
        answer = self._call(
            "index_faces",
            CollectionId=collection,
            Image={"Bytes": image},
            ExternalImageId=own_id,
            MaxFaces=1,
            QualityFilter=EVERY_QUALITY,
        )
        if not answer.get("FaceRecords"):
            raise NoRemoteFace("Amazon Rekognition finds no face in this photograph that it accepts.")
        return _face(answer["FaceRecords"][0].get("Face", {}))

    def remove(self, collection: str, face_ids: Sequence[str]) -> None:
        for start in range(0, len(face_ids), ABILITIES.most_deleted):
            ids = list(face_ids[start : start + ABILITIES.most_deleted])
            answer = _unless_gone(partial(self._call, "delete_faces", CollectionId=collection, FaceIds=ids)) or {}
            for kept in answer.get("UnsuccessfulFaceDeletions", []):
                if kept.get("Reasons") != ["FACE_NOT_FOUND"]:
                    raise RemoteRefusal("A face cannot be deleted: somebody has associated it with a user.")

    def find(self, collection: str, own_id: str) -> list[RemoteFace]:
        try:
            return [face for face in self.faces(collection) if face.own_id == own_id]
        except CollectionGone:
            return []

    def faces(self, collection: str) -> Iterator[RemoteFace]:
        token: dict[str, str] = {}
        while True:
            answer = self._call("list_faces", CollectionId=collection, MaxResults=PAGE, **token)
            yield from map(_face, answer.get("Faces", []))
            if not answer.get("NextToken"):
                return
            token = {"NextToken": answer["NextToken"]}

    def search(self, collection: str, image: bytes, *, limit: int, score: float) -> list[RemoteHit]:
        try:
            answer = self._call(
                "search_faces_by_image",
                CollectionId=collection,
                Image={"Bytes": image},
                MaxFaces=max(1, min(limit, ABILITIES.most_candidates)),
                FaceMatchThreshold=score,
                QualityFilter=EVERY_QUALITY,
            )
        except NoRemoteFace:
            return []
        hits = [RemoteHit(_face(match.get("Face", {})), _score(match)) for match in answer.get("FaceMatches", [])]
        return sorted(hits, key=lambda hit: -hit.score)

    def compare(self, one: bytes, other: bytes) -> float | None:
        try:
            answer = self._call(
                "compare_faces",
                SourceImage={"Bytes": one},
                TargetImage={"Bytes": other},
                SimilarityThreshold=0.0,
                QualityFilter=EVERY_QUALITY,
            )
        except NoRemoteFace:
            return None
        return max(map(_score, answer.get("FaceMatches", [])), default=None)

    def train(self, collection: str) -> None:
        """Nothing: an indexed face is found within a second or so."""

    def _found_again(self, collection: str, image: bytes, own_id: str) -> RemoteFace | None:
        hits = self.search(collection, image, limit=COPIES, score=SAME_PICTURE)
        return next((hit.face for hit in hits if hit.face.own_id == own_id), None)

    def _call(self, operation: str, **given: Any) -> Answer:
        try:
            answer: Answer = getattr(self._client, operation)(**given)
        except (BotoCoreError, ClientError) as error:
            raise error_from(error) from None  # its message may quote what was sent
        return answer


def connect() -> Rekognition:
    """By the settings. Raises `NotConfigured` or `AccessRefused`."""
    options = {
        "endpoint_url": settings.AWS_ENDPOINT or None,
        "region_name": settings.AWS_REGION or None,
        "aws_access_key_id": settings.AWS_ACCESS_KEY or None,
        "aws_secret_access_key": settings.AWS_SECRET_KEY or None,
    }
    config = Config(
        connect_timeout=settings.REMOTE_CONNECT_SECONDS,
        read_timeout=settings.REMOTE_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": settings.REMOTE_ATTEMPTS},
    )
    session = boto3.session.Session()
    try:
        if not settings.AWS_ACCESS_KEY and session.get_credentials() is None:
            raise AccessRefused("No credentials for Amazon Rekognition are found.")
        return Rekognition(session.client("rekognition", config=config, **options))
    except (BotoCoreError, ValueError) as error:
        message = "The region, endpoint or credentials of Amazon Rekognition are not set, or are malformed."
        raise NotConfigured(message) from error


def _face(face: Answer) -> RemoteFace:
    if not face.get("FaceId"):
        raise unreadable()
    return RemoteFace(face["FaceId"], face.get("ExternalImageId", ""))


def _score(match: Answer) -> float:
    score = float(match.get("Similarity", math.nan))
    if not 0.0 <= score <= ABILITIES.largest_score:
        raise unreadable()
    return score


def _unless_gone(call: Callable[[], Result]) -> Result | None:
    try:
        return call()
    except CollectionGone:
        return None
