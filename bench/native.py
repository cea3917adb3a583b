"""The default engine (YuNet and pair128) against mmod and Dlib, both ours: detection, detection and description of one
face, and how many small faces each finds. `python -m bench.native` prints it.

Measured are the test photographs with a side of 1,000 pixels and more or, in a clone without them, the packaged
photographs at 1,280 pixels.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.engine import PHOTOS, load, set_up_django
from bench.photographs import PACKAGED, photograph
from bench.report import Line

if TYPE_CHECKING:
    from vision.engines.base import FaceEngine

LEAST_SIDE = 1000  # pixels
PACKAGED_SIDE = 1280  # pixels
REPEATS = 3
WIDTHS = (16, 20, 24, 30, 36)  # of reduced faces, pixels
CANVAS = (480, 640)
SURE = 0.9  # of the faces that are reduced
Array = NDArray[Any]


@dataclass(frozen=True)
class Speed:
    """Mean processor milliseconds per photograph: the least of several calls on each. `photographs`: which."""

    what: str
    photographs: str
    ours: float
    dlib: float

    @property
    def ratio(self) -> float:
        return self.dlib / self.ours

    def line(self) -> Line:
        return (
            f"{self.what}, {self.photographs}",
            f"CPU {self.ours:.1f} ms",
            f"mmod + Dlib, CPU {self.dlib:.1f} ms",
            f"{self.ratio:.1f} times less CPU",
        )


@dataclass(frozen=True)
class Recall:
    """How many faces, reduced to a width in pixels, are found on a grey canvas."""

    width: int
    faces: int
    ours: int
    dlib: int

    def line(self) -> Line:
        what = f"recall of {self.faces} faces of {self.width} px"
        return what, f"{self.ours / self.faces:.2f}", f"mmod {self.dlib / self.faces:.2f}", ""


def compare(folder: Path = PHOTOS) -> Iterator[Speed | Recall]:
    """Both engines in this process, one thread each."""
    import cv2

    from vision.engines.onnx.engine import OnnxEngine

    cv2.setNumThreads(1)
    ours, dlib = OnnxEngine(), OnnxEngine(detector="mmod", recogniser="dlib")
    paths = [path for path in sorted(folder.glob("*.*")) if path.suffix in (".jpg", ".png")]
    files: list[Path | IO[bytes]] = [*paths] or [io.BytesIO(photograph(name, PACKAGED_SIDE)) for name in PACKAGED]
    images = [load(file) for file in files]
    large = [image for image in images if max(image.shape) >= LEAST_SIDE]
    which = f"{len(large)} {'test' if paths else 'packaged'} photographs of {LEAST_SIDE:,} px and more"
    yield Speed("detection", which, *_milliseconds(large, [ours.detect, dlib.detect]))
    yield Speed("detection and one face", which, *_milliseconds(large, [_one_face(ours), _one_face(dlib)]))
    faces = [_cut_out(image, face.box) for image in images for face in ours.detect(image) if face.confidence >= SURE]
    for width in WIDTHS:
        shown = [_reduced(face, width) for face in faces]
        yield Recall(width, len(faces), *(sum(_finds(engine, picture) for picture in shown) for engine in (ours, dlib)))


def _one_face(engine: FaceEngine) -> Callable[[Array], object]:
    return lambda image: engine.embed(image, engine.detect(image)[:1])


def _milliseconds(images: list[Array], calls: Sequence[Callable[[Array], object]]) -> list[float]:
    """The mean over the images of each call's least, the calls by turns, so that other work slows all of them alike."""
    for call in calls:
        call(images[0])
    least = [np.min([[_cpu(call, image) for call in calls] for _ in range(REPEATS)], axis=0) for image in images]
    return [float(mean) for mean in np.mean(least, axis=0)]


def _cpu(call: Callable[[Array], object], image: Array) -> float:
    started = time.process_time()
    call(image)
    return (time.process_time() - started) * 1000


def _cut_out(image: Array, box: Any) -> tuple[Array, int]:
    """The face with as much around it on each side, and its width."""
    top, left = max(box.y - box.w, 0), max(box.x - box.w, 0)
    return image[top : box.y + box.h + box.w, left : box.x + 2 * box.w], box.w


def _reduced(face: tuple[Array, int], width: int) -> Array:
    import cv2

    part, original = face
    scale = width / original
    small = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    canvas = np.full((*CANVAS, 3), 128, np.uint8)
    canvas[200 : 200 + small.shape[0], 300 : 300 + small.shape[1]] = small
    return canvas


def _finds(engine: FaceEngine, picture: Array) -> bool:
    return bool(engine.detect(picture))


def main() -> None:
    set_up_django()
    for row in compare():
        print(*row.line(), sep=" | ", flush=True)


if __name__ == "__main__":
    main()
