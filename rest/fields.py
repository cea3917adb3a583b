"""Serializer fields that several apps use."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty

from errors import InvalidInput
from vision import images
from vision.types import Upload

FILE_LIST = {"template": "api/form/file_list.html"}  # how the browsable API shows a list of files


class UploadField(serializers.FileField):
    """A file part, read whole: the size of requests is limited earlier, and empty files are refused later."""

    def to_internal_value(self, data: Any) -> Upload:  # type: ignore[override]
        if not isinstance(data, UploadedFile):
            self.fail("invalid")
        return Upload(data.read(), data.name or "")


@extend_schema_field(OpenApiTypes.STR)
class ImageField(serializers.Field):  # type: ignore[type-arg]
    """An image as text (base64, data URL; URL and server path where they are allowed) or as a file part."""

    default_error_messages = {"invalid": "An image is text (base64 or a data URL) or an uploaded file."}

    def to_internal_value(self, data: Any) -> str | Upload:
        if isinstance(data, UploadedFile):
            return Upload(data.read(), data.name or "")
        if not isinstance(data, str):
            self.fail("invalid")
        return str(data)

    def to_representation(self, value: Any) -> Any:
        return value


class OptionalBoolean(serializers.BooleanField):
    """A boolean that a form may leave out; DRF would read that as false."""

    default_empty_html = empty


class DistanceField(serializers.FloatField):
    """A finite number. `true` is refused: Python reads it as 1, a distance at which strangers match."""

    default_error_messages = {"finite": "A finite number is required."}

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool):
            self.fail("invalid")
        value: float = super().to_internal_value(data)
        if not math.isfinite(value):
            self.fail("finite")
        return value


class FiniteField(serializers.FloatField):
    """A number for an answer; null if it is not finite, which JSON cannot express."""

    def to_representation(self, value: Any) -> float | None:  # type: ignore[override]
        return round(float(value), 6) if math.isfinite(value) else None


class RateField(serializers.FloatField):
    """A share for an answer, to three digits; null if it is not known."""

    def to_representation(self, value: Any) -> float | None:  # type: ignore[override]
        return float(f"{value:.3g}") if math.isfinite(value) else None


class TextOrNull(serializers.CharField):
    """A text for an answer; null when it is empty."""

    def __init__(self, **options: Any) -> None:
        super().__init__(read_only=True, allow_null=True, **options)

    def to_representation(self, value: Any) -> str | None:  # type: ignore[override]
        return super().to_representation(value) or None


def upload_of(image: str | Upload, *, patience: float | None = None) -> Upload:
    """The value of an `ImageField` with its bytes read. Raises `InvalidImage`."""
    return image if isinstance(image, Upload) else Upload(images.read_text(image, patience=patience))


def read_all(values: Iterable[str | Upload]) -> list[bytes | InvalidInput]:
    """The bytes of several images, or why one cannot be read. Those to fetch share the time that a caller waits."""
    deadline = time.monotonic() + settings.FACEAPP_WAIT_SECONDS
    read: list[bytes | InvalidInput] = []
    for value in values:
        try:
            read.append(upload_of(value, patience=deadline - time.monotonic()).data)
        except InvalidInput as error:
            read.append(error)
    return read
