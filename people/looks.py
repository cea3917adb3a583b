"""Callers who choose how the faces of an image are found, and get all of them."""

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
from vision.types import Analysis, Space


@dataclass(frozen=True)
class Look:
    """How faces are found: by the engine `alias` (None: the default one, or the galleries') and its detector, unless
    `detector` names another. `living`: an image with a presented picture of a face is refused.
    """

    alias: str | None = None
    detector: str | None = None
    whole: Whole = "never"
    living: bool = False

    def detector_of(self, alias: str) -> str:
        """The name of the detector that finds the faces; empty where none is searched."""
        return "" if self.whole == "always" else self.detector or engines[alias].detector


@dataclass(frozen=True)
class Described:
    """The faces of an image with their embeddings of `space`, and the detector that found them."""

    analysis: Analysis
    space: Space
    detector: str


def faces_of(data: bytes, look: Look, *, alias: str, liveness: bool = False) -> Analysis:
    """All faces of an image, described by the engine `alias`; with `liveness`, scored for that too.

    Raises `InvalidImage`, `UnusableFace` (`face.none`), `NotLive` (`liveness.spoof`), or `Unavailable`.
    """
    options = AnalysisOptions(look.detector, [alias], liveness=look.living or liveness, whole=look.whole)
    analysis = inference.analyse(data, options)
    if not analysis.faces:
        raise UnusableFace("No face was found in this image.", code="face.none")
    if look.living and any(passive_result(face=face).is_fake for face in analysis.faces):
        raise NotLive("The image looks like a picture of a face.", code=SPOOF)
    return analysis


def describe_faces(*, client: Client, data: bytes, look: Look) -> Described:
    """The embeddings of all faces of an image, for a caller who compares them. Nothing is stored.

    Raises as `faces_of` does.
    """
    alias = look.alias or DEFAULT
    analysis, space = faces_of(data, look, alias=alias), engines[alias].space
    record(Action.DETECT, client_id=client.pk, searched=Searched(space=space.name), results=len(analysis.faces))
    return Described(analysis, space, look.detector_of(alias))
