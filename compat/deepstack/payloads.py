"""How forms are read and answers written: with the members of DeepStack and those of CodeProject.AI."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from rest_framework.request import Request

from compat.deepstack.exceptions import BadConfidence, BadUser, NoImage
from compat.deepstack.services import UNKNOWN, Known
from compat.similarity import decided_similarity
from vision import images
from vision.types import Box, DetectedFace, Upload

NO_FILE = "No valid image file found"
FEW_FILES, MANY_FILES = "expected two image files, only one found", "only two images allowed"
NO_USER = "userid not specified"
NO_FACE = "No face found in image"


def read_images(request: Request) -> list[Upload]:
    """Every file, whatever its field is called, or else base64 in fields that are called image…; never what a text
    names. Raises `NoImage` or `InvalidImage`.
    """
    files = [file for name in request.FILES for file in request.FILES.getlist(name) if isinstance(file, UploadedFile)]
    found = [Upload(file.read(), file.name or "") for file in files]
    if not found and hasattr(request.data, "items"):
        texts = [text for name, text in request.data.items() if name.startswith("image") and isinstance(text, str)]
        found = [Upload(images.read_text(text, references=False)) for text in texts if text]
    if not found:
        raise NoImage(NO_FILE)
    return found


def read_image(request: Request) -> bytes:
    """The field `image`, or the only one. Raises `NoImage` or `InvalidImage`."""
    return read_images(request)[0].data


def read_pair(request: Request) -> tuple[bytes, bytes]:
    """Raises `NoImage` for any other number of images."""
    found = read_images(request)
    if len(found) != 2:
        raise NoImage(FEW_FILES if len(found) < 2 else MANY_FILES)
    return found[0].data, found[1].data


def read_user(request: Request) -> str:
    """Raises `BadUser`."""
    form = request.data if hasattr(request.data, "get") else {}
    user = str(form.get("userid") or "").strip()
    if not user:
        raise BadUser(NO_USER)
    return user


def read_confidence(request: Request) -> float:
    """0 where none is asked for. Raises `BadConfidence`."""
    form = request.data if hasattr(request.data, "get") else {}
    text = str(form.get("min_confidence") or "").strip()
    try:
        value = float(text or 0)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise BadConfidence("Invalid value for min_confidence")
    if value > 1:
        raise BadConfidence("min_confidence cannot be greater than 1")
    return value


def write_faces(faces: Sequence[DetectedFace]) -> dict[str, Any]:
    return _predictions([{"confidence": round(face.confidence, 5)} | _box(face.box) for face in faces])


def write_known(found: Sequence[Known], *, least: float) -> dict[str, Any]:
    """Whoever is known with less confidence than the caller asks for is unknown, as strangers are."""
    predictions = []
    for one in found:
        confidence = decided_similarity(one.comparison) if one.comparison else 0.0
        is_named = one.comparison is not None and confidence >= least
        who = {"confidence": confidence, "userid": one.user} if is_named else {"confidence": 0, "userid": UNKNOWN}
        predictions.append(who | _box(one.box))
    return _predictions(predictions)


def _predictions(predictions: list[dict[str, Any]]) -> dict[str, Any]:
    count = len(predictions)
    message = {0: NO_FACE, 1: "Found 1 face"}.get(count, f"Found {count} faces")
    return {"predictions": predictions, "count": count, "message": message}


def _box(box: Box) -> dict[str, int]:
    """Within the image on the left and above, as DeepStack cuts it."""
    return {
        "x_min": max(box.x, 0), "y_min": max(box.y, 0), "x_max": max(box.x + box.w, 0), "y_max": max(box.y + box.h, 0),
    }  # fmt: skip
