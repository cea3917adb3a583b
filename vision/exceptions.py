"""What can go wrong with pictures and engines. Codes are stable and documented in docs/errors.md."""

from errors import InvalidInput, Unavailable, Unprocessable


class InvalidImage(InvalidInput):
    """The bytes or the reference cannot be used as an image; `code` says why (`image.*`)."""

    code = "image.invalid"


class UnknownName(Unprocessable):
    """A detector, model or metric that does not exist (`engine.unknown`) or is not enabled here (`engine.disabled`)."""

    code = "engine.unknown"


class EngineUnavailable(Unavailable):
    """No worker answered in time (`engine.timeout`), or weights are missing (`engine.weights_missing`)."""

    code = "engine.unavailable"


class UnusableFace(InvalidInput):
    """The image shows no face (`face.none`), or several where exactly one is needed (`face.several`)."""

    code = "face.none"
