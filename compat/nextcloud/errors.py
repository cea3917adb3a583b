"""Which status each refusal has for the app: it looks at nothing else. The body is the service's own."""

from __future__ import annotations

from rest_framework import exceptions

from compat.refusals import Refusal

REFUSALS = (
    Refusal(("nextcloud.area_too_large", "image.too_many_pixels", "image.too_costly"), 412),
    Refusal(("image.too_large",), 413),
    Refusal(("image.not_an_image", "image.unsupported_format"), 415),
    Refusal(("image.truncated", "image.blank"), 422),
    Refusal((exceptions.ParseError,), 400),
)
