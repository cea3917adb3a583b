"""What is counted: each family with its labels, none of which can take an unlimited number of values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """A counter or, with `buckets` (upper bounds in seconds), a histogram. `name` has no suffix."""

    name: str
    help: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...] = ()


REQUESTS = Family("faceapp_http_requests", "Answered requests.", ("route", "method", "status"))
REQUEST_SECONDS = Family(
    "faceapp_http_request_duration_seconds",
    "Time from a request to its answer in the web process.",
    ("route",),
    (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
IMAGES = Family("faceapp_images", "Images that workers analysed: ok, refused (the image) or failed.", ("outcome",))
IMAGE_SECONDS = Family(
    "faceapp_image_duration_seconds",
    "Time in the worker for each image: find (decode and detect), describe (embeddings and more of its faces), or dlib "
    "(both, for Nextcloud).",
    ("stage",),
    (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
FAMILIES = {family.name: family for family in (REQUESTS, REQUEST_SECONDS, IMAGES, IMAGE_SECONDS)}
