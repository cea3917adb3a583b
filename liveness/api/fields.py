"""Image values of the liveness endpoints: base64, a data URL, or a file part. URLs and paths are no camera."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import UploadedFile
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from vision import images

FILE_LIST = {"template": "api/file_list.html"}  # how the browsable API shows a list of files


@extend_schema_field(OpenApiTypes.STR)
class CameraImageField(serializers.Field):  # type: ignore[type-arg]
    """The encoded bytes of an image. Raises `InvalidImage` for text that holds none."""

    default_error_messages = {"invalid": "An image is text (base64 or a data URL) or an uploaded file."}

    def to_internal_value(self, data: Any) -> bytes:
        if isinstance(data, UploadedFile):
            return bytes(data.read())
        if not isinstance(data, str):
            self.fail("invalid")
        return images.read_text(data, references=False)

    def to_representation(self, value: Any) -> Any:
        return value
