"""What API calls that take images have in common."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from rest.fields import FILE_LIST, ImageField
from work.submissions import check_batch_size, read_submissions
from work.types import Submission


class ImageList(serializers.Serializer):  # type: ignore[type-arg]
    """Images of a call."""

    images: Any = serializers.ListField(child=ImageField(), style=FILE_LIST, help_text="Text forms or file parts.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Raises `NoImages` or `TooManyImages`: before any image is fetched."""
        check_batch_size(len(attrs["images"]))
        return attrs

    def submissions(self) -> list[Submission]:
        return read_submissions(self.validated_data["images"])
