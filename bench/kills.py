"""What is left of calls whose service is killed under them, process by process.

`python -m bench.kills FOLDER` starts a service of its own. Callers with our Python client send it photographs of
FOLDER: as jobs, as screenings they wait for, as enrolments and as detections. Each has an idempotency key where it
stores something, and is repeated as the client repeats it. Meanwhile one process after the other gets SIGKILL. At the
end every image that was accepted must have one result, with as many faces as without kills, and every person who was
enrolled must exist once.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psutil
import requests
from faceapp_client import FaceApp, FaceAppError, Retries
from faceapp_client.clients import TIMEOUT
from faceapp_client.retries import Request

from bench.load import PAGE, photographs_of
from bench.report import processors, table, write_section
from faceapp.tests.live_stack import LiveStack, eventually, running_stack

SETTINGS = {"FACEAPP_RATE_LIMIT": "", "FACEAPP_QUALITY_GATE": "off"}
CALLERS = 16
PAUSE = (2.0, 6.0)  # seconds at least and at most between the return of the service and the next kill
PATIENCE = 600.0  # seconds for the service to come back, and for the images that are left at the end
TITLE = "## When processes are killed"
JOBS, SCREENINGS, ENROLMENTS, DETECTIONS = "jobs of two images", "screenings", "enrolments", "detections"
MAKE_KEY = "from clients.services import create_api_key; print(create_api_key(client_name='caller')[1])"
GONE = "idempotency.answer_gone"  # carried out, and the answer was lost with its process


def web_processes(stack: LiveStack) -> list[psutil.Process]:
    return stack.program("app:web").children()[:1]


def worker_child(stack: LiveStack) -> list[psutil.Process]:
    """One of those that calls wait for, if these have a worker of their own."""
    name = random.choice(["app:worker", "app:express"])
    return stack.program(name).children()[:1]


def worker(stack: LiveStack) -> list[psutil.Process]:
    program = stack.program("app:worker")
    return [program, *program.children(recursive=True)]


def program(name: str) -> Callable[[LiveStack], list[psutil.Process]]:
    return lambda stack: [stack.program(name)]


VICTIMS: dict[str, Callable[[LiveStack], list[psutil.Process]]] = {
    "web process": web_processes,
    "gunicorn master": program("app:web"),
    "worker child": worker_child,
    "worker and its children": worker,
    "maintenance": program("app:maintenance"),
    "Redis": program("stores:redis"),
    "PostgreSQL": program("stores:postgres"),
}


@dataclass(frozen=True)
class Counted(Retries):
    """Patient repetitions, and the codes of the errors that caused them."""

    tries: int = 200
    longest: float = 5.0
    codes: Counter[str] = field(default_factory=Counter)

    def pause(self, attempt: int, asked: float | None) -> float:
        return super().pause(min(attempt, 8), asked)

    def allow(self, attempt: int, error: FaceAppError, request: Request) -> bool:
        self.codes[error.code] += 1
        return super().allow(attempt, error, request)


@dataclass
class Kind:
    """Calls of one kind. `stored`: the names that each is to leave behind, once or, where it failed, at most once."""

    name: str
    seconds: list[float] = field(default_factory=list)
    repeated: int = 0
    gone: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    stored: dict[str, bool] = field(default_factory=dict)
    codes: Counter[str] = field(default_factory=Counter)

    def cells(self) -> tuple[str, ...]:
        failed = ", ".join(f"{count} {code}" for code, count in self.failed.items()) or "0"
        slowest = f"{max(self.seconds, default=0):.0f} s"
        return (self.name, f"{len(self.seconds):,}", str(self.repeated), str(self.gone), failed, slowest)


class Callers:
    """Threads that send calls until they are told to stop."""

    def __init__(self, url: str, key: str, photographs: Sequence[bytes]) -> None:
        self.url, self.key, self.photographs = url, key, photographs
        self.kinds = {name: Kind(name) for name in (JOBS, SCREENINGS, ENROLMENTS, DETECTIONS)}
        self.shown: dict[str, bytes] = {}  # by the name that it was sent with
        self.over, self.lock = threading.Event(), threading.Lock()
        self.threads = [threading.Thread(target=self._send, args=[number]) for number in range(CALLERS)]

    def _send(self, number: int) -> None:
        chance, retries = random.Random(number), Counted()
        with FaceApp(self.url, self.key, retries=retries) as service:
            while not self.over.wait(0.2):
                self._call(service, retries, chance.choice(list(self.kinds.values())), chance.randrange(10**6))

    def _call(self, service: FaceApp, retries: Counted, kind: Kind, number: int) -> None:
        name = uuid4().hex
        images = [(f"{name}-{place}", self._photograph(number + place)) for place in range(2)]
        self.shown.update(images)
        send: Callable[[], object] = {
            JOBS: lambda: service.screening.submit(images),
            SCREENINGS: lambda: service.screening.screen(images[:1]),
            ENROLMENTS: lambda: service.people.enrol(images[0], name=name, face_choice="largest"),
            DETECTIONS: lambda: service.detect(images[0]),
        }[kind.name]
        stored = {JOBS: [one for one, _ in images], SCREENINGS: [images[0][0]], ENROLMENTS: [name]}
        retries.codes.clear()
        began, code = time.monotonic(), ""
        try:
            send()
        except FaceAppError as error:
            code = error.code
        with self.lock:
            kind.seconds.append(time.monotonic() - began)
            kind.repeated += bool(retries.codes)
            kind.codes += retries.codes
            kind.gone += code == GONE
            kind.failed.update([code] if code not in ("", GONE) else [])
            kind.stored |= dict.fromkeys(stored.get(kind.name, []), code in ("", GONE))

    @property
    def images(self) -> dict[str, bool]:
        """What all screenings are to leave behind."""
        return self.kinds[JOBS].stored | self.kinds[SCREENINGS].stored

    def _photograph(self, number: int) -> bytes:
        return self.photographs[number % len(self.photographs)]


@dataclass
class Found:
    """How many accepted images and enrolled people are not there, or are there twice, and wrong results."""

    lost: int = 0
    doubled: int = 0
    wrong: int = 0

    def compare(self, stored: dict[str, bool], there: Iterable[str]) -> None:
        counts = Counter(there)
        self.lost += sum(must and not counts[name] for name, must in stored.items())
        self.doubled += sum(counts[name] > 1 for name in stored)


def victims_of(stack: LiveStack, name: str) -> list[psutil.Process]:
    """None while the program is being started."""
    try:
        return VICTIMS[name](stack)
    except (AssertionError, psutil.NoSuchProcess):
        return []


def kill(stack: LiveStack, name: str) -> float:
    """Seconds until every part of the service answers again."""
    victims: list[psutil.Process] = []
    assert eventually(lambda: bool(victims.extend(victims_of(stack, name)) or victims), PATIENCE), name
    for process in victims:
        process.kill()
    began = time.monotonic()
    psutil.wait_procs(victims, timeout=5)
    assert eventually(lambda: is_ready(stack), PATIENCE), f"the service did not come back after the end of {name}"
    return time.monotonic() - began


def is_ready(stack: LiveStack) -> bool:
    try:
        return requests.get(f"{stack.url}/readyz", timeout=30).ok
    except requests.RequestException:
        return False


def measure(stack: LiveStack, photographs: Sequence[bytes], *, rounds: int) -> str:
    """The section of the page."""
    key = stack.manage("shell", "--no-imports", "--verbosity=0", "-c", MAKE_KEY).stdout.strip()
    callers = Callers(stack.url, key, photographs)
    with FaceApp(stack.url, key) as service:
        faces = {photograph: len(service.detect(photograph)) for photograph in photographs}
        back = kill_beneath(callers, stack, rounds)
        began = time.monotonic()
        eventually(lambda: all(job.is_finished for job in service.screening.jobs()), PATIENCE)
        left = time.monotonic() - began
        return section(callers, back, find(service, callers, faces), left)


def kill_beneath(callers: Callers, stack: LiveStack, rounds: int) -> dict[str, list[float]]:
    """Seconds after which the service was back, by what was killed. Returns when every caller has its answer."""
    back = {name: list[float]() for name in VICTIMS}
    for thread in callers.threads:
        thread.start()
    try:
        for name in list(VICTIMS) * rounds:
            time.sleep(random.uniform(*PAUSE))
            back[name].append(kill(stack, name))
            print(f"{name}: back after {back[name][-1]:.1f} s", flush=True)
    finally:
        callers.over.set()
        for thread in callers.threads:
            thread.join()
    for kind in callers.kinds.values():
        print(kind.name, dict(kind.codes), flush=True)
    return back


def find(service: FaceApp, callers: Callers, faces: dict[bytes, int]) -> Found:
    """Compare what the service has with what it accepted."""
    images = list(service.screening.images())
    found = Found(
        wrong=sum(
            image.status != "done" or len(image.faces) != faces[callers.shown[image.image_path_or_identifier]]
            for image in images
        )
    )
    found.compare(callers.images, (image.image_path_or_identifier for image in images))
    found.compare(callers.kinds[ENROLMENTS].stored, (person.name for person in service.people.list()))
    return found


def section(callers: Callers, back: dict[str, list[float]], found: Found, left: float) -> str:
    kinds = callers.kinds.values()
    hung = sum(kind.codes["client.timeout"] for kind in kinds)
    returned = table(((name, str(len(some)), f"{max(some):.0f} s") for name, some in back.items()), RETURNED)
    return (
        f"Written by `python -m bench.kills`, one run on {processors()} processors with the default settings, but"
        f" without rate limit and quality\ngate. {CALLERS} callers sent photographs with the Python client, which"
        " repeats a call with the same idempotency key (up to\n200 times here), while one process after the other got"
        " SIGKILL.\n\n"
        f"Of {len(callers.images):,} images and {len(callers.kinds[ENROLMENTS].stored):,} enrolments:"
        f" **lost {found.lost}, doubled {found.doubled}**, with another result than without kills {found.wrong}.\n"
        f"{hung} requests were without an answer after {TIMEOUT:.0f} seconds. The last image was finished"
        f" {left:.0f} seconds after the last call.\n\n"
        f"{returned}\n\n{table((kind.cells() for kind in kinds), CELLS)}\n"
    )


RETURNED = ("killed", "times", "until `/readyz` found every part in order, at most")
CELLS = ("calls", "sent", "repeated", "answer lost (`idempotency.answer_gone`)", "failed", "slowest")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.kills", description=__doc__)
    parser.add_argument("folder", type=Path, help="of photographs")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is killed")
    parser.add_argument("--save", type=Path, default=PAGE, metavar="FILE.md")
    arguments = parser.parse_args()
    photographs = photographs_of(arguments.folder)
    with tempfile.TemporaryDirectory(prefix="faceapp-kills-") as name:
        Path(name).chmod(0o711)
        with running_stack(LiveStack(Path(name) / "var", SETTINGS)) as stack:
            text = measure(stack, photographs, rounds=arguments.rounds)
    print(text)
    write_section(arguments.save, TITLE, text)


if __name__ == "__main__":
    main()
