"""Rekognition's collections as far as `remote.aws` calls them: another service than our own endpoint, on purpose.

Its scores lie on another curve, what is indexed is found only after a while, and calls can be made to fail. Requests
and answers are checked against botocore's own model of the service.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from compat.rekognition.exceptions import BadParameter
from compat.rekognition.exceptions import ImageTooLarge as TooLarge
from compat.rekognition.shapes import read_input, service
from compat.rekognition.tests.wire import check_shape
from remote.tests.stand_ins.faces import Picture, Recogniser, Seen
from remote.tests.stand_ins.serving import Answer, Call, Faults
from vision.exceptions import InvalidImage
from vision.types import Embedding

ACCESS_KEY, SECRET = "AKIDSTANDIN000000000", "a secret of the stand-in"
KIND = "application/x-amz-json-1.1"
CREDENTIAL = re.compile(r"Credential=([^/]+)/\d{8}/[a-z0-9-]+/rekognition/aws4_request")
MODEL = "7.0"
CONFIDENCE = 99.9
NO_FACES = "There are no faces in the image. Should be at least 1."
Body = dict[str, Any]


class Refused(Exception):
    def __init__(self, kind: str, message: str = "", status: int = 400) -> None:
        super().__init__(kind)
        self.answer = Answer.of({"__type": kind, "Message": message or kind}, status, KIND)


def failing(kind: str, status: int = 400) -> Answer:
    return Refused(kind, status=status).answer


@dataclass
class Face:
    seen: Seen
    shown: Body
    hidden_for: int  # reads of the collection until it is found

    @property
    def vector(self) -> Embedding:
        return self.seen.vector


@dataclass
class Collection:
    faces: dict[str, Face] = field(default_factory=dict)


class RekognitionService:
    """`lag`: how many reads of a collection do not see a new face. `undeletable`: faces that users are made of."""

    def __init__(self, recogniser: Recogniser, *, lag: int = 0, page: int = 1000) -> None:
        self.recogniser, self.lag, self.page = recogniser, lag, page
        self.access_key = ACCESS_KEY
        self.collections: dict[str, Collection] = {}
        self.undeletable: set[str] = set()
        self.faults = Faults()
        self.calls: list[str] = []

    def handle(self, call: Call) -> Answer:
        operation = call.headers.get("x-amz-target", "").removeprefix("RekognitionService.")
        self.calls.append(operation)
        try:
            if planned := self.faults.due(operation):
                return planned
            found = CREDENTIAL.search(call.headers.get("authorization", ""))
            if not found or found.group(1) != self.access_key:
                raise Refused("UnrecognizedClientException", "The security token included in the request is invalid.")
            answer = OPERATIONS[operation](self, _checked(operation, call.body))
        except Refused as refusal:
            return refusal.answer
        shape = service().operation_model(operation).output_shape
        assert shape is not None
        check_shape(shape, answer, operation)
        return Answer.of(answer, kind=KIND)

    # ---- collections
    def create(self, asked: Body) -> Body:
        if asked["CollectionId"] in self.collections:
            raise Refused("ResourceAlreadyExistsException", "The collection id already exists.")
        self.collections[asked["CollectionId"]] = Collection()
        arn = f"aws:rekognition:us-east-1:123456789012:collection/{asked['CollectionId']}"
        return {"StatusCode": 200, "CollectionArn": arn, "FaceModelVersion": MODEL}

    def delete(self, asked: Body) -> Body:
        self._collection(asked)
        del self.collections[asked["CollectionId"]]
        return {"StatusCode": 200}

    def describe(self, asked: Body) -> Body:
        count = len(self._collection(asked).faces)
        return {"FaceCount": count, "FaceModelVersion": MODEL, "CreationTimestamp": 1.7e9, "UserCount": 0}

    # ---- faces
    def index(self, asked: Body) -> Body:
        collection = self._collection(asked)
        picture, records, refused = self._look(asked["Image"]), list[Body](), list[Body]()
        image_id = str(uuid.uuid4())
        for face in picture.faces:
            if not face.is_good:
                refused.append(_unindexed(picture, face, "LOW_FACE_QUALITY"))
            elif len(records) >= asked.get("MaxFaces", 100):
                refused.append(_unindexed(picture, face, "EXCEEDS_MAX_FACES"))
            else:
                shown = _shown(picture, face, image_id, asked.get("ExternalImageId"))
                collection.faces[shown["FaceId"]] = Face(face, shown, self.lag)
                records.append({"Face": shown, "FaceDetail": _detail(picture, face)})
        return {"FaceRecords": records, "UnindexedFaces": refused, "FaceModelVersion": MODEL}

    def list_faces(self, asked: Body) -> Body:
        visible = self._visible(self._collection(asked))
        most = min(asked.get("MaxResults", 1000), self.page)
        ids = sorted(visible)
        rest = [one for one in ids if one > asked.get("NextToken", "")]
        token = {"NextToken": rest[most - 1]} if len(rest) > most else {}
        return {"Faces": [visible[one].shown for one in rest[:most]], "FaceModelVersion": MODEL} | token

    def delete_faces(self, asked: Body) -> Body:
        faces = self._collection(asked).faces
        gone, kept = list[str](), list[Body]()
        for face_id in asked["FaceIds"]:
            if face_id in self.undeletable:
                kept.append({"FaceId": face_id, "UserId": "u", "Reasons": ["ASSOCIATED_TO_AN_EXISTING_USER"]})
            elif faces.pop(face_id, None):
                gone.append(face_id)
            else:
                kept.append({"FaceId": face_id, "Reasons": ["FACE_NOT_FOUND"]})
        return {"DeletedFaces": gone, "UnsuccessfulFaceDeletions": kept}

    def search(self, asked: Body) -> Body:
        collection = self._collection(asked)
        picture = self._look(asked["Image"])
        if not picture.faces:
            raise Refused("InvalidParameterException", NO_FACES)
        probe, least = picture.faces[0], asked.get("FaceMatchThreshold", 80)
        scored = [(self._score(probe.vector, face.vector), face) for face in self._visible(collection).values()]
        near = sorted((one for one in scored if one[0] >= least), key=lambda one: -one[0])
        return {
            "SearchedFaceBoundingBox": _box(picture, probe),
            "SearchedFaceConfidence": CONFIDENCE,
            "FaceMatches": [{"Similarity": one, "Face": face.shown} for one, face in near[: asked.get("MaxFaces", 80)]],
            "FaceModelVersion": MODEL,
        }

    def compare(self, asked: Body) -> Body:
        source, target = self._look(asked["SourceImage"]), self._look(asked["TargetImage"])
        if not source.faces or not target.faces:
            raise Refused("InvalidParameterException", "Request has invalid parameters")
        one, least = source.faces[0], asked.get("SimilarityThreshold", 80)
        scored = [(self._score(one.vector, face.vector), face) for face in target.faces]
        compared = {id(face): {"BoundingBox": _box(target, face), "Confidence": CONFIDENCE} for _, face in scored}
        return {
            "SourceImageFace": {"BoundingBox": _box(source, one), "Confidence": CONFIDENCE},
            "FaceMatches": [
                {"Similarity": score, "Face": compared[id(face)]} for score, face in scored if score >= least
            ],
            "UnmatchedFaces": [compared[id(face)] for score, face in scored if score < least],
        }

    def detect(self, asked: Body) -> Body:
        picture = self._look(asked["Image"])
        return {"FaceDetails": [_detail(picture, face) for face in picture.faces]}

    # ---- what they share
    def _score(self, one: Embedding, other: Embedding) -> float:
        """80 at the engine's threshold, and strangers far below: at twice the threshold it is 17."""
        return float(100 * 0.8 ** (self.recogniser.farness(one, other) ** 3))

    def _collection(self, asked: Body) -> Collection:
        found = self.collections.get(asked["CollectionId"])
        if found is None:
            raise Refused("ResourceNotFoundException", f"The collection id: {asked['CollectionId']} does not exist")
        return found

    def _visible(self, collection: Collection) -> dict[str, Face]:
        found = {name: face for name, face in collection.faces.items() if not face.hidden_for}
        for face in collection.faces.values():
            face.hidden_for = max(face.hidden_for - 1, 0)
        return found

    def _look(self, image: Body) -> Picture:
        if "Bytes" not in image:
            raise Refused("InvalidS3ObjectException", "Unable to get object metadata from S3.")
        try:
            picture = self.recogniser.look(image["Bytes"])
        except InvalidImage:
            raise Refused("InvalidImageFormatException", "Request has invalid image format") from None
        if min(picture.width, picture.height) < 80:
            raise Refused("InvalidParameterException", "Request has invalid parameters")
        return picture


def _checked(operation: str, body: bytes) -> Body:
    try:
        return read_input(operation, json.loads(body))
    except TooLarge as error:
        raise Refused("ImageTooLargeException", error.message) from None
    except BadParameter as error:
        raise Refused("InvalidParameterException", error.message) from None


def _box(picture: Picture, face: Seen) -> Body:
    box = face.box
    return {
        "Left": box.x / picture.width,
        "Top": box.y / picture.height,
        "Width": box.w / picture.width,
        "Height": box.h / picture.height,
    }


def _detail(picture: Picture, face: Seen) -> Body:
    return {"BoundingBox": _box(picture, face), "Confidence": CONFIDENCE}


def _unindexed(picture: Picture, face: Seen, reason: str) -> Body:
    return {"FaceDetail": _detail(picture, face), "Reasons": [reason]}


def _shown(picture: Picture, face: Seen, image_id: str, external: str | None) -> Body:
    ours = {"ExternalImageId": external} if external else {}
    about = {"FaceId": str(uuid.uuid4()), "ImageId": image_id, "IndexFacesModelVersion": MODEL} | ours
    return about | _detail(picture, face)


OPERATIONS: dict[str, Callable[[RekognitionService, Body], Body]] = {
    "CreateCollection": RekognitionService.create,
    "DeleteCollection": RekognitionService.delete,
    "DescribeCollection": RekognitionService.describe,
    "IndexFaces": RekognitionService.index,
    "ListFaces": RekognitionService.list_faces,
    "DeleteFaces": RekognitionService.delete_faces,
    "SearchFacesByImage": RekognitionService.search,
    "CompareFaces": RekognitionService.compare,
    "DetectFaces": RekognitionService.detect,
}
