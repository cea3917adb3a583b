"""Keeps the ONNX graphs that are built from weight files, so that worker children need not build them again."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings

from vision.engines import runtime

logger = logging.getLogger(__name__)


def folder() -> Path:
    """Where graphs are kept; it can be deleted at any time."""
    return Path(settings.VAR) / "cache" / "onnx"


def session(stem: str, build: Callable[[], bytes], *, arena: bool = True) -> Any:
    """A session of the kept graph called `stem`, or of what `build` makes.

    `stem` names the graph, the files that it was built from and the version of the code that builds it.
    """
    graph = kept(stem)
    if graph is None:
        graph = build()
        keep(stem, graph)
    return runtime.open_session(graph, arena=arena)


def kept(stem: str) -> bytes | None:
    """The kept graph, if its bytes have the hash in its name."""
    for path in sorted(folder().glob(f"{stem}.*.onnx")):
        graph = path.read_bytes()
        if path.name == _name(stem, graph):
            return graph
        logger.warning("A kept graph was damaged and is rebuilt: %s", stem)
        path.unlink(missing_ok=True)
    return None


def keep(stem: str, graph: bytes) -> None:
    """Write in one step, because several worker children start at once. If that fails, each builds its own."""
    path = folder() / _name(stem, graph)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(graph)
        draft.replace(path)
    except OSError as error:
        logger.warning("Graphs cannot be kept (%s); they are built at every start.", error.strerror)


def _name(stem: str, graph: bytes) -> str:
    return f"{stem}.{hashlib.sha256(graph).hexdigest()[:16]}.onnx"
