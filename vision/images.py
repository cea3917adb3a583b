"""The one door for images. TEMPORARY minimal version."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image as PIL, ImageOps

from vision.exceptions import InvalidImage
from vision.types import Image


def decode(data: bytes) -> Image:
    try:
        with PIL.open(io.BytesIO(data)) as picture:
            return np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
    except Exception as error:
        raise InvalidImage("This is not an image.", code="image.invalid") from error
