"""dlib's networks on ONNX Runtime against the installed dlib, on one thread: time, memory and agreement.

`compare` measures each side in a fresh process of its own, in turn. `python -m bench.dlib` prints it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.engine import ROOT, any_photo, load, set_up_django
from bench.report import Line

SIZES = ((640, 480), (1280, 720), (1536, 1152))
SECONDS = 4.0  # for the calls of one measurement, at least REPEATS of them
REPEATS = 3
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Cost:
    """The least wall and processor milliseconds of a call, and the process's peak megabytes.

    The least, because whatever else the machine does can only add.
    """

    ms: float
    cpu_ms: float
    mb: float

    def __str__(self) -> str:
        return f"{self.ms:.1f} ms (CPU {self.cpu_ms:.1f}), {self.mb:.0f} MB"


@dataclass(frozen=True)
class Row:
    """One network at one size, ours and dlib's.

    `difference` is the largest between two numbers of their answers; infinite when they find different faces.
    """

    what: str
    ours: Cost
    dlib: Cost
    difference: float

    @property
    def ratio(self) -> float:
        """How many times less processor time ours takes."""
        return self.dlib.cpu_ms / self.ours.cpu_ms

    def line(self) -> Line:
        result = f"{self.ratio:.1f} times less CPU, difference {self.difference:.0e}"
        return f"{self.what}, 1 thread", str(self.ours), f"dlib {self.dlib}", result


def compare(photo: Path | None = None) -> list[Row]:
    """The descriptor of one face and of sixteen, and the detector at each of SIZES."""
    path = photo or any_photo()
    cases = [("descriptor", "1"), ("descriptor", "16"), *(("mmod", f"{width}x{height}") for width, height in SIZES)]
    rows = []
    for network, size in cases:
        (ours, a), (theirs, b) = (_child(side, network, size, path) for side in SIDES)
        difference = float(np.abs(a - b).max(initial=0)) if a.shape == b.shape else float("inf")
        rows.append(Row(f"{network}, {size}", ours, theirs, difference))
    return rows


def _child(side: str, network: str, size: str, photo: Path) -> tuple[Cost, Any]:
    command = [sys.executable, "-m", "bench.dlib", "--child", side, network, size, str(photo)]
    answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, env=os.environ | ONE_THREAD)
    cost, numbers = json.loads(answer.stdout.splitlines()[-1])
    return Cost(**cost), np.array(numbers)


def _measure(side: str, network: str, size: str, photo: Path) -> tuple[Cost, Any]:
    """The cost of one call, measured in this process, and its answer."""
    import cv2

    image = load(photo)
    if network == "mmod":
        width, height = map(int, size.split("x"))
        call = SIDES[side][network](cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA))
    else:
        chip = cv2.resize(image, (150, 150), interpolation=cv2.INTER_AREA)
        call = SIDES[side][network](np.stack([np.roll(chip, i, axis=1) for i in range(int(size))]))
    answer = call()
    times: list[tuple[float, float]] = []
    started = time.perf_counter()
    while len(times) < REPEATS or time.perf_counter() - started < SECONDS:
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        times.append(((time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000))
    wall, cpu = (min(column) for column in zip(*times, strict=True))
    return Cost(wall, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024), answer


def _our_detector(image: Any) -> Callable[[], Any]:
    from vision.engines.dlib_onnx import mmod

    network = mmod.load()
    return lambda: sorted([f.box.left, f.box.top, f.box.right, f.box.bottom, f.score] for f in network(image))


def _dlib_detector(image: Any) -> Callable[[], Any]:
    import dlib

    from vision.engines import weights

    network = dlib.cnn_face_detection_model_v1(str(weights.DLIB_MMOD.path))
    return lambda: sorted(
        [d.rect.left(), d.rect.top(), d.rect.right(), d.rect.bottom(), d.confidence] for d in network(image)
    )


def _our_descriptor(chips: Any) -> Callable[[], Any]:
    from vision.engines.dlib_onnx.descriptor import DescriptorNetwork

    network = DescriptorNetwork()
    return lambda: network(chips).tolist()


def _dlib_descriptor(chips: Any) -> Callable[[], Any]:
    import dlib

    from vision.engines import weights

    network = dlib.face_recognition_model_v1(str(weights.DLIB_RESNET.path))
    return lambda: [list(row) for row in network.compute_face_descriptor(list(chips))]


SIDES: dict[str, dict[str, Callable[[Any], Callable[[], Any]]]] = {
    "ours": {"mmod": _our_detector, "descriptor": _our_descriptor},
    "dlib": {"mmod": _dlib_detector, "descriptor": _dlib_descriptor},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", nargs=4, metavar=("SIDE", "NETWORK", "SIZE", "PHOTO"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    set_up_django()
    if arguments.child:
        side, network, size, photo = arguments.child
        cost, answer = _measure(side, network, size, Path(photo))
        print(json.dumps([asdict(cost), answer]))
        return
    for row in compare():
        print(*row.line(), sep=" | ")


if __name__ == "__main__":
    main()
