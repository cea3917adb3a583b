"""Serializer fields that several apps use."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import UploadedFile
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty

from people.types import Upload

FILE_LIST = {"template": "api/file_list.html"}  # how the browsable API shows a list of files


class UploadField(serializers.FileField):
    """A file part, read whole; the size of a request is capped before. Empty files are refused later, by content."""

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
