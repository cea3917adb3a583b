"""Keeps uploads out of the file system: a photograph exists in memory only, for the length of the request."""

from __future__ import annotations

from typing import IO, Any

from django.core.files.uploadhandler import MemoryFileUploadHandler


class MemoryUploadHandler(MemoryFileUploadHandler):
    """Django's, without a size beyond which files are written to disk; the size of requests is limited elsewhere."""

    def handle_raw_input(self, input_data: IO[bytes], META: Any, content_length: int, *rest: Any) -> None:  # noqa: N803
        self.activated = True
