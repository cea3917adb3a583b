"""How forms are read and answers written. Every answer has the keys of both generations of the older service."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from compat.facehash import services
from compat.facehash.forms import Form
from compat.facehash.services import Outcome
from people.types import BatchEnrolment

NOT_FOUND = "NOT FOUND"
RECOGNISED = "Face recognized successfully."
OTHER_PERSON = "Face not recognized"
NO_FACE = "Face not detected."
NO_FACE_HINT = "Make sure that the face looks into the camera, is well lit and fills a good part of the picture."
TRAINED = "Model trained successfully."
BAD_KEY = "API_KEY is invalid!"
UNRECOGNISED: dict[str, Any] = {"foundFlag": 0, "foundFace": NOT_FOUND}
UNTRAINED: dict[str, Any] = {"trainingSuccess": 0}


def read_pictures(form: Form) -> list[bytes]:
    """The field `picture`: the picture, and frames of the same recording if there are more. Raises `FieldMissing`."""
    pictures = form.images.get("picture", [])
    services.require(pictures, "picture")
    return pictures


def read_stream(form: Form) -> list[bytes]:
    """The field `stream`, which may hold no image at all. Raises `FieldMissing`."""
    services.require("stream" in form.images, "stream")
    return form.images["stream"]


def read_user(form: Form) -> str:
    """The field `userName`. Raises `FieldMissing`."""
    user = form.texts.get("userName", "")
    services.require(user, "userName")
    return user


def write_outcome(outcome: Outcome, seconds: float) -> dict[str, Any]:
    if not outcome.faces:
        return UNRECOGNISED | failure(NO_FACE) | {"possibleSolution": NO_FACE_HINT}
    time = {"detectionTime": f"{seconds:.3f}"}
    if outcome.found is None or outcome.found.person is None:
        return UNRECOGNISED | failure(OTHER_PERSON) | time
    percentage = f"{100 * (outcome.found.similarity or 0.0):.2f}"
    return (
        {"foundFlag": 1, "foundFace": outcome.found.person.external_id or str(outcome.found.person)}
        | success(RECOGNISED)
        | {"confidencePercentage": percentage}
        | time
    )


def write_learned(done: BatchEnrolment) -> dict[str, Any]:
    if done.person is not None:
        return {"trainingSuccess": 1} | success(TRAINED)
    total, fewest = done.usable + len(done.refusals), max(settings.FACEHASH_MIN_IMAGES, 1)
    return UNTRAINED | failure(
        f"{done.usable} of {total} photos show exactly one face that can be used; {fewest} at least are needed. "
        "Take more photos, alone, looking into the camera, in good light."
    )


def success(text: str) -> dict[str, Any]:
    return {"responseType": "SUCCESS", "successDescription": text}


def failure(text: str) -> dict[str, Any]:
    return {"responseType": "FAILURE", "failureDescription": text}


def error(text: str) -> dict[str, Any]:
    return {"responseType": "ERROR", "errorDescription": text}
