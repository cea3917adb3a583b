"""What callers notice of each other: many who wait, slow senders, a backlog, and a mixed load.

`python -m bench.load FOLDER` starts a service of its own and sends it photographs of FOLDER, one thing after the other:
500 calls that wait while no worker works; 40 senders that take a second for each byte of their headers, and 40 for each
byte of their bodies; 1,000 images of one client as jobs and 100 in a call; and a mixture of calls for ten minutes.
Meanwhile somebody else asks for `/healthz`, for the login page of the admin and for a client's people four times a
second. A call that is not answered with 2xx within ten seconds has failed.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import random
import socket
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from PIL import Image

from bench.report import ROOT, processors, table, write_section
from faceapp.tests.live_stack import LiveStack, running_stack

PAGE = ROOT / "docs" / "load.md"
TITLE = "# Under load"
WAITING, SLOW, JOB_IMAGES, AT_ONCE = 500, 40, 1000, 100
SIDE = 900  # pixels, the longer side of what is sent
WAITED = 10.0  # seconds until the workers go on: all callers are answered within their minute
PATIENCE = 10.0  # seconds for a probe
SETTINGS = {"FACEAPP_RATE_LIMIT": "", "FACEAPP_QUALITY_GATE": "off", "FACEAPP_CLIENT_WAITING": "0"}
MAKE_KEYS = """
from clients.services import create_api_key
print(*(create_api_key(client_name=name)[1] for name in ("alice", "bob")))
"""


@dataclass
class Times:
    """Seconds of calls, and how many failed."""

    seconds: list[float] = field(default_factory=list)
    failed: int = 0

    def call(self, send: Callable[[], requests.Response]) -> None:
        began = time.monotonic()
        try:
            self.failed += not send().ok
        except requests.RequestException:
            self.failed += 1
        self.seconds.append(time.monotonic() - began)

    @property
    def shown(self) -> str:
        if not self.seconds:
            return "none"
        text = f"{1000 * statistics.median(self.seconds):.0f} ms, at most {1000 * max(self.seconds):.0f}"
        return text + (f"; {self.failed} of {len(self.seconds)} failed" if self.failed else "")


@dataclass(frozen=True)
class Phase:
    """What was sent, what callers beside it noticed, and the memory of the web processes (MB) at the end of it."""

    name: str
    health: Times
    login: Times
    people: Times
    web: float
    note: str

    def cells(self) -> tuple[str, ...]:
        return (self.name, self.health.shown, self.login.shown, self.people.shown, f"{self.web:.0f} MB", self.note)


class Load:
    """A running service and the keys of two clients."""

    def __init__(self, stack: LiveStack, photographs: Sequence[bytes]) -> None:
        self.stack = stack
        self.texts = [base64.b64encode(data).decode() for data in photographs]
        shown = stack.manage("shell", "--no-imports", "--verbosity=0", "-c", MAKE_KEYS).stdout
        self.alice, self.bob = shown.split()

    def get(self, path: str, key: str = "") -> requests.Response:
        return requests.get(self.stack.url + path, headers={"X-API-Key": key} if key else {}, timeout=PATIENCE)

    def post(self, path: str, key: str, timeout: float = 600, **body: Any) -> requests.Response:
        headers = {"X-API-Key": key} | ({"Prefer": "respond-async"} if body.pop("later", False) else {})
        return requests.post(f"{self.stack.url}/api/v1{path}", json=body, headers=headers, timeout=timeout)

    def detect(self) -> requests.Response:
        """A single image of bob's."""
        return self.post("/detect/detect-face", self.bob, image=self.texts[0], timeout=PATIENCE)

    def web_megabytes(self) -> float:
        """Of all web processes; what they share counts once."""
        web = self.stack.program("app:web")
        return sum(one.memory_full_info().pss for one in [web, *web.children(recursive=True)]) / 1e6

    def worker_megabytes(self) -> float:
        """Of the largest worker child."""
        return max((one.memory_info().rss for one in self.stack.worker_processes()), default=0) / 1e6

    def phase(self, name: str, attack: Callable[[], str]) -> Phase:
        """Probe while `attack` runs; it returns what is to be noted."""
        over, health, login, people = threading.Event(), Times(), Times(), Times()

        def probe() -> None:
            while not over.is_set():
                health.call(lambda: self.get("/healthz"))
                login.call(lambda: self.get("/login/"))
                people.call(lambda: self.get("/api/v1/people/", self.bob))
                over.wait(0.25)

        prober = threading.Thread(target=probe)
        prober.start()
        try:
            note = attack()
        finally:
            over.set()
            prober.join()
        return Phase(name, health, login, people, self.web_megabytes(), note)

    # ---- what is sent ---------------------------------------------------------------------------------------------
    def idle(self) -> str:
        singles = Times()
        for _ in range(30):
            singles.call(self.detect)
        return f"bob's single detections {singles.shown}"

    def wait_for_workers(self, seconds: float) -> str:
        """Calls while the workers are stopped; they are answered when those go on."""
        body = json.dumps({"image": self.texts[0]}).encode()
        with ExitStack() as stack, ExitStack() as suspended:
            suspended.enter_context(self.stack.suspended_workers())
            callers = [stack.enter_context(self.connection()) for _ in range(WAITING)]
            for caller in callers:
                caller.sendall(self.head("/api/v1/detect/detect-face", len(body)) + body)
            time.sleep(seconds)
            while_waiting = self.web_megabytes()
            suspended.close()
            answers = Counter(caller.recv(12)[9:].decode() for caller in callers)
        return f"{while_waiting:.0f} MB while they waited; answers {dict(answers)}"

    def send_slowly(self, head: bytes, seconds: float) -> str:
        with ExitStack() as stack:
            senders = [stack.enter_context(self.connection()) for _ in range(SLOW)]
            ended, end = set(), time.monotonic() + seconds
            for place in range(len(head)):
                if time.monotonic() > end:
                    break
                for sender in set(senders) - ended:
                    try:
                        sender.send(head[place : place + 1])
                    except OSError:
                        ended.add(sender)
                time.sleep(1)
        return f"{len(ended)} of {SLOW} were closed"

    def send_slow_headers(self, seconds: float) -> str:
        return self.send_slowly(b"POST /train HTTP/1.1\r\nHost: localhost\r\n" + b"X-Slow: yes\r\n" * 1000, seconds)

    def send_slow_bodies(self, seconds: float) -> str:
        return self.send_slowly(self.head("/train", 100_000) + b"x" * 1000, seconds)

    def send_backlog(self) -> str:
        """1,000 images as jobs and 100 in a call of alice's, and bob's single ones until that call is answered."""
        many = [self.texts[number % len(self.texts)] for number in range(AT_ONCE)]
        for _ in range(JOB_IMAGES // AT_ONCE):
            assert self.post("/process/process-images", self.alice, images=many, later=True).status_code == 202
        call = threading.Thread(target=lambda: self.post("/process/process-images", self.alice, images=many))
        call.start()
        singles = Times()
        while call.is_alive():
            singles.call(self.detect)
        return f"bob's single detections {singles.shown}; the largest worker {self.worker_megabytes():.0f} MB"

    def send_mixture(self, seconds: float) -> str:
        end, answers = time.monotonic() + seconds, Counter[int]()
        calls: list[Callable[[random.Random], requests.Response]] = [
            lambda chance: self.post("/detect/detect-face", self.bob, image=chance.choice(self.texts)),
            lambda chance: self.post("/people/search", self.bob, image=chance.choice(self.texts), faces="largest"),
            lambda chance: self.post("/compare/", self.bob, image=self.texts[0], images=[chance.choice(self.texts)]),
            lambda chance: self.post("/people/", self.bob, image=chance.choice(self.texts), face_choice="largest"),
            lambda chance: self.post("/detect/detect-face", self.bob, image="bm8gaW1hZ2U="),
            lambda _: self.get("/api/v1/people/", self.bob),
        ]

        def caller(number: int) -> None:
            chance = random.Random(number)
            while time.monotonic() < end:
                answers[chance.choice(calls)(chance).status_code] += 1

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(caller, range(8)))
        return f"answers {dict(sorted(answers.items()))}; the largest worker {self.worker_megabytes():.0f} MB"

    # ---- connections ----------------------------------------------------------------------------------------------
    def connection(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.stack.port), timeout=120)

    def head(self, path: str, length: int) -> bytes:
        host = urlsplit(self.stack.url).netloc
        lines = [f"POST {path} HTTP/1.1", f"Host: {host}", f"X-API-Key: {self.alice}", f"Content-Length: {length}"]
        return "\r\n".join([*lines, "Content-Type: application/json", "", ""]).encode()


def photographs_of(folder: Path) -> list[bytes]:
    return [reduced(path) for path in sorted(folder.iterdir()) if path.suffix in {".jpg", ".png"}]


def reduced(path: Path) -> bytes:
    picture, out = Image.open(path).convert("RGB"), io.BytesIO()
    picture.thumbnail((SIDE, SIDE))
    picture.save(out, "JPEG", quality=88)
    return out.getvalue()


def measure(load: Load, *, seconds: float, soak: float) -> list[Phase]:
    return [
        load.phase("nothing else", load.idle),
        load.phase(f"{WAITING} callers wait", lambda: load.wait_for_workers(min(seconds / 3, WAITED))),
        load.phase(f"{SLOW} slow senders of headers", lambda: load.send_slow_headers(seconds)),
        load.phase(f"{SLOW} slow senders of bodies", lambda: load.send_slow_bodies(seconds)),
        load.phase(f"{JOB_IMAGES:,} images as jobs, {AT_ONCE} in a call", load.send_backlog),
        load.phase(f"mixed calls for {soak:.0f} seconds", lambda: load.send_mixture(soak)),
        load.phase("nothing else", load.idle),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("folder", type=Path, help="of photographs")
    parser.add_argument("--seconds", type=float, default=60.0, help="of slow senders")
    parser.add_argument("--soak", type=float, default=600.0, help="seconds of mixed calls")
    parser.add_argument("--save", type=Path, default=PAGE, metavar="FILE.md")
    arguments = parser.parse_args()
    photographs = photographs_of(arguments.folder)
    with tempfile.TemporaryDirectory(prefix="faceapp-load-") as name:
        Path(name).chmod(0o711)
        with running_stack(LiveStack(Path(name) / "var", SETTINGS)) as stack:
            phases = measure(Load(stack, photographs), seconds=arguments.seconds, soak=arguments.soak)
    columns = ("what is sent", "`/healthz`", "login page", "a client's people", "web processes", "")
    shown = table((phase.cells() for phase in phases), columns)
    print(shown)
    head = (
        f"Written by `make load`, one run on {processors()} processors; medians. While one thing was sent, others asked"
        " four times a second\nfor what the columns name. Web processes: their memory at the end of each, what they"
        " share counted once. 503: a caller\nwhose minute was over before its turn came.\n\n"
    )
    write_section(arguments.save, TITLE, f"{head}{shown}\n")


if __name__ == "__main__":
    main()
