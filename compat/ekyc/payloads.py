"""How calls are read and answers written.

Answers carry the keys of both generations of the older service: `msg` and `message`, `_id` and `people_id`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from calibration.types import Comparison
from compat.ekyc.arguments import Arguments, read_image, read_or_refuse
from compat.ekyc.errors import NO_FACE
from compat.ekyc.exceptions import BadArguments, BatchTooLarge, FramesMissing
from liveness.models import Action
from liveness.types import ActionResult, PassiveResult
from people.models import Person
from people.types import Candidate, LiveComparison, Proof, Refusal, SearchedFace, SourcedImage
from vision.selection import recognisable
from vision.types import DetectedFace

DEFAULT_SOURCE = "default"  # what calls say that mean the default gallery, whatever its name is
UNREADABLE = "Image input was wrong format. Please check your input image."
SUCCESS = {"status": "SUCCESS", "msg": "", "message": ""}
DIGITS = 6  # of similarities
COMMANDS = {  # of /face-live; left and right are the person's own
    "HEAD_LEFT": Action.TURN_LEFT, "HEAD_RIGHT": Action.TURN_RIGHT, "HEAD_CENTER": Action.CENTRE,
    "BLINK": Action.BLINK, "MOUTH_OPEN": Action.MOUTH_OPEN,
}  # fmt: skip
LEAST = 0.7  # of a match: the one-to-one point of the similarity scale


@dataclass(frozen=True)
class Pair:
    """Two images to be compared."""

    known: bytes
    taken: bytes
    proof: Proof


@dataclass(frozen=True)
class Claim:
    """An image, and who is said to be on it; `source` is None if any will do."""

    people_id: str
    source: str | None
    taken: bytes
    proof: Proof


@dataclass(frozen=True)
class Registration:
    """A face for an id."""

    people_id: str
    source: str
    image: bytes
    metadata: dict[str, Any]
    proof: Proof


@dataclass(frozen=True)
class Batch:
    """Several images to search for, and the caller's names for them."""

    names: list[str]
    images: list[SourcedImage]


# ---- calls ------------------------------------------------------------------------------------------------------
def read_pair(body: Any) -> Pair:
    """`/check-2-face`. Raises `BadArguments`, `FramesMissing`, `BatchTooLarge` or `InvalidImage`, as all here do."""
    given = Arguments(body)
    known, taken = given.image("people_1"), given.image("people_2")
    proof = _read_proof(given, frames="people_2_liveness")
    return Pair(read_image(known), read_image(taken), proof)


def read_pair_or_claim(body: Any) -> Pair | Claim:
    """`/face-otp`: `people_1` is an object with either an image or an id."""
    given = Arguments(body)
    known, taken = given.object("people_1"), given.image("people_2")
    if not given.mistakes.get("people_1") and known.has("id") == known.has("image"):
        given.mistakes["people_1"] = "Either id or image is required"
    people_id = known.text("id") if known.has("id") else ""
    image = known.image("image") if known.has("image") and not known.has("id") else ""
    source = known.text("source", default="") or given.text("source", default="")
    proof = _read_proof(given, known, frames="people_2_liveness")
    if people_id:
        gallery = "" if source == DEFAULT_SOURCE else source or None
        return Claim(people_id, gallery, read_image(taken), proof)
    return Pair(read_image(image), read_image(taken), proof)


def read_registration(body: Any) -> Registration:
    """`/register-face`; the later generation sends `meta_data` instead of `created_at` and liveness."""
    given = Arguments(body)
    later = isinstance(given.body.get("meta_data"), dict)
    people_id, image, source = given.text("people_id"), given.image("image"), read_source(given)
    created_at = given.text("created_at", default="" if later else None)
    proof = _read_proof(given, frames="liveness", asked=False if later else None)
    metadata: dict[str, Any] = {"created_at": created_at} if created_at else {}
    metadata |= {"meta_data": given.body["meta_data"]} if later else {}
    return Registration(people_id, source, read_image(image), metadata, proof)


def read_search(body: Any) -> tuple[bytes, str]:
    """`/search`: the image and the source."""
    given = Arguments(body)
    image, source = given.image("image"), read_source(given)
    given.check()
    return read_image(image), source


def read_batch(body: Any) -> Batch:
    """`/api/v2/search`. An image that cannot be read fails alone."""
    given = Arguments(body)
    source, items = read_source(given), given.entries("images")
    _limit(len(items))
    names = [item.text("image_id") for item in items]
    sources = [read_source(item, default=source) for item in items]
    given.check(*items)
    pairs = zip(items, sources, strict=True)
    return Batch(names, [SourcedImage(read_or_refuse(item, "image"), own) for item, own in pairs])


def read_removal(body: Any) -> tuple[str, str]:
    """`/remove`: the id and the source."""
    given = Arguments(body)
    people_id, source = given.text("people_id"), read_source(given)
    given.check()
    return people_id, source


def read_image_alone(body: Any) -> bytes:
    """`/face-detect` and `/api/v2/anti-spoof`."""
    given = Arguments(body)
    text = given.image("image")
    given.check()
    return read_image(text)


def read_commands(body: Any) -> tuple[bytes, list[tuple[str, list[bytes]]]]:
    """`/face-live`: the image, and for each command its name and the frames that are to show it."""
    given = Arguments(body)
    image, items = given.image("image"), given.entries("cmds")
    names, texts = [item.text("action") for item in items], [item.images("images") for item in items]
    for item, name in zip(items, names, strict=True):
        if name and name.upper() not in COMMANDS:
            item.mistakes["action"] = f"One of {', '.join(COMMANDS)} is required"
    given.check(*items)
    _limit(sum(map(len, texts)))
    frames = [[read_image(text) for text in of_one] for of_one in texts]
    return read_image(image), list(zip(names, frames, strict=True))


def read_source(given: Arguments, *, default: str = "") -> str:
    """The name of a gallery; empty for the default one."""
    source = given.text("source", default=default)
    return "" if source == DEFAULT_SOURCE else source


def _read_proof(given: Arguments, *inner: Arguments, frames: str, asked: bool | None = None) -> Proof:
    """Frames and token, after every argument has been looked at."""
    wanted, texts = given.flag("is_live_check", default=asked), given.images(frames)
    token, subject = given.text("liveness_token", default=""), given.text("liveness_subject", default="")
    given.check(*inner)
    _limit(len(texts))
    if wanted and not (texts or token):
        raise FramesMissing(f"A liveness check needs images in {frames}, or a liveness_token.")
    images = [read_image(text) for text in texts]
    return Proof(images, token, asked=wanted, min_frames=settings.EKYC_MIN_FRAMES, subject=subject)


def _limit(count: int) -> None:
    if count > settings.MAX_BATCH_IMAGES:
        raise BatchTooLarge(f"{count} images in one call; at most {settings.MAX_BATCH_IMAGES} are taken.")


# ---- answers ----------------------------------------------------------------------------------------------------
def write_comparison(result: LiveComparison) -> dict[str, Any]:
    return {
        **SUCCESS,
        "compare_result": "MATCH" if is_match(result.comparison) else "DO_NOT_MATCH",
        "similator_percent": score_of(result.comparison),
        "feature_vector": [],
        "is_live": result.is_live,
        "liveness_reasons": list(result.reasons),
    }


def write_person(people_id: str, source: str, **more: Any) -> dict[str, Any]:
    return {**SUCCESS, "_id": people_id, "people_id": people_id, "source": source, **more}


def write_registration(person: Person) -> dict[str, Any]:
    return write_person(
        person.external_id or "",
        person.gallery.name,
        created_at=person.metadata.get("created_at", ""),
        meta_data=person.metadata.get("meta_data", {}),
    )


def write_search(face: SearchedFace) -> dict[str, Any]:
    """Raises `NotRecognisable`, which this API takes for an image without a face."""
    if face.face:
        recognisable(face.face)
    return {**SUCCESS, "data": write_hits(face.candidates)}


def write_batch(names: Sequence[str], results: Sequence[SearchedFace | Refusal]) -> dict[str, Any]:
    return {**SUCCESS, "data": [write_item(name, result) for name, result in zip(names, results, strict=True)]}


def write_item(name: str, result: SearchedFace | Refusal) -> dict[str, Any]:
    """One image of several; it has an `error` only if it failed."""
    if isinstance(result, Refusal):
        text = result.message if result.code in NO_FACE else UNREADABLE
        return {"image_id": name, "match_faces": [], "message": text, "error": text}
    return {"image_id": name, "match_faces": write_hits(result.candidates), "message": ""}


def write_hits(candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
    """Those that match, best first."""
    return [write_hit(hit) for hit in candidates if is_match(hit.comparison)]


def is_match(comparison: Comparison) -> bool:
    """Decided so, and by a score that callers take for a match."""
    return comparison.matches and score_of(comparison) >= LEAST


def score_of(comparison: Comparison) -> float:
    return round(comparison.similarity or 0.0, DIGITS)


def write_hit(candidate: Candidate) -> dict[str, Any]:
    """People who were enrolled elsewhere get the second of their enrolment as `created_at`."""
    person = candidate.person
    return {
        "_id": person.external_id or "",
        "people_id": person.external_id or "",
        "created_at": person.metadata.get("created_at") or str(int(person.created_at.timestamp())),
        "source": person.gallery.name,
        "score": score_of(candidate.comparison),
        "meta_data": person.metadata.get("meta_data", {}),
    }


def write_detection(faces: Sequence[DetectedFace]) -> dict[str, Any]:
    """`data` lists the faces from left to right; it may be empty."""
    return {**SUCCESS, "data": [{**vars(face.box), "confidence": face.confidence} for face in faces]}


def write_passive(result: PassiveResult) -> dict[str, Any]:
    return {**SUCCESS, "fake_prob": result.fake_prob, "is_fake": result.is_fake}


def write_commands(results: Sequence[tuple[str, ActionResult]]) -> dict[str, Any]:
    """`similar`: whether the frames show the person of the image."""
    answers = [{"cmd": name, "pass_action": one.is_shown, "similar": one.same_person} for name, one in results]
    return {**SUCCESS, "cmds": answers}


def write_failure(status: str, error: Exception, text: str) -> dict[str, Any]:
    """`message` names the arguments where they are wrong; `code` is this service's own."""
    message: Any = error.fields if isinstance(error, BadArguments) else text
    return {"status": status, "msg": text, "message": message}
