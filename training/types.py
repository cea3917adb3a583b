"""Values that training and recognition take and return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from people.models import Person
from vision.types import Box

Vectors = NDArray[np.float32]  # (n, dimensions)
Labels = NDArray[np.int64]  # (n,) positions in a list of people


@dataclass(frozen=True)
class Options:
    """Hyper-parameters of one training."""

    enabled: bool
    epochs: int
    hidden_units: int
    dropout: float  # share of hidden units switched off in each step
    learning_rate: float
    min_people: int
    min_images: int  # per person; people with fewer are left to the nearest template


@dataclass(frozen=True)
class Gallery:
    """What a classifier learns from. `marks` show whether a person's templates have changed since."""

    people: list[int]  # ids; a label is a position in this list
    marks: list[str]
    vectors: Vectors
    labels: Labels
    templates: list[int] = field(default_factory=list)  # ids, in the order of the vectors


@dataclass(frozen=True)
class Split:
    """A gallery in two parts; every person is in both."""

    vectors: Vectors
    labels: Labels
    held_out: Vectors
    held_out_labels: Labels


@dataclass(frozen=True)
class Judgement:
    """What a classifier says of one face: probability by person, and the least one that counts."""

    probabilities: Mapping[int, float] = field(default_factory=dict)
    minimum: float = 0.0


@dataclass(frozen=True)
class Recognition:
    """One face of a picture and who it is; `person` is None for a stranger, and so are then the fields about a person.

    `similarity` in [0, 1] is that of the person's closest template, as in `calibration.similarity`. `version` names the
    recogniser that was asked; None if the nearest template decided alone. `box` is None where one face alone was looked
    at.
    """

    box: Box | None
    person: Person | None
    similarity: float | None
    probability: float | None
    version: int | None
