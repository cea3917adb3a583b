"""What API calls that take images have in common."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from rest.fields import FILE_LIST, ImageField
from work.submissions import read_submissions
from work.types import Submission


class ImageList(serializers.Serializer):  # type: ignore[type-arg]
    """Images of a call."""

    images: Any = serializers.ListField(child=ImageField(), style=FILE_LIST, help_text="Text forms or file parts.")

    def submissions(self) -> list[Submission]:
        """Raises `NoImages` or `TooManyImages` before any image is fetched."""
        return read_submissions(self.validated_data["images"])
