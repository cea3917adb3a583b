"""Moving people from Dlib to the default model while they are searched, enrolled and erased, with kills on the way.

`python -m bench.respace FOLDER` enrols every photograph below FOLDER (`--templates` of them, some several times) as a
person of its own with FACEAPP_MODEL=Dlib, restarts the service with the default model and Dlib beside it, and moves the
people while callers send `--rate` searches a second for photographs that are enrolled. An answer is wrong unless the
nearest person is of that photograph and matches.

Killed are, in turn, a worker of the bulk queue with its children, and the command itself. The worker that callers wait
for is left alone: a search that is under way in it would fail with `engine.worker_lost`, respace or not.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psutil
import requests

from faceapp.tests.live_stack import LiveStack, eventually, running_stack

SUFFIXES = {".jpg", ".png"}
OLD = {"FACEAPP_MODEL": "Dlib", "FACEAPP_EXTRA_MODELS": ""}
NEW = {
    "FACEAPP_MODEL": "pair128",
    "FACEAPP_EXTRA_MODELS": "Dlib",
    "FACEAPP_WAIT_SECONDS": "30",
    "FACEAPP_RESPACE_AT_ONCE": "2",
}
COMMON = {"FACEAPP_IMAGE_TIME_LIMIT": "30", "FACEAPP_QUALITY_GATE": "off", "FACEAPP_RATE_LIMIT": ""}
CALM_SECONDS = 95  # after a switch, until the old templates may be deleted
LEAST_COMPARED = 50  # faces, before the switch
PATIENCE = 3600.0


@dataclass
class Calls:
    """The searches of one phase: how many, those without an answer or with a wrong one, and milliseconds."""

    phase: str
    failed: int = 0
    wrong: int = 0
    milliseconds: list[float] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)  # of failures

    def line(self) -> str:
        if not self.milliseconds:
            return f"{self.phase:>22}: no searches"
        ordered = sorted(self.milliseconds)
        slow = ordered[int(0.95 * len(ordered))]
        return (
            f"{self.phase:>22}: {len(ordered)} searches, {self.failed} failed, {self.wrong} wrong; median"
            f" {statistics.median(ordered):.0f} ms, 95 % within {slow:.0f} ms, slowest {ordered[-1]:.0f} ms"
        )


@dataclass
class Outcome:
    """What was measured."""

    templates: int
    kills: int
    seconds: float  # from the start of the respace until every photograph had been tried
    phases: list[Calls]
    report: str  # of `manage.py respace` before the switch
    enrolled: int = 0  # and erased, meanwhile


class Service:
    """The API as a program without any retries sees it."""

    def __init__(self, stack: LiveStack) -> None:
        self.url, self.headers = f"{stack.url}/api/v1", {"X-API-Key": stack.api_key}

    def enrol(self, photograph: Path, external_id: str, **fields: str) -> requests.Response:
        fields = {"external_id": external_id, "face_choice": "largest", **fields}
        with photograph.open("rb") as file:
            return self._post("/people/", fields, file)

    def search(self, photograph: Path) -> requests.Response:
        with photograph.open("rb") as file:
            return self._post("/people/search/", {"faces": "largest", "limit": "1"}, file)

    def erase(self, person: int) -> requests.Response:
        return requests.delete(f"{self.url}/people/{person}/", headers=self.headers, timeout=60)

    def respace(self) -> dict[str, Any]:
        rows = requests.get(f"{self.url}/respaces/", headers=self.headers, timeout=60).json()["items"]
        return dict(rows[0]) if rows else {}

    def _post(self, path: str, fields: dict[str, str], file: Any) -> requests.Response:
        url = f"{self.url}{path}"
        return requests.post(url, headers=self.headers, data=fields, files={"image": file}, timeout=120)


class Callers:
    """Searches at a fixed rate, whether the answers come or not, and one person who comes and goes."""

    def __init__(self, service: Service, enrolled: Sequence[tuple[int, Path]], rate: float) -> None:
        self.service, self.enrolled, self.rate = service, enrolled, rate
        self.phases = [Calls("before")]
        self.visitors = 0
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(64)

    def phase(self, name: str) -> None:
        self.phases.append(Calls(name))

    @contextmanager
    def calling(self) -> Iterator[None]:
        threads = [threading.Thread(target=work) for work in (self._search_on, self._come_and_go)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()
            self._pool.shutdown()

    def _search_on(self) -> None:
        began = time.monotonic()
        for number, (index, photograph) in enumerate(itertools.cycle(self.enrolled)):
            if self._stop.wait(max(0.0, began + number / self.rate - time.monotonic())):
                return
            self._pool.submit(self._search, self.phases[-1], index, photograph)

    def _search(self, calls: Calls, index: int, photograph: Path) -> None:
        began = time.perf_counter()
        try:
            answer = self.service.search(photograph)
            found = answer.json()["faces"][0]["candidates"][0] if answer.ok else None
            reason = "" if found else answer.text[:200]
        except (requests.RequestException, LookupError, ValueError) as error:
            found, reason = None, repr(error)
        calls.milliseconds.append((time.perf_counter() - began) * 1000)
        if found is None:
            calls.failed += 1
            calls.reasons.append(reason)
        elif not (found["external_id"].split("-")[0] == str(index) and found["comparison"]["decision"] == "match"):
            calls.wrong += 1

    def _come_and_go(self) -> None:
        """A person with a photograph of somebody who is enrolled, under the same index: no search is wrong with it."""
        while not self._stop.wait(2.0):
            index, photograph = self.enrolled[self.visitors % len(self.enrolled)]
            enrolled = self.service.enrol(photograph, f"{index}-visitor{self.visitors}")
            self._stop.wait(1.0)
            if not (enrolled.status_code == 201 and self.service.erase(enrolled.json()["id"]).ok):
                self.phases[-1].failed += 1
                self.phases[-1].reasons.append(f"enrolment or erasure: {enrolled.text[:200]}")
            self.visitors += 1


def measure(
    folder: Path,
    photographs: Sequence[Path],
    *,
    templates: int,
    rate: float,
    kills: int,
    pause: float,
    forget: bool,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Outcome:
    """Run it in `folder`, which is empty. `pause`: seconds of searches after each step. `forget`: to the very end."""
    var = folder / "var"
    with running_stack(LiveStack(var, COMMON | OLD | environment)) as stack:
        enrolled = enrol_all(Service(stack), photographs, templates)
        output = stack.output
    with running_stack(LiveStack(var, COMMON | NEW | environment, output=output)) as stack:
        service = Service(stack)
        callers = Callers(service, enrolled, rate)
        with callers.calling():
            time.sleep(pause)
            callers.phase("computing")
            seconds = compute(stack, service, kills)
            callers.phase("comparing")
            eventually(lambda: service.respace()["compared"] >= LEAST_COMPARED, 3 * pause)
            assert eventually(lambda: service.respace()["compared"] > 0, PATIENCE)
            report = stack.manage("respace").stdout
            for name, option in (("switched", "--switch"), ("switched back", "--back"), ("switched again", "--switch")):
                stack.manage("respace", option)
                callers.phase(name)
                time.sleep(pause)
            if forget:
                time.sleep(CALM_SECONDS)
                report += stack.manage("respace", "--forget-old").stdout
                callers.phase("old templates deleted")
                time.sleep(pause)
    return Outcome(len(enrolled), kills, seconds, callers.phases, report, callers.visitors)


def enrol_all(service: Service, photographs: Sequence[Path], templates: int) -> list[tuple[int, Path]]:
    """The photographs that were taken, with their index; photographs return until there are enough."""
    wanted = [(number % len(photographs), number) for number in range(templates)]

    def enrol(item: tuple[int, int]) -> tuple[int, Path] | None:
        index, number = item
        answer = service.enrol(photographs[index], f"{index}-{number}")
        return (index, photographs[index]) if answer.status_code == 201 else None

    with ThreadPoolExecutor(4) as pool:
        return [done for done in pool.map(enrol, wanted) if done]


def compute(stack: LiveStack, service: Service, kills: int) -> float:
    """Seconds until every photograph has been tried. Something is killed after each equal share of them."""
    began = time.monotonic()
    starts: list[Callable[[], Any]] = [
        lambda: stack.beside(
            "-m", "celery", "-A", "faceapp", "worker", "-Q", "bulk", "-c", "1", "-n", f"x{time.time()}"
        ),
        lambda: stack.beside("manage.py", "respace", "--to", "default"),
    ]
    running = [start() for start in starts]
    try:
        assert eventually(lambda: bool(service.respace()), 60)
        for number in range(kills):
            share = (number + 1) / (kills + 1)
            assert eventually(lambda share=share: tried(service) >= share, PATIENCE)  # type: ignore[misc]
            kill(running[number % 2])
            running[number % 2] = starts[number % 2]()
        assert eventually(lambda: service.respace()["status"] == "ready", PATIENCE)
    finally:
        for process in running:
            kill(process)
    return time.monotonic() - began


def tried(service: Service) -> float:
    """Share of the photographs, 0 to 1."""
    row = service.respace()
    return (row["templates"] + row["failed"]) / max(row["photographs"], 1)


def kill(process: Any) -> None:
    """The program and its children, without a chance to tidy up."""
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(process.pid)
        for one in [*parent.children(recursive=True), parent]:
            with suppress(psutil.NoSuchProcess):
                one.kill()
    process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.respace", description=__doc__)
    parser.add_argument("folder", type=Path, help="of photographs")
    parser.add_argument("--templates", type=int, default=2000)
    parser.add_argument("--rate", type=float, default=5.0, help="searches a second")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to keep the outcome")
    arguments = parser.parse_args()
    photographs = sorted(path for path in arguments.folder.rglob("*") if path.suffix in SUFFIXES)
    with tempfile.TemporaryDirectory(prefix="faceapp-respace-") as name:
        Path(name).chmod(0o711)
        options = {"templates": arguments.templates, "rate": arguments.rate, "kills": arguments.kills}
        outcome = measure(Path(name), photographs, pause=20, forget=True, **options)
    print(f"{outcome.templates} templates in {outcome.seconds:.0f} s with {outcome.kills} kills,")
    print(f"{outcome.enrolled} people enrolled and erased meanwhile, {os.cpu_count()} processors")
    print(*(calls.line() for calls in outcome.phases), outcome.report, sep="\n")
    if arguments.json:
        arguments.json.write_text(json.dumps(asdict(outcome), indent=1))


if __name__ == "__main__":
    main()
