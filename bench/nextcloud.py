"""What a Nextcloud server waits for: `/detect` end to end against a loop with dlib in a process of its own.

Both get the same JPEG file. The service is asked by as many callers as keep its workers busy, each with a fresh
connection a request, as the app does; the loop runs in as many processes as there are workers.
`python -m bench.nextcloud` measures this alone.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import requests

from bench.photographs import photograph
from bench.report import Line

ROOT = Path(__file__).resolve().parent.parent
SIDE = 640  # longest side of the image, pixels
IMAGES = {1: 24, 3: 24, 4: 24}  # per model and worker
LOOP_IMAGES = {1: 3, 3: 12, 4: 3}  # dlib's own CNN takes seconds an image
CALLERS = 3  # per worker
MAKE_KEYS = """
from clients.services import create_api_key
from compat.nextcloud.models import KeyModel
for model in {models}:
    row, key = create_api_key(client_name=f"bench-{{model}}", scopes=["nextcloud"])
    KeyModel.objects.update_or_create(api_key=row, defaults={{"model": model}})
    print(key)
"""


@dataclass(frozen=True)
class Pace:
    """Images per second and the largest memory of one process that looks at them, megabytes."""

    per_second: float
    mb: float


@dataclass(frozen=True)
class Row:
    """One model with so many workers, and as many processes of the loop."""

    model: int
    workers: int
    service: Pace
    loop: Pace

    @property
    def ratio(self) -> float:
        return self.service.per_second / self.loop.per_second

    def line(self) -> Line:
        what = f"Nextcloud model {self.model}, {self.workers} worker(s)"
        ours, loop = (f"{pace.per_second:.2f} images/s, {pace.mb:.0f} MB" for pace in (self.service, self.loop))
        return what, ours, f"dlib loop, {self.workers} process(es): {loop}", f"{self.ratio:.2f} times"


def measure(stack: Any, *, workers: int) -> list[Row]:
    """Every model of a running service with so many workers."""
    keys = stack.manage("shell", "--no-imports", "-c", MAKE_KEYS.format(models=list(IMAGES))).stdout.split()
    rows = []
    for (model, images), key in zip(IMAGES.items(), keys, strict=True):
        service = ask(stack, key, images=images * workers, workers=workers)
        rows.append(Row(model, workers, service, loop_pace(model, processes=workers)))
    return rows


def ask(stack: Any, key: str, *, images: int, workers: int) -> Pace:
    data = photograph("one face", SIDE)

    def detect(_: int) -> None:
        files = {"file": ("oc_tmp", data, "application/octet-stream")}
        answer = requests.post(f"{stack.url}/detect", files=files, headers={"x-api-key": key}, timeout=600)
        answer.raise_for_status()
        if not answer.json()["faces-count"]:
            raise RuntimeError("a face was expected")

    with ThreadPoolExecutor(CALLERS * workers) as pool:
        list(pool.map(detect, range(2 * workers)))  # loads the networks
        started = time.perf_counter()
        list(pool.map(detect, range(images)))
        seconds = time.perf_counter() - started
    return Pace(images / seconds, peak_of_workers(stack))


def peak_of_workers(stack: Any) -> float:
    """The most that a worker child has held, megabytes."""
    peaks = []
    for process in psutil.Process(stack.program("worker").pid).children(recursive=True):
        with suppress(OSError):
            status = Path(f"/proc/{process.pid}/status").read_text()
            peaks.append(int(status.partition("VmHWM:")[2].split()[0]) / 1024)
    return max(peaks, default=0.0)


def loop_pace(model: int, *, processes: int) -> Pace:
    """The loop in so many processes at a time: the sum of their paces, the largest of their memories."""
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        Path(file.name).write_bytes(photograph("one face", SIDE))
        command = [sys.executable, "-m", "bench.nextcloud", "--loop", str(model), file.name]
        children = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
        paces = [Pace(**json.loads(child.communicate()[0])) for child in children]
    return Pace(sum(pace.per_second for pace in paces), max(pace.mb for pace in paces))


def loop(model: int, path: str) -> Pace:
    """Load the file, find faces, place landmarks, compute descriptors: as dlib's examples do it."""
    describe = plain_dlib(model)
    if not describe(path):
        raise SystemExit("a face was expected")
    started = time.perf_counter()
    for _ in range(LOOP_IMAGES[model]):
        describe(path)
    seconds = time.perf_counter() - started
    return Pace(LOOP_IMAGES[model] / seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def plain_dlib(model: int) -> Callable[[str], list[Any]]:
    import dlib

    spec = find_spec("face_recognition_models")
    assert spec and spec.origin
    folder = Path(spec.origin).parent / "models"
    cnn = dlib.cnn_face_detection_model_v1(str(folder / "mmod_human_face_detector.dat")) if model != 3 else None
    hog = dlib.get_frontal_face_detector() if model != 1 else None
    predictor = dlib.shape_predictor(str(folder / "shape_predictor_5_face_landmarks.dat"))
    network = dlib.face_recognition_model_v1(str(folder / "dlib_face_recognition_resnet_model_v1.dat"))

    def describe(path: str) -> list[Any]:
        image = dlib.load_rgb_image(path)
        found = [one.rect for one in cnn(image)] if cnn else hog(image, 1)
        if cnn and hog:
            hog(image, 1)
        return [network.compute_face_descriptor(image, predictor(image, rectangle)) for rectangle in found]

    return describe


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loop", nargs=2, metavar=("MODEL", "FILE"), help=argparse.SUPPRESS)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="how many worker children")
    arguments = parser.parse_args()
    if arguments.loop:
        model, path = arguments.loop
        print(json.dumps(asdict(loop(int(model), path))))
        return
    with tempfile.TemporaryDirectory(prefix="faceapp-bench-") as folder:
        Path(folder).chmod(0o711)
        for workers in arguments.workers:
            for row in alone(Path(folder) / f"var{workers}", workers):
                print(*row.line(), sep=" | ", flush=True)


def alone(var: Path, workers: int) -> list[Row]:
    from bench.__main__ import prepare

    environment = prepare(var)
    from faceapp.tests.live_stack import LiveStack, running_stack

    with running_stack(LiveStack(var, environment | {"FACEAPP_WORKER_CONCURRENCY": str(workers)})) as stack:
        return measure(stack, workers=workers)


if __name__ == "__main__":
    main()
