"""Why a photograph cannot be enrolled."""

from faceapp.exceptions import InvalidInput


class UnusableFace(InvalidInput):
    """The image holds no face (`face.none`) or several (`face.several`) where exactly one is needed."""

    code = "face.none"
