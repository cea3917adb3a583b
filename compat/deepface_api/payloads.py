"""How calls are read and answers written. Areas and eyes are whole pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework.request import Request

from calibration.types import Comparison
from compat.deepface_api.arguments import Arguments
from compat.deepface_api.services import Query, Searched
from people.services import ClosestPair, Described, Look
from people.types import Candidate
from vision.types import Analysis, DetectedFace, Point

DIGITS, FEW_DIGITS = 6, 2  # of distances; few for callers who may not read people
EVEN = 50.0  # the confidence at the threshold
BELOW = 49.99  # the highest confidence of a pair that does not match
WOMAN, MAN = "Woman", "Man"
Body = dict[str, Any]


# ---- calls ------------------------------------------------------------------------------------------------------
def read_arguments(request: Request) -> Arguments:
    data, files = request.data, request.FILES
    if not hasattr(data, "items"):
        return Arguments(is_empty=True)
    values = {name: value for name, value in data.items() if name not in files}
    return Arguments(values, dict(files.items()), is_empty=not (values or files))


def read_look(given: Arguments) -> Look:
    """Raises `BadValue`."""
    given.flag("align", default=True)  # faces are always aligned
    return Look(given.model(), given.detector(), given.whole(), living=given.flag("anti_spoofing", default=False))


def read_query(given: Arguments) -> Query:
    """Of a search. Raises `BadValue`."""
    return Query(
        look=read_look(given),
        metric=given.metric(),
        method=given.method(),
        most=given.count("k", default=5) or 5,
        anybody=given.flag("similarity_search", default=False),
    )


# ---- answers ----------------------------------------------------------------------------------------------------
def write_described(described: Described) -> Body:
    """`model_name` is not DeepFace's: it says whose numbers these are."""
    results = [{"embedding": face.embeddings[described.space].tolist()} | write_place(face) for face in described.faces]
    return {"results": results, "model_name": described.model}


def write_place(face: DetectedFace) -> Body:
    return {"face_confidence": round(face.confidence, 2), "facial_area": write_area(face)}


def write_area(face: DetectedFace) -> Body:
    """An image that counts as a face as a whole has the confidence 0, and is a pixel smaller than it is."""
    less = 0 if face.confidence else 1
    box, points = face.box, face.landmarks
    return {
        "x": box.x, "y": box.y, "w": box.w - less, "h": box.h - less,
        "left_eye": write_point(points.left_eye), "right_eye": write_point(points.right_eye),
    }  # fmt: skip


def write_point(point: Point | None) -> list[int] | None:
    return None if point is None else [round(value) for value in point]


def write_verification(pair: ClosestPair, seconds: float) -> Body:
    compared = pair.comparison
    return {
        "verified": compared.matches,
        "distance": round(pair.distance, DIGITS),
        "threshold": compared.threshold,
        "confidence": confidence_of(compared),
        "model": pair.model,
        "detector_backend": pair.detector or "skip",
        "similarity_metric": compared.point.metric,
        "facial_areas": {name: write_area(face) for name, face in zip(("img1", "img2"), pair.faces, strict=True)},
        "time": round(seconds, 2),
    }


def confidence_of(compared: Comparison) -> float:
    """0 to 100, and 50 at the threshold: linear in the similarity on both sides; below 50 exactly for no match."""
    point, similarity = compared.point, compared.similarity or 0.0
    least = point.similarity(point.threshold)
    if compared.matches:
        above = (similarity - least) / (1 - least) if least < 1 else 1.0
        return round(EVEN + (100 - EVEN) * min(max(above, 0.0), 1.0), 2)
    return round(min(BELOW, EVEN * similarity / least if least else 0.0), 2)


def write_guesses(analysis: Analysis, actions: Sequence[str]) -> Body:
    return {"results": [write_guess(face, actions) for face in analysis.faces]}


def write_guess(face: DetectedFace, actions: Sequence[str]) -> Body:
    """Without eyes nothing is guessed."""
    guessed, body = face.attributes, Body()
    if "age" in actions:
        body["age"] = guessed.age if guessed else None
    if "gender" in actions:
        sure = guessed.gender_confidence if guessed else 0.5
        woman = 100 * (sure if guessed and guessed.gender == "female" else 1 - sure)
        body["gender"] = {WOMAN: round(woman, 2), MAN: round(100 - woman, 2)} if guessed else None
        body["dominant_gender"] = (WOMAN if guessed.gender == "female" else MAN) if guessed else None
    return body | {"region": write_area(face), "face_confidence": round(face.confidence, 2)}


def write_search(found: Searched, *, may_read: bool) -> Body:
    """For each face of the image its hits, closest first."""
    digits = DIGITS if may_read else FEW_DIGITS
    return {"results": [[write_hit(found, face, hit, digits) for hit in hits] for face, hits in found.faces]}


def write_hit(found: Searched, face: DetectedFace, hit: Candidate, digits: int) -> Body:
    """`id` is the number of the photograph, `target` the face that was searched for."""
    area = write_area(face)
    return {
        "id": hit.reference_image.number,
        "img_name": found.names[hit.reference_image.pk],
        "model_name": found.model,
        "detector_backend": found.detector or "skip",
        "aligned": True,
        "l2_normalized": False,
        "search_method": found.method,
        **{f"target_{side}": area[side] for side in ("x", "y", "w", "h")},
        "threshold": hit.comparison.threshold,
        "distance_metric": hit.comparison.point.metric,
        "distance": round(hit.comparison.distance or 0.0, digits),
        "confidence": round(confidence_of(hit.comparison), digits if digits == FEW_DIGITS else 2),
    }
