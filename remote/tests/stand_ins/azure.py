"""Azure Face as far as `remote.azure` and the official SDK's clients for large person groups call it.

Behaviour and errors follow Microsoft's reference of the REST API v1.2-preview.1 and of its error codes: what is
enrolled is found after the next training, a group that is being trained refuses calls, faces and groups have limits.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from remote.tests.stand_ins.faces import Recogniser, Seen
from remote.tests.stand_ins.serving import Answer, Call, Faults
from vision.exceptions import InvalidImage
from vision.types import Embedding

KEY = "3f1d9a52c0a64c6fb1e07d5d8f00a1b2"
BASE = "/face/v1.2-preview.1/"
TIME = "2026-11-28T10:00:00.0000000Z"
SIDES = ("left", "top", "width", "height")
GROUP_ID = re.compile(r"[a-z0-9_-]{1,64}")
MOST_BYTES, LEAST_BYTES = 6 * 1024 * 1024, 1024
LIMITED = (
    "Feature is not supported, missing approval for one or more of the following features: "
    "Identification,Verification. Please apply for access at https://aka.ms/facerecognition"
)


class Refused(Exception):
    def __init__(self, status: int, code: str, message: str = "", inner: dict[str, str] | None = None) -> None:
        super().__init__(code)
        error = {"code": code, "message": message or code} | ({"innererror": inner} if inner else {})
        self.answer = Answer.of({"error": error}, status)


def running() -> Answer:
    """What a group that is being trained answers."""
    return Refused(409, "LargePersonGroupTrainingNotFinished", "Large person group is under training.").answer


@dataclass
class Person:
    person_id: str
    name: str
    user_data: str | None
    faces: dict[str, Embedding] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        data = {} if self.user_data is None else {"userData": self.user_data}
        return {"personId": self.person_id, "name": self.name, "persistedFaceIds": list(self.faces)} | data


@dataclass
class Group:
    name: str
    recognition_model: str
    persons: dict[str, Person] = field(default_factory=dict)
    trained: dict[str, list[Embedding]] | None = None  # by person
    looks_left: int = 0  # at a training that runs
    was_trained: bool = False


class AzureFaceService:
    """`looks`: how often a training is asked after until it has ended. `is_limited`: without Microsoft's approval."""

    def __init__(
        self, recogniser: Recogniser, *, looks: int = 1, is_limited: bool = False, least_bytes: int = LEAST_BYTES
    ) -> None:
        self.recogniser, self.looks, self.is_limited = recogniser, looks, is_limited
        self.key, self.least_bytes = KEY, least_bytes
        self.groups: dict[str, Group] = {}
        self.faces: dict[str, Embedding] = {}
        self.faults = Faults()
        self.calls: list[str] = []  # "POST detect", "PUT largepersongroups/*"

    def handle(self, call: Call) -> Answer:
        path = call.path.removeprefix(BASE)
        if path == call.path:
            return Answer.of({"error": {"code": "404", "message": "Resource not found"}}, 404)
        parts = path.split("/")
        name = f"{call.method} {'/'.join(part if not index % 2 else '*' for index, part in enumerate(parts))}"
        self.calls.append(name)
        try:
            if planned := self.faults.due(name):
                return planned
            if call.headers.get("ocp-apim-subscription-key") != self.key:
                raise Refused(401, "401", "Access denied due to invalid subscription key or wrong API endpoint.")
            route = ROUTES.get(name)
            if route is None:
                raise Refused(404, "404", "Resource not found")
            return route(self, call, *parts[1::2])
        except Refused as refusal:
            return refusal.answer

    # ---- groups
    def put_group(self, call: Call, group_id: str) -> Answer:
        if not GROUP_ID.fullmatch(group_id):
            raise Refused(400, "BadArgument", "Large person group ID is invalid.")
        if group_id in self.groups:
            raise Refused(409, "LargePersonGroupExists", "Large person group already exists.")
        body = _read(call, name=128, userData=16 * 1024)
        self.groups[group_id] = Group(body["name"], body.get("recognitionModel", "recognition_01"))
        return Answer(200)

    def get_group(self, call: Call, group_id: str) -> Answer:
        group = self._group(group_id)
        return Answer.of({"largePersonGroupId": group_id, "name": group.name})

    def delete_group(self, call: Call, group_id: str) -> Answer:
        self._group(group_id)
        del self.groups[group_id]
        return Answer(200)

    def train(self, call: Call, group_id: str) -> Answer:
        group = self._resting(group_id)
        group.trained = {person.person_id: list(person.faces.values()) for person in group.persons.values()}
        group.looks_left, group.was_trained = self.looks, True
        return Answer(202, headers={"operation-Location": f"https://{call.headers['host']}{call.path}ing"})

    def training(self, call: Call, group_id: str) -> Answer:
        group = self._group(group_id)
        if not group.was_trained:
            raise Refused(404, "LargePersonGroupNotTrained", "Large person group not trained.")
        group.looks_left = max(group.looks_left - 1, 0)
        times = dict.fromkeys(("createdDateTime", "lastActionDateTime", "lastSuccessfulTrainingDateTime"), TIME)
        return Answer.of({"status": "running" if group.looks_left else "succeeded"} | times)

    # ---- persons
    def list_persons(self, call: Call, group_id: str) -> Answer:
        group = self._group(group_id)
        top = int(call.query.get("top", 1000))
        if not 1 <= top <= 1000:
            raise Refused(400, "BadArgument", "'top' is invalid.")
        start = call.query.get("start", "")
        ids = sorted(one for one in group.persons if one > start)
        return Answer.of([group.persons[one].shown() for one in ids[:top]])

    def create_person(self, call: Call, group_id: str) -> Answer:
        group = self._resting(group_id)
        body = _read(call, name=128, userData=16 * 1024)
        person = Person(str(uuid.uuid4()), body["name"], body.get("userData"))
        group.persons[person.person_id] = person
        return Answer.of({"personId": person.person_id})

    def get_person(self, call: Call, group_id: str, person_id: str) -> Answer:
        return Answer.of(self._person(group_id, person_id).shown())

    def delete_person(self, call: Call, group_id: str, person_id: str) -> Answer:
        self._person(group_id, person_id)
        self._resting(group_id).persons.pop(person_id)
        return Answer(200)

    def add_face(self, call: Call, group_id: str, person_id: str) -> Answer:
        self._resting(group_id)
        person = self._person(group_id, person_id)
        faces = list(self._look(call))
        if target := call.query.get("targetFace"):
            if not re.fullmatch(r"\d+,\d+,\d+,\d+", target):
                raise Refused(400, "BadArgument", "Invalid argument targetFace.")
            faces = [face for face in faces if ",".join(map(str, _ltwh(face))) == target]
        if not faces or not faces[0].is_good:
            raise Refused(400, "InvalidImage", "No face detected in the image.")
        if len(faces) > 1:
            raise Refused(400, "InvalidImage", "There is more than 1 face in the image.")
        face_id = str(uuid.uuid4())
        person.faces[face_id] = faces[0].vector
        return Answer.of({"persistedFaceId": face_id})

    # ---- faces
    def detect(self, call: Call) -> Answer:
        keep = call.query.get("returnFaceId", "true") == "true"
        if keep:
            self._require_approval()
            if not 60 <= int(call.query.get("faceIdTimeToLive", 86400)) <= 86400:
                raise Refused(400, "BadArgument", "Invalid argument faceIdTimeToLive.")
        found = []
        for face in self._look(call):
            shown: dict[str, Any] = {"faceRectangle": dict(zip(SIDES, _ltwh(face), strict=True))}
            if keep:
                shown["faceId"] = str(uuid.uuid4())
                self.faces[shown["faceId"]] = face.vector
            found.append(shown)
        return Answer.of(found)

    def identify(self, call: Call) -> Answer:
        self._require_approval()
        body = json.loads(call.body)
        most, least = body.get("maxNumOfCandidatesReturned", 10), body.get("confidenceThreshold", 0.5)
        if not 1 <= most <= 100 or not 0 <= least <= 1 or not 1 <= len(body["faceIds"]) <= 10:
            raise Refused(400, "BadArgument", "The argument is not valid.")
        group = self.groups.get(body["largePersonGroupId"])
        if group is None:
            raise Refused(400, "LargePersonGroupNotFound", "Large person group is not found.")
        if group.looks_left:
            raise Refused(409, "LargePersonGroupTrainingNotFinished", "Large person group is under training.")
        if group.trained is None:
            raise Refused(400, "LargePersonGroupNotTrained", "Large person group not trained.")
        found = {one: self._candidates(group, one) for one in body["faceIds"]}
        kept = {one: [c for c in candidates if c["confidence"] >= least] for one, candidates in found.items()}
        return Answer.of([{"faceId": one, "candidates": candidates[:most]} for one, candidates in kept.items()])

    def verify(self, call: Call) -> Answer:
        self._require_approval()
        body = json.loads(call.body)
        confidence = self._confidence(self._face(body["faceId1"]), self._face(body["faceId2"]))
        return Answer.of({"isIdentical": confidence >= 0.5, "confidence": confidence})

    # ---- what they share
    def _candidates(self, group: Group, face_id: str) -> list[dict[str, Any]]:
        vector = self._face(face_id)
        found = [
            {"personId": person, "confidence": max(self._confidence(vector, one) for one in vectors)}
            for person, vectors in (group.trained or {}).items()
            if vectors and person in group.persons
        ]
        return sorted(found, key=lambda one: -one["confidence"])

    def _confidence(self, one: Embedding, other: Embedding) -> float:
        """A scale of its own, with 0.5 at the engine's threshold."""
        return float(0.5 ** (self.recogniser.farness(one, other) ** 2))

    def _look(self, call: Call) -> list[Seen]:
        if call.query.get("detectionModel") not in {"detection_01", "detection_02", "detection_03"}:
            raise Refused(400, "BadArgument", "'detectionModel' is invalid.")
        if call.headers.get("content-type") != "application/octet-stream":
            raise Refused(415, "InvalidContentType", "Invalid media type.")
        if not self.least_bytes <= len(call.body) <= MOST_BYTES:
            raise Refused(400, "InvalidImageSize", "Image size is too small.")
        try:
            return list(self.recogniser.look(call.body).faces)
        except InvalidImage:
            raise Refused(400, "InvalidImage", "Decoding error, image format unsupported.") from None

    def _face(self, face_id: str) -> Embedding:
        if face_id not in self.faces:
            raise Refused(400, "FaceNotFound", "Face is not found.")
        return self.faces[face_id]

    def _group(self, group_id: str) -> Group:
        if group_id not in self.groups:
            raise Refused(404, "LargePersonGroupNotFound", "Large person group is not found.")
        return self.groups[group_id]

    def _resting(self, group_id: str) -> Group:
        group = self._group(group_id)
        if group.looks_left:
            raise Refused(409, "LargePersonGroupTrainingNotFinished", "Large person group is under training.")
        return group

    def _person(self, group_id: str, person_id: str) -> Person:
        persons = self._group(group_id).persons
        if person_id not in persons:
            raise Refused(404, "PersonNotFound", f"Person {person_id} is not found.")
        return persons[person_id]

    def _require_approval(self) -> None:
        if self.is_limited:
            inner = {"code": "UnsupportedFeature", "message": LIMITED}
            raise Refused(403, "InvalidRequest", "Invalid request has been sent.", inner)


def _ltwh(face: Seen) -> tuple[int, int, int, int]:
    return int(max(face.box.x, 0)), int(max(face.box.y, 0)), int(face.box.w), int(face.box.h)


def _read(call: Call, **limits: int) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(call.body)
    if not body.get("name"):
        raise Refused(400, "BadArgument", "'name' is empty.")
    for name, most in limits.items():
        if len(body.get(name) or "") > most:
            raise Refused(400, "BadArgument", f"'{name}' is too long.")
    return body


GROUP = "largepersongroups/*"
ROUTES: dict[str, Callable[..., Answer]] = {
    "POST detect": AzureFaceService.detect,
    "POST identify": AzureFaceService.identify,
    "POST verify": AzureFaceService.verify,
    f"PUT {GROUP}": AzureFaceService.put_group,
    f"GET {GROUP}": AzureFaceService.get_group,
    f"DELETE {GROUP}": AzureFaceService.delete_group,
    f"POST {GROUP}/train": AzureFaceService.train,
    f"GET {GROUP}/training": AzureFaceService.training,
    f"GET {GROUP}/persons": AzureFaceService.list_persons,
    f"POST {GROUP}/persons": AzureFaceService.create_person,
    f"GET {GROUP}/persons/*": AzureFaceService.get_person,
    f"DELETE {GROUP}/persons/*": AzureFaceService.delete_person,
    f"POST {GROUP}/persons/*/persistedfaces": AzureFaceService.add_face,
}
