"""Results in the form that the older service had with Amazon Rekognition: one face for each image (`AWS_RESULTS`).

Its area is a part of the image, 0 to 1, and is that of the first match; the matches of all faces are its own.
"""

from __future__ import annotations

from typing import Any

from recognition.models import ProcessedImage

MOST = 5  # matches
SIDES = {"x": "width", "y": "height", "w": "width", "h": "height"}
WITHOUT = ("model", "detector_backend", "similarity_metric")  # of matches


def combined(image: ProcessedImage, result: dict[str, Any]) -> dict[str, Any]:
    """`result`, with one face in the place of all; with none if no face was found."""
    pairs = [(match, face) for face in result["faces"] for match in face["blacklist_matches"]]
    pairs = sorted(pairs, key=lambda pair: pair[0]["distance"])[:MOST]
    faces = [pairs[0][1]] if pairs else result["faces"][:1]
    return result | {
        "faces": [
            face
            | {
                "face_index": 0,
                "confidence": None,
                "facial_area": _part(image, face["facial_area"]),
                "blacklist_matches": [_match(image, match) for match, _ in pairs],
            }
            for face in faces
        ]
    }


def _part(image: ProcessedImage, area: dict[str, Any]) -> dict[str, Any]:
    """Without points, which Rekognition does not give with matches."""
    sides = {name: area[name] / (getattr(image, side) or 1) for name, side in SIDES.items()}
    return dict.fromkeys(area) | sides


def _match(image: ProcessedImage, match: dict[str, Any]) -> dict[str, Any]:
    source = {f"source_{name}": match[f"source_{name}"] / (getattr(image, side) or 1) for name, side in SIDES.items()}
    identity = f"aws_rekognition_external_id:{match['entry_id']}"
    return match | source | dict.fromkeys(WITHOUT) | {"identity": identity}
