"""Screening over HTTP against a loop that finds, aligns and describes the same faces with dlib in one process.

Both read the same JPEG files. The job stores each image, searches the blacklist and records faces and matches; the loop
does nothing of that. dlib looks at the photographs as they are, as its examples do, and once doubled, as the service
does by default to find faces half as large.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.photographs import photograph
from bench.report import Line, Row
from bench.throughput import timed_job

ROOT = Path(__file__).resolve().parent.parent
SIDE = 1280
NAMES = ("one face", "six faces")
COPIES = 8  # of each photograph in the job
LOOP_COPIES = {0: 2, 1: 1}  # doubled, dlib takes half a minute an image


@dataclass(frozen=True)
class Screening:
    """Images per second, and the most memory of one process that looks at images, megabytes."""

    workers: int
    upsample: int  # how often the loop doubles its images
    service_per_second: float
    loop_per_second: float
    service_mb: float
    loop_mb: float

    @property
    def ratio(self) -> float:
        return self.service_per_second / self.loop_per_second

    def line(self) -> Line:
        ours = f"{self.service_per_second:.2f} images/s, {self.service_mb:.0f} MB"
        doubled = "images doubled" if self.upsample else "images as they are"
        theirs = f"dlib loop, {doubled}: {self.loop_per_second:.3f} images/s, {self.loop_mb:.0f} MB"
        return f"screening, 1280 px, {self.workers} worker(s)", ours, theirs, f"{self.ratio:.1f} times"


def measure(stack: Any, service: Any, *, workers: int, loops: dict[int, tuple[float, float]]) -> list[Row]:
    """A job with this many workers, compared with both forms of the loop, and one of faces alone."""
    from bench import bulk
    from bench.nextcloud import peak_of_workers

    faces = bulk.measure(stack, service, workers=workers)
    photographs = [photograph(name, SIDE) for name in NAMES]
    service.screening.screen(photographs)
    pace = COPIES * len(NAMES) / timed_job(service, photographs * COPIES)
    memory = peak_of_workers(stack)
    compared = [Screening(workers, upsample, pace, loop[0], memory, loop[1]) for upsample, loop in loops.items()]
    return [faces, *compared]


def loops() -> dict[int, tuple[float, float]]:
    """Images per second and megabytes of the loop, by how often it doubles its images."""
    photographs = [photograph(name, SIDE) for name in NAMES]
    return {upsample: loop_pace(photographs, upsample) for upsample in LOOP_COPIES}


def loop_pace(photographs: list[bytes], upsample: int) -> tuple[float, float]:
    """Images per second and megabytes of the loop in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="faceapp-bench-") as folder:
        files = [Path(folder) / f"{index}.jpg" for index in range(len(photographs))]
        for file, data in zip(files, photographs, strict=True):
            file.write_bytes(data)
        command = [sys.executable, "-m", "bench.screening", "--loop", str(upsample), *map(str, files)]
        answer = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    pace, memory = json.loads(answer.stdout)
    return pace, memory


def loop(upsample: int, files: list[str]) -> tuple[float, float]:
    """Load the file, find faces with the CNN, align and describe them, as dlib's examples do it."""
    import dlib

    spec = find_spec("face_recognition_models")
    assert spec and spec.origin
    folder = Path(spec.origin).parent / "models"
    detector = dlib.cnn_face_detection_model_v1(str(folder / "mmod_human_face_detector.dat"))
    predictor = dlib.shape_predictor(str(folder / "shape_predictor_5_face_landmarks.dat"))
    network = dlib.face_recognition_model_v1(str(folder / "dlib_face_recognition_resnet_model_v1.dat"))

    def describe(file: str) -> list[Any]:
        image = dlib.load_rgb_image(file)
        faces = [predictor(image, one.rect) for one in detector(image, upsample)]
        return [network.compute_face_descriptor(image, face) for face in faces]

    started = time.perf_counter()
    for file in files * LOOP_COPIES[upsample]:
        if not describe(file):
            raise SystemExit("a face was expected")
    pace = len(files) * LOOP_COPIES[upsample] / (time.perf_counter() - started)
    return pace, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loop", type=int, required=True, help="how often dlib doubles its images")
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    print(json.dumps(loop(arguments.loop, arguments.files)))
