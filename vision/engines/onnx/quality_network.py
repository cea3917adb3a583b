"""The network behind recognisability: `fr512`, whatever model describes the face."""

from __future__ import annotations

from vision.engines import weights
from vision.engines.onnx.recognisers import Recogniser
from vision.engines.weights import WeightFile

NAME = "fr512"


def files() -> tuple[WeightFile, ...]:
    """The weights that this needs; none where their licence is not permitted."""
    from vision.engines import licences  # the cards read what every engine needs

    return licences.permitted_files(NAME)


def in_place() -> bool:
    """Whether its file is in place and the deployment permits its licence. Reads no file."""
    return bool(files()) and not weights.missing(files())


def load() -> Recogniser:
    """The network. Raises `EngineUnavailable`."""
    weights.verify(files())
    return Recogniser(NAME)
