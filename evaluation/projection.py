"""Fits the projection of `pair128`, the thresholds of the native recognisers and the table of recognisability.

The photographs: `people/<person>/*` with several of each person, and `strangers/*` with one of each other person. The
person is the face nearest the centre of a photograph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures

from environment import read_regular
from vision import images
from vision.distances import distance_matrix
from vision.engines.onnx.engine import OnnxEngine
from vision.engines.onnx.recognisers import Recogniser
from vision.recognisability import share_of, shows_structure
from vision.selection import central_face
from vision.types import LEAST_RECOGNISABLE, Detection, Image

DIMENSIONS = 128
FALSE_MATCH_RATES = (1e-3, 1e-4)  # the last one is that of the thresholds
SHARES = (0, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1)
SEED = 1

Array = NDArray[Any]


@dataclass(frozen=True)
class Described:
    """Vectors by model (n, dimensions), of unit length but for Dlib's, raw lengths of `fr512` (n,) and the number of
    each person (n,).

    The length is 0 where the crop shows no structure. `files` (n,): the place of each photograph among those described.
    """

    vectors: dict[str, Array]
    lengths: Array
    people: Array
    without_face: list[str]
    files: Array

    def subset(self, chosen: Array) -> Described:
        vectors = {name: rows[chosen] for name, rows in self.vectors.items()}
        return Described(vectors, self.lengths[chosen], self.people[chosen], [], self.files[chosen])

    @property
    def is_recognisable(self) -> NDArray[np.bool_]:
        return np.array([share_of(length) >= LEAST_RECOGNISABLE for length in self.lengths], np.bool_)

    def recognisable(self) -> Described:
        """Without faces that cannot be recognised."""
        return self.subset(self.is_recognisable)

    def halves(self) -> tuple[Described, Described]:
        """Half of the people, and the others."""
        numbers = np.random.default_rng(SEED).permutation(np.unique(self.people))
        first = np.isin(self.people, numbers[: len(numbers) // 2])
        return self.subset(first), self.subset(~first)

    @property
    def both(self) -> Array:
        """The vectors that the projection takes (n, 704)."""
        return np.concatenate([self.vectors["fr512"], self.vectors["mobilefacenet192"]], axis=1)


@dataclass(frozen=True)
class Rates:
    """`true_accept`: share of one person's pairs within the threshold of each of `FALSE_MATCH_RATES`."""

    genuine: int
    impostor: int
    thresholds: list[float]
    true_accept: list[float]


def photographs_of(folder: Path) -> list[tuple[Path, str]]:
    """The files of `people` and `strangers` in a folder, and who each of them shows."""
    files = [(path, path.parent.name) for path in sorted(folder.glob("people/*/*"))]
    return files + [(path, path.name) for path in sorted(folder.glob("strangers/*"))]


def describe(folder: Path, advance: Callable[[], object] = lambda: None) -> Described:
    """Everything that is fitted, from a folder of photographs. Raises `EngineUnavailable`."""
    return describe_files(photographs_of(folder), advance)


def describe_files(
    files: Sequence[tuple[Path, str]], advance: Callable[[], object] = lambda: None, *, face_width: int | None = None
) -> Described:
    """Photographs with the person that each of them shows, reduced until the face is `face_width` pixels wide.

    People are numbered in the order of their names, whether or not a face is found. Raises `EngineUnavailable`.
    """
    pair, dlib = OnnxEngine(), OnnxEngine(recogniser="dlib")
    single = {name: Recogniser(name) for name in ("fr512", "mobilefacenet192")}
    rows: dict[str, list[Array]] = {name: [] for name in (*single, "Dlib")}
    lengths, places, without = [], [], []
    for place, (path, _) in enumerate(files):
        image = images.decode(read_regular(path))
        advance()
        face = _central(pair, image)
        if face and face_width and face.box.w > face_width:
            image = reduced(image, face_width / face.box.w)
            face = _central(pair, image)
        if face is None:
            without.append(path.name)
            continue
        chips = pair.model_chips(image, [face])
        for name, recogniser in single.items():
            vectors, raw = recogniser(chips)
            rows[name].append(vectors[0])
        lengths.append(float(raw[0]) if shows_structure(chips[0]) else 0.0)
        rows["Dlib"].append(dlib.embed(image, [face])[0])
        places.append(place)
    numbers = np.unique([person for _, person in files], return_inverse=True)[1]
    vectors_of = {name: np.array(found) for name, found in rows.items()}
    return Described(vectors_of, np.array(lengths), numbers[places], without, np.array(places, np.int64))


def reduced(image: Image, factor: float) -> Image:
    """An image (height, width, 3) at `factor` times its size, by Lanczos' filter."""
    size = [max(round(side * factor), 1) for side in image.shape[1::-1]]
    return np.asarray(Pictures.fromarray(image).resize((size[0], size[1]), Pictures.Resampling.LANCZOS))


def fit(both: Array) -> NDArray[np.float32]:
    """The first right singular vectors of the concatenated vectors, not centred, as a matrix (704, 128)."""
    matrix: NDArray[np.float32] = np.linalg.svd(both, full_matrices=False).Vh[:DIMENSIONS].T.astype(np.float32)
    return matrix


def project(both: Array, matrix: Array) -> Array:
    """Unit vectors of `pair128`."""
    return _unit(both @ matrix)


def measure(vectors: Array, people: Array) -> Rates:
    """The rates of every pair, by cosine distance."""
    first, second = np.triu_indices(len(people), 1)
    distances = distance_matrix(vectors, vectors, metric="cosine")[first, second]
    same = people[first] == people[second]
    strangers, genuine = np.sort(distances[~same]), distances[same]
    thresholds = [float(strangers[max(int(rate * len(strangers)) - 1, 0)]) for rate in FALSE_MATCH_RATES]
    accepted = [float((genuine <= threshold).mean()) for threshold in thresholds]
    return Rates(len(genuine), len(strangers), thresholds, accepted)


def length_table(lengths: Array) -> list[tuple[float, float]]:
    """(length, share of photographs of at most this length)."""
    return [
        (round(float(length), 3), share) for length, share in zip(np.quantile(lengths, SHARES), SHARES, strict=True)
    ]


def _central(engine: OnnxEngine, image: Image) -> Detection | None:
    height, width = image.shape[:2]
    return central_face(engine.detect(image), width=width, height=height)


def _unit(rows: Array) -> Array:
    unit: Array = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit
