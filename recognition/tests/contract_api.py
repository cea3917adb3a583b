"""The running service as a client of it sees it, for contract tests.

S1 and S2 show one person, V another, M three people, N nobody, and X is no image.
"""

from __future__ import annotations

import base64
from typing import Any

import requests

from faceapp.tests.live_stack import LiveStack

RECORD = {"name", "reason", "id", "added_date", "reference_image_dir"}
RESULT = {
    "image_path_or_identifier", "faces", "error", "db_id", "saved_image_path", "processing_timestamp",
    "has_blacklist_match", "cropped_face_path",
}  # fmt: skip
MATCH = {
    "identity", "target_x", "target_y", "target_w", "target_h", "source_x", "source_y", "source_w", "source_h",
    "threshold", "distance", "aws_similarity", "aws_face_id", "model", "detector_backend", "similarity_metric",
}  # fmt: skip
AREA = {"x", "y", "w", "h", "left_eye", "right_eye", "nose", "mouth_left", "mouth_right"}
X = b"this is not an image"


PHOTOGRAPHS = {
    "S1": "obama_2_rgba.png",
    "S2": "obama_1.jpg",
    "V": "rose_2.jpg",
    "jpeg": "obama_3.jpg",
    "small": "obama_240p.jpg",
}


class Api:
    """A client of its own on the running service."""

    def __init__(self, live: LiveStack, key: str) -> None:
        self.live, self.key = live, key

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"X-API-Key": self.key} | options.pop("headers", {})
        return requests.request(
            method, self.live.url + path, headers=headers, timeout=120, allow_redirects=False, **options
        )

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.call("GET", path, **options)

    def enlist(self, name: str, *images: Any, reason: str | None = None) -> requests.Response:
        fields = {"name": name} | ({"reason": reason} if reason is not None else {})
        return self.call("POST", "/api/v1/blacklist/", data=fields, files=parts(*images))

    def add(self, entry: Any, *images: Any) -> requests.Response:
        return self.call("POST", f"/api/v1/blacklist/{entry}/images", files=parts(*images))

    def process(self, *images: Any, **fields: Any) -> requests.Response:
        body = {"images": [data_url(image) if isinstance(image, bytes) else image for image in images]} | fields
        return self.call("POST", "/api/v1/process/process-images", json=body)

    def detect(self, image: Any, **fields: Any) -> requests.Response:
        text = data_url(image) if isinstance(image, bytes) else image
        return self.call("POST", "/api/v1/detect/detect-face", json={"image": text} | fields)


def parts(*images: Any) -> list[tuple[str, tuple[str, bytes, str]]]:
    """Multipart `images`; bytes alone are declared a JPEG named photo.jpg."""
    return [("images", image if isinstance(image, tuple) else ("photo.jpg", image, "image/jpeg")) for image in images]


def data_url(data: bytes, kind: str = "jpeg") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
