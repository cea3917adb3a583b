"""What can go wrong with images and engines. Codes are stable and documented in docs/errors.md."""

from errors import Busy, InvalidInput, Unavailable, Unprocessable

FORMATS = "JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC or AVIF"

# The message of every code, which tells the caller what to do. It never repeats what was sent: no URL, no path, no file
# name, no data.
IMAGE_ERRORS = {
    "image.empty": "The image is empty. Send the bytes of an image file.",
    "image.too_large": "The image is larger than {limit} bytes. Send a smaller file.",
    "image.too_many_pixels": "The image has more than {limit} pixels, or a side over {side} pixels. Scale it down.",
    "image.blank": "The file is much too small for its number of pixels. Send the photograph itself, or scale it down.",
    "image.too_costly": "The image needs more memory than this service may use. Scale it down, or save it as JPEG.",
    "image.not_an_image": f"This is not an image. Send a {FORMATS} file, or its bytes as base64 or as a data URL.",
    "image.unsupported_format": f"This kind of file is not supported. Send {FORMATS}.",
    "image.truncated": "The image file is damaged or incomplete. Send the whole file again.",
    "image.bad_base64": "The base64 text is damaged or cut off. Encode the whole file again.",
    "image.url_disabled": "This service fetches no images from URLs. Send the image itself, as base64 or as an upload.",
    "image.url_refused": "Images are not fetched from this URL, only from the hosts that the administrator allowed. "
    "Send the image itself, as base64 or as an upload.",
    "image.url_unreachable": "The URL did not deliver a file. Check the link, or send the image itself.",
    "image.url_timeout": "The URL did not deliver the whole file within {limit:g} seconds. Send the image itself.",
    "image.reference_refused": "This caller may not name images by URL or path: its key lacks the scope 'references'. "
    "Send the image itself, as base64 or as an upload.",
    "image.path_disabled": "This service reads no files by name. Send the image itself, as base64 or as an upload.",
    "image.path_refused": "There is no file of this name that the service may read. "
    "Name a file below the import folder, or send the image itself.",
}

REASONS = {  # why a face cannot be recognised; see `vision.quality`
    "cut": "cut off at the border of the photograph",
    "turned": "turned away or tilted",
    "small": "too small",
    "dark": "too dark",
    "blurred": "blurred",
    "unclear": "covered or unclear",
}
NOT_RECOGNISABLE_HINT = "Use a sharp, well lit photograph of the whole face, looking into the camera."


class InvalidImage(InvalidInput):
    """The bytes or the reference cannot be used as an image; `code` says why (`image.*`)."""

    code = "image.invalid"


class UnknownName(Unprocessable):
    """A detector, model or metric that does not exist (`engine.unknown`) or is not enabled here (`engine.disabled`)."""

    code = "engine.unknown"


class EngineUnavailable(Unavailable):
    """No worker answered in time (`engine.timeout`), or weights are missing (`engine.weights_missing`)."""

    code = "engine.unavailable"


class EmbedderUnavailable(Unavailable):
    """No server that runs a network gave an answer that can be used (`engine.serving_*`); work is tried again.

    What the server wrote may repeat the image, and is in no message and no log.
    """

    code = "engine.serving_away"


class TooManyWaiting(Busy):
    """As many calls of the client wait for workers as may do so at the same time."""

    code = "rate.too_many_waiting"


class TooManyBytes(Busy):
    """The images of the client that wait for workers take as much room as they may."""

    code = "rate.too_many_bytes"


class UnusableFace(InvalidInput):
    """The image shows no face (`face.none`), or several where exactly one is needed (`face.several`)."""

    code = "face.none"


class NotRecognisable(UnusableFace):
    """The face does not show enough to be recognised; `reason` is a code of `vision.quality`, such as `blurred`."""

    code = "face.not_recognisable"

    def __init__(self, reason: str | None) -> None:
        self.reason = reason or "unclear"
        super().__init__(f"The face cannot be recognised: it is {REASONS[self.reason]}. {NOT_RECOGNISABLE_HINT}")


def invalid_image(code: str, **values: float) -> InvalidImage:
    """The error with this code of `IMAGE_ERRORS`, for the caller to raise; `values` fill its message."""
    return InvalidImage(IMAGE_ERRORS[code].format(**values), code=code)
