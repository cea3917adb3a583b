"""Keeps the ONNX graphs built from dlib's files, so that worker children need not build them again."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings

from vision.engines import runtime, weights
from vision.engines.dlib_onnx import dat, networks
from vision.engines.dlib_onnx.dat import DatError, Network
from vision.engines.weights import WeightFile
from vision.exceptions import EngineUnavailable

Build = Callable[[Network], bytes]
logger = logging.getLogger(__name__)


def folder() -> Path:
    """Where graphs are kept; it can be deleted at any time."""
    return Path(settings.VAR) / "cache" / "onnx"


def network(file: WeightFile) -> Network:
    """The parsed file, if it is the pinned one. Raises `EngineUnavailable` when it is missing, damaged or unknown."""
    weights.verify([file])
    with _weights_errors(file):
        return dat.read(file.path)


def session(file: WeightFile, build: Build, *, arena: bool = True) -> Any:
    """A session of the graph that `build` makes of `file`: the kept one, or a new one. Raises `EngineUnavailable`."""
    stem = f"{build.__name__}.{file.sha256[:16]}.v{networks.VERSION}"
    graph = _kept(stem)
    if graph is None:
        parsed = network(file)
        with _weights_errors(file):
            graph = build(parsed)
        _keep(stem, graph)
    return runtime.open_session(graph, arena=arena)


@contextmanager
def _weights_errors(file: WeightFile) -> Iterator[None]:
    """Turn errors of a file into `EngineUnavailable`, which names the file but not its folder."""
    try:
        yield
    except DatError as error:
        raise EngineUnavailable(f"{file.name} cannot be used: {error}.", code="engine.weights_broken") from error
    except OSError as error:
        raise EngineUnavailable(f"{file.name} cannot be read.", code="engine.weights_broken") from error


def _kept(stem: str) -> bytes | None:
    """The kept graph, if its bytes have the hash in its name."""
    for path in sorted(folder().glob(f"{stem}.*.onnx")):
        graph = path.read_bytes()
        if path.name == _name(stem, graph):
            return graph
        logger.warning("A kept graph was damaged and is rebuilt: %s", stem)
        path.unlink(missing_ok=True)
    return None


def _keep(stem: str, graph: bytes) -> None:
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
