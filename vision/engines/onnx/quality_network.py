"""The network behind recognisability: `fr512`, whatever model describes the face."""

from __future__ import annotations

from vision.engines import weights
from vision.engines.onnx.recognisers import Recogniser


def in_place() -> bool:
    """Whether its file is in place and the deployment permits its licence. Reads no file."""
    from vision.engines import cards, licences  # the cards read what every engine needs

    [card] = [card for card in cards.NATIVE if card.name == "fr512"]
    return licences.is_permitted(card) and not weights.missing([weights.FR_FEATURE])


def load() -> Recogniser:
    """The network. Raises `EngineUnavailable`."""
    weights.verify([weights.FR_FEATURE])
    return Recogniser("fr512")
