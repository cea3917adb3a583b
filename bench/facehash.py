"""Recognition while one's own gallery is trained without a pause: `python -m bench.facehash [recognitions]`.

Three people are trained with five photographs each, so that a Keras classifier is trained too. Then one caller trains
the same people again and again, each time with the same photographs, while another asks who is on pictures of them and
of two strangers. By the old state as by the new one each picture has the same right answer.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from compat.facehash.tests.conftest import MAKE_KEYS, frames, small
from compat.facehash.tests.wire import Page
from faceapp.tests.live_stack import LiveStack, running_stack
from recognition.tests.photographs import jpeg

ROOT = Path(__file__).resolve().parent.parent
FACES = ROOT.parent / "shared" / "faces"
GALLERY = {
    "obama": ["obama_1.jpg", "obama_2.jpg", "obama_240p.jpg"],
    "alex": ["alex_1.jpg", "alex_3.png"],
    "rose": ["rose_1.jpg"],
}
PROBES = {
    "obama_3.jpg": "obama",
    "obama_4.jpg": "obama",
    "alex_2.jpg": "alex",
    "rose_2.jpg": "rose",
    "biden_2.jpg": "NOT FOUND",
    "lin_1.png": "NOT FOUND",
}
LIMIT = 2.0  # seconds
VERSIONS = "from training.models import Recogniser as R; print(list(R.objects.values_list('status', 'metrics')))"


class Trainer(threading.Thread):
    """Trains everyone repeatedly until it is stopped."""

    def __init__(self, page: Page) -> None:
        super().__init__(daemon=True)
        self.page, self.stopped = page, threading.Event()
        self.photos = {who: frames([small(FACES / file) for file in files], 5) for who, files in GALLERY.items()}
        self.seconds: list[float] = []
        self.failed = 0

    def once(self) -> None:
        for who, photos in self.photos.items():
            began = time.monotonic()
            self.failed += self.page.train(who, *photos)["trainingSuccess"] != 1
            self.seconds.append(time.monotonic() - began)

    def run(self) -> None:
        while not self.stopped.is_set():
            self.once()


def measure(stack: LiveStack, count: int) -> dict[str, object]:
    """Ask `count` times; seconds of each answer, and how many were wrong."""
    page = Page(stack.url, stack.manage("shell", "--no-imports", "-c", MAKE_KEYS).stdout.split()[0])
    pictures = {file: jpeg(small(FACES / file)) for file in PROBES}
    trainer = Trainer(page)
    trainer.once()
    trainer.start()
    seconds, wrong = [], Counter[str]()
    for number in range(count):
        file = list(PROBES)[number % len(PROBES)]
        began = time.monotonic()
        said = page.who(pictures[file])["foundFace"]
        seconds.append(time.monotonic() - began)
        wrong[f"{file}: {said}"] += said != PROBES[file]
    trainer.stopped.set()
    trainer.join()
    return {
        "recognitions": len(seconds),
        "wrong": {what: times for what, times in wrong.items() if times},
        "slower_than_limit": sum(value > LIMIT for value in seconds),
        "median_s": round(statistics.median(seconds), 3),
        "p99_s": round(statistics.quantiles(seconds, n=100)[98], 3),
        "slowest_s": round(max(seconds), 3),
        "trainings": len(trainer.seconds),
        "trainings_failed": trainer.failed,
        "slowest_training_s": round(max(trainer.seconds), 2),
        "recognisers": stack.manage("shell", "--no-imports", "--verbosity=0", "-c", VERSIONS).stdout.strip(),
    }


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory(prefix="faceapp-bench-") as folder:
        Path(folder).chmod(0o711)
        with running_stack(LiveStack(Path(folder) / "var", {"FACEAPP_LOG_LEVEL": "WARNING"})) as stack:
            print(json.dumps(measure(stack, count), indent=1))


if __name__ == "__main__":
    main()
