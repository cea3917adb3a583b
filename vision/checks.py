"""System checks: a misconfigured engine is found by `manage.py check`, with a hint, before a request meets it."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register()
def check_engines(**_: Any) -> list[CheckMessage]:
    """`FACE_ENGINES` has a `default` entry and every entry can be built."""
    if "default" not in settings.FACE_ENGINES:
        return [Error("FACE_ENGINES has no 'default' entry.", hint="Add one; see docs/engines.md.", id="vision.E001")]
    problems: list[CheckMessage] = []
    from vision.engines import engines

    for alias in settings.FACE_ENGINES:
        try:
            engines[alias].space  # noqa: B018  building it is the check
        except Exception as error:
            problems.append(Error(f"FACE_ENGINES[{alias!r}] cannot be built: {error}", id="vision.E002"))
    return problems


@register()
def check_dlib_network(**_: Any) -> list[CheckMessage]:
    """`DLIB_NETWORK` names something that runs dlib's network."""
    if settings.DLIB_NETWORK in ("onnx", "dlib"):
        return []
    return [Error("FACEAPP_DLIB_NETWORK is neither onnx nor dlib.", hint="Unset it for onnx.", id="vision.E004")]


@register()
def check_detectors(**_: Any) -> list[CheckMessage]:
    """Every name in `FACE_DETECTORS` is a detector."""
    from vision.engines.detectors import DETECTORS

    hint = f"Known detectors: {', '.join(DETECTORS)}."
    unknown = [name for name in settings.FACE_DETECTORS if name not in DETECTORS]
    return [
        Error(f"FACE_DETECTORS names {name!r}, which does not exist.", hint=hint, id="vision.E003") for name in unknown
    ]
