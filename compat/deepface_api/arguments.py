"""The fields of a call, which come as JSON, as a form with files, or as a form of texts.

DeepFace takes the text `false` of a form for true; here it is false.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from compat.deepface_api.exceptions import BadValue, ImageMissing
from vision import images
from vision.distances import METRICS
from vision.engines import detector_or_default, model_or_default
from vision.exceptions import UnknownName
from vision.inference import Whole

FLAGS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
ACTIONS = ("age", "gender", "emotion", "race")
NOTHING_SENT = "'{name}' not found in request in either json or form data"
NOT_A_FIELD = "'{name}' not found in either json or form data request"
NOT_A_FILE = "Request form data doesn't have {name}"
SKIP = "skip"  # instead of a detector: the image is a face that was cut out
MOST = 100  # hits of a search, and faces of an image
SHOWN = 40  # characters of a name that an answer repeats


@dataclass(frozen=True)
class Arguments:
    """What was sent: values by name, and files."""

    values: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Any] = field(default_factory=dict)
    is_empty: bool = False

    def image(self, name: str) -> bytes:
        """The encoded image. If there is any file, every image is one. Raises `ImageMissing` or `InvalidImage`."""
        if self.files:
            if name not in self.files:
                raise ImageMissing(NOT_A_FILE.format(name=name))
            data: bytes = self.files[name].read()
        else:
            text = self.values.get(name)
            if not (isinstance(text, str) and text):
                raise ImageMissing((NOTHING_SENT if self.is_empty else NOT_A_FIELD).format(name=name))
            data = images.read_text(text)
        images.sniff(data)
        return data

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.values.get(name)
        if value is None or value == "":
            return default
        if isinstance(value, bool):
            return value
        known = FLAGS.get(str(value).strip().lower())
        if known is None:
            raise BadValue(f"{name} is either true or false.")
        return known

    def count(self, name: str, *, default: int | None) -> int | None:
        """A whole number from 1; above `MOST` it is that."""
        value = self.values.get(name)
        if value is None or value == "":
            return default
        if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,9}", str(value)) or int(value) < 1:
            raise BadValue(f"{name} is a whole number of 1 or more.")
        return min(int(value), MOST)

    def text(self, name: str) -> str:
        """Empty where there is none."""
        value = self.values.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise BadValue(f"{name} is a text.")
        return value

    def model(self) -> str | None:
        """The alias of the model that is named; None for one that DeepFace knows and this service does not run."""
        name = self.text("model_name")
        try:
            return model_or_default(name)
        except UnknownName as error:
            message = f"Invalid model_name passed - facial_recognition/{name[:SHOWN]}"
            raise BadValue(message, code=error.code) from error

    def detector(self) -> str | None:
        """As `model`. `SKIP` is none."""
        name = self.text("detector_backend")
        try:
            return None if name == SKIP else detector_or_default(name)
        except UnknownName as error:
            message = f"Invalid detector_backend passed - face_detector/{name[:SHOWN]}"
            raise BadValue(message, code=error.code) from error

    def whole(self) -> Whole:
        """Whether the whole image may count as a face."""
        enforced = self.flag("enforce_detection", default=True)
        if self.text("detector_backend") == SKIP:
            return "always"
        return "never" if enforced else "without_face"

    def metric(self) -> str | None:
        """None: that of the space."""
        name = self.text("distance_metric")
        if name and name not in METRICS:
            raise BadValue(f"Invalid distance_metric passed : {name[:SHOWN]}", code="engine.unknown")
        return name or None

    def method(self) -> str:
        name = self.text("search_method") or "exact"
        if name not in {"exact", "ann"}:
            raise BadValue("search_method is exact or ann.")
        return name

    def actions(self) -> Sequence[str]:
        """What to guess, as a list or as the text of one; empty for whatever can be."""
        value = self.values.get("actions")
        if isinstance(value, str):
            with suppress(ValueError):
                value = json.loads(value)
        if isinstance(value, str):
            value = [word.strip("'\" ") for word in value.strip("[]() ").split(",")]
        names = [name for name in value or [] if name] if isinstance(value, list | None) else [value]
        if not all(isinstance(name, str) and name in ACTIONS for name in names):
            raise BadValue(f"Invalid action passed. Known: {', '.join(ACTIONS)}.")
        return list(dict.fromkeys(names))
