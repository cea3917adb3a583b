"""Callers who choose how the faces of an image are found, and which of them count."""

from __future__ import annotations

from dataclasses import dataclass

from audit.services import record
from audit.types import Action, Searched
from clients.models import Client
from liveness.exceptions import SPOOF, NotLive
from liveness.services import passive_result
from vision import inference
from vision.engines import DEFAULT, engines
from vision.exceptions import UnusableFace
from vision.inference import AnalysisOptions, Whole
from vision.selection import FacesWanted
from vision.types import Analysis, DetectedFace


@dataclass(frozen=True)
class Look:
    """How faces are found: by the engine `alias` (None: the default one, or the galleries') and its detector, unless
    `detector` names another. `living`: an image with a presented picture of a face is refused. `wanted`: which faces
    count, the largest first (None: all of them, in the detector's order). `attributes`: age and gender as well.
    """

    alias: str | None = None
    detector: str | None = None
    whole: Whole = "never"
    living: bool = False
    wanted: FacesWanted | None = None
    attributes: bool = False

    @property
    def is_usual(self) -> bool:
        """Whether faces are found as they are where nobody chooses."""
        return self.alias is None and self.detector is None and self.whole == "never"

    def options(self, *aliases: str, liveness: bool = False) -> AnalysisOptions:
        """For faces that these engines describe; with `liveness`, that are scored for that too."""
        return AnalysisOptions(
            self.detector, aliases, liveness=self.living or liveness, attributes=self.attributes, whole=self.whole
        )

    def chosen(self, analysis: Analysis) -> list[DetectedFace]:
        return analysis.faces if self.wanted is None else self.wanted.of(analysis.faces)

    def detector_of(self, alias: str) -> str:
        """The name of the detector that finds the faces; empty where none is searched."""
        return "" if self.whole == "always" else self.detector or engines[alias].detector


AS_USUAL = Look()


@dataclass(frozen=True)
class Described:
    """An image and those of its faces that count, recognisable or not, with their embeddings of `space` if they were
    asked for; `model` is the space's, and `detector` what found them.
    """

    analysis: Analysis
    faces: tuple[DetectedFace, ...]
    space: str
    model: str
    detector: str


def faces_of(data: bytes, look: Look, *aliases: str, liveness: bool = False) -> Analysis:
    """All faces of an image, described by these engines; with `liveness`, scored for that too.

    Raises `InvalidImage`, `UnusableFace` (`face.none`), `NotLive` (`liveness.spoof`), or `Unavailable`.
    """
    analysis = inference.analyse(data, look.options(*aliases, liveness=liveness))
    if not analysis.faces:
        raise UnusableFace("No face was found in this image.", code="face.none")
    if look.living and any(passive_result(face=face).is_fake for face in analysis.faces):
        raise NotLive("The image looks like a picture of a face.", code=SPOOF)
    return analysis


def describe_faces(*, client: Client, data: bytes, look: Look, embeddings: bool = True) -> Described:
    """The faces of an image, with `embeddings` for a caller who compares them, which is recorded. Nothing is stored.

    Raises as `faces_of` does.
    """
    alias = look.alias or DEFAULT
    analysis, space = faces_of(data, look, *[alias] if embeddings else ()), engines[alias].space
    if embeddings:
        record(Action.DETECT, client_id=client.pk, searched=Searched(space=space.name), results=len(analysis.faces))
    return Described(analysis, tuple(look.chosen(analysis)), space.name, space.model, look.detector_of(alias))
