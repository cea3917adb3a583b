"""Errors of calls to this API. Codes are stable and documented in docs/errors.md."""

from __future__ import annotations

from collections.abc import Mapping

from errors import InvalidInput


class BadArguments(InvalidInput):
    """Arguments that are missing or of the wrong type; `fields` says which and why."""

    code = "ekyc.bad_arguments"

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(" ".join(f"{name}: {text}" for name, text in fields.items()))
        self.fields = dict(fields)


class FramesMissing(InvalidInput):
    """A liveness check was asked for without frames or a token."""

    code = "ekyc.frames_missing"


class BatchTooLarge(InvalidInput):
    """More images in one call than `FACEAPP_MAX_BATCH_IMAGES`."""

    code = "ekyc.too_many_images"
