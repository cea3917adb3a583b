"""Sessions of the graphs that are built from dlib's files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from vision.engines import graphs, weights
from vision.engines.dlib_onnx import dat, networks
from vision.engines.dlib_onnx.dat import DatError, Network
from vision.engines.weights import WeightFile
from vision.exceptions import EngineUnavailable


def network(file: WeightFile) -> Network:
    """The parsed file, if it is the pinned one. Raises `EngineUnavailable` when it is missing, damaged or unknown."""
    weights.verify([file])
    with _weights_errors(file):
        return dat.read(file.path)


def session(file: WeightFile, build: Callable[[Network], bytes], *, arena: bool = True) -> Any:
    """A session of the graph that `build` makes of `file`. Raises `EngineUnavailable`."""

    def graph() -> bytes:
        parsed = network(file)
        with _weights_errors(file):
            return build(parsed)

    return graphs.session(f"{build.__name__}.{file.sha256[:16]}.v{networks.VERSION}", graph, arena=arena)


@contextmanager
def _weights_errors(file: WeightFile) -> Iterator[None]:
    """Turn errors of a file into `EngineUnavailable`, which names the file but not its folder."""
    try:
        yield
    except DatError as error:
        raise EngineUnavailable(f"{file.name} cannot be used: {error}.", code="engine.weights_broken") from error
    except OSError as error:
        raise EngineUnavailable(f"{file.name} cannot be read.", code="engine.weights_broken") from error
