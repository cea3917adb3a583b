"""Image values of the liveness endpoints: base64, a data URL, or a file part. URLs and paths are refused."""

from __future__ import annotations

from typing import Any

from rest.fields import ImageField
from vision import images
from vision.types import Upload


class CameraImageField(ImageField):
    """The encoded bytes of an image. Raises `InvalidImage` for text that is not an image."""

    def to_internal_value(self, data: Any) -> bytes:  # type: ignore[override]
        image = super().to_internal_value(data)
        return image.data if isinstance(image, Upload) else images.read_text(image, references=False)
