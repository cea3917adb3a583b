"""The engine against plain `DeepFace.represent` with the same model and detector: time, memory and accuracy.

`compare_with_deepface` measures speed in fresh processes, in turn in the same run; `compare_accuracy` decides
every pair of labelled faces in a folder of photographs. `python -m bench.engine` prints both.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageOps

from bench.report import Line

if TYPE_CHECKING:
    from vision.engines.base import FaceEngine

ROOT = Path(__file__).resolve().parent.parent
PHOTOS = ROOT.parent / "shared" / "faces"
REPEATS = 7

# Who is where in the photographs of several people: a point of the face, as shares of width and height.
GROUPS: dict[str, dict[str, tuple[float, float]]] = {
    "obama_and_biden.jpg": {"biden": (0.42, 0.36), "obama": (0.62, 0.34), "bystander": (0.85, 0.8)},
    "obama_and_biden_2.jpg": {"obama": (0.28, 0.19), "biden": (0.77, 0.22)},
    "kit_and_rose.jpg": {"rose": (0.24, 0.23), "kit": (0.6, 0.2)},
}
EXCLUDED = ("partial",)  # half of the face is cut off

Array = NDArray[Any]
Face = tuple[tuple[int, int, int, int], Array]  # box (x, y, w, h) and embedding
Describe = Callable[[Array], list[Face]]


@dataclass(frozen=True)
class Cost:
    """What one image costs: median wall and processor milliseconds, and peak megabytes of the whole process."""

    ms: float
    cpu_ms: float
    mb: float

    def __str__(self) -> str:
        return f"{self.ms:.0f} ms (CPU {self.cpu_ms:.0f}), {self.mb:.0f} MB"


@dataclass(frozen=True)
class Row:
    """One measured line: time and peak memory of one image of `side` pixels, in fresh processes.

    `ms` is wall time, `cpu_ms` processor time: the latter hardly changes when the machine has other work.
    """

    side: int
    ours: Cost
    deepface: Cost

    @property
    def ratio(self) -> float:
        """How many times less processor time our engine takes."""
        return self.deepface.cpu_ms / self.ours.cpu_ms

    def line(self) -> Line:
        result = f"{self.ratio:.1f} times less CPU"
        return f"engine, one face, {self.side} px", str(self.ours), f"plain DeepFace {self.deepface}", result


@dataclass(frozen=True)
class Accuracy:
    """Decisions on all pairs of labelled faces. A pair with a face that was not found counts as wrong."""

    faces: int
    missed: int
    pairs: int
    false_matches: int
    false_non_matches: int
    largest_same: float
    smallest_different: float

    @property
    def share(self) -> float:
        return 1 - (self.false_matches + self.false_non_matches) / self.pairs


def compare_with_deepface(sizes: Sequence[int] = (640, 1280), photo: Path | None = None) -> list[Row]:
    """Medians of `REPEATS` calls a size, each side in a fresh process of its own after one call unmeasured."""
    path = photo or any_photo()
    return [Row(side, _child("ours", side, path), _child("deepface", side, path)) for side in sizes]


def compare_accuracy(folder: Path = PHOTOS) -> dict[str, Accuracy]:
    """Accuracy of our engine and of plain DeepFace (model Dlib, detector dlib, euclidean) on the same faces."""
    set_up_django()
    from vision.engines.spaces import space_of

    threshold = space_of("Dlib").thresholds["euclidean"]
    return {name: decide(labelled(folder, side()), threshold) for name, side in SIDES.items()}


def labelled(folder: Path, describe: Describe) -> list[tuple[str, str, Array | None]]:
    """(file, person, embedding or None when not found) of every labelled face in `folder`."""
    rows = []
    for path in sorted(p for p in folder.iterdir() if p.suffix in (".jpg", ".png")):
        if any(word in path.name for word in EXCLUDED):
            continue
        image = load(path)
        found = describe(image)
        people = GROUPS.get(path.name) or {path.stem.split("_")[0]: None}
        for person, point in people.items():  # the face around the point, or the largest one
            if point is None:
                near = found
            else:
                x, y = point[0] * image.shape[1], point[1] * image.shape[0]
                near = [f for f in found if f[0][0] <= x <= f[0][0] + f[0][2] and f[0][1] <= y <= f[0][1] + f[0][3]]
            chosen = max(near, key=lambda face: face[0][2] * face[0][3], default=None)
            rows.append((path.name, person, chosen and chosen[1]))
    return rows


def decide(faces: Sequence[tuple[str, str, Array | None]], threshold: float, metric: Any = None) -> Accuracy:
    """All pairs of `faces`, called the same person when their distance is at most `threshold`."""
    measure = metric or (lambda a, b: float(np.linalg.norm(a - b)))
    same: list[float] = []
    different: list[float] = []
    for (_, a, x), (_, b, y) in combinations(faces, 2):
        distance = float("inf") if x is None or y is None else measure(x, y)
        (same if a == b else different).append(distance)
    return Accuracy(
        faces=len(faces),
        missed=sum(vector is None for *_, vector in faces),
        pairs=len(same) + len(different),
        false_matches=sum(distance <= threshold for distance in different),
        false_non_matches=sum(distance > threshold for distance in same),
        largest_same=max(distance for distance in same if distance < float("inf")),
        smallest_different=min(different),
    )


def load(file: Path | IO[bytes]) -> Array:
    """An upright RGB array."""
    with PillowImage.open(file) as picture:
        return np.array(ImageOps.exif_transpose(picture).convert("RGB"))


def ours(*, detector: str = "dlib", model: str = "Dlib") -> Describe:
    """Our engine with a model of DeepFace, as a function from an image to its faces."""
    from vision.engines.deepface import DeepFaceEngine

    return described_by(DeepFaceEngine(model=model, detector=detector))


def described_by(engine: FaceEngine) -> Describe:
    """An engine as a function from an image to its faces."""
    engine.load()

    def describe(image: Array) -> list[Face]:
        found = engine.detect(image)
        vectors = engine.embed(image, found)
        return [((d.box.x, d.box.y, d.box.w, d.box.h), v) for d, v in zip(found, vectors, strict=True)]

    return describe


def plain_deepface(*, detector: str = "dlib", model: str = "Dlib") -> Describe:
    """`DeepFace.represent` as its documentation shows it."""
    from vision.engines import runtime

    runtime.prepare()
    from deepface import DeepFace

    def describe(image: Array) -> list[Face]:
        try:
            rows = DeepFace.represent(image[:, :, ::-1].copy(), model_name=model, detector_backend=detector)
        except ValueError:  # no face
            return []
        areas = [row["facial_area"] for row in rows]
        return [
            ((a["x"], a["y"], a["w"], a["h"]), np.array(row["embedding"])) for a, row in zip(areas, rows, strict=True)
        ]

    return describe


SIDES: dict[str, Callable[[], Describe]] = {"ours": ours, "deepface": plain_deepface}


def _child(name: str, side: int, photo: Path) -> Cost:
    command = [sys.executable, "-m", "bench.engine", "--child", name, str(side), str(photo)]
    answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return Cost(**json.loads(answer.stdout.splitlines()[-1]))


def _measure(name: str, side: int, photo: Path) -> Cost:
    """The cost of one image, measured in this process; `name` is `ours` or `deepface`."""
    describe = SIDES[name]()
    with PillowImage.open(photo) as picture:
        scale = side / max(picture.size)
        size = (round(picture.width * scale), round(picture.height * scale))
        image = np.array(picture.convert("RGB").resize(size))
    if not describe(image):
        raise SystemExit(f"{name} found no face at {side} pixels")
    times: list[tuple[float, float]] = []
    for _ in range(REPEATS):
        wall, cpu = time.perf_counter(), time.process_time()
        describe(image)
        times.append(((time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000))
    wall, cpu = (statistics.median(column) for column in zip(*times, strict=True))
    return Cost(wall, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def any_photo() -> Path:
    """A photograph of one face: from the test photographs, else the astronaut that scikit-image carries."""
    from importlib.util import find_spec

    candidates = [PHOTOS / "obama_1.jpg"]
    if (spec := find_spec("skimage")) and spec.origin:
        candidates.append(Path(spec.origin).parent / "data" / "astronaut.png")
    return next(path for path in candidates if path.is_file())


def set_up_django() -> None:
    import django

    from walls.current import open_by_default

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "faceapp.settings")
    open_by_default()
    django.setup()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", nargs=3, metavar=("SIDE", "PIXELS", "PHOTO"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    set_up_django()
    if arguments.child:
        name, side, photo = arguments.child
        print(json.dumps(asdict(_measure(name, int(side), Path(photo)))))
        return
    for row in compare_with_deepface():
        print(*row.line(), sep=" | ")
    if PHOTOS.is_dir():
        for name, result in compare_accuracy().items():
            print(f"{name:9} {result.share:.1%} {result}")


if __name__ == "__main__":
    main()
