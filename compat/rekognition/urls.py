"""Rekognition has one path, `/`, and tells its operations apart by a header."""

from django.http import HttpRequest
from django.urls import path

from compat.dialect import Claimed, Dialect
from compat.rekognition.views import SERVICE, TARGET, RekognitionView


def is_for_rekognition(request: HttpRequest) -> bool:
    """Whether the call names an operation of Rekognition, offered or not."""
    return request.method == "POST" and request.headers.get(TARGET, "").startswith(SERVICE)


dialect = Dialect(
    page="docs/rekognition.md",
    prefixes=("rekognition/", ""),
    routes=[path("", Claimed(is_for_rekognition, RekognitionView.as_view()), name="rekognition-root")],
)
