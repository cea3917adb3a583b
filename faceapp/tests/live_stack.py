"""A whole service for tests: `manage.py up` with real settings in a folder of its own."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from xmlrpc.client import ServerProxy

import psutil
from supervisor.xmlrpc import SupervisorTransport

from environment import BASE_DIR, socket_directory
from faceapp.embedded.launch import launched
from vision.tests.shared_weights import SHARED

OF_TESTS = ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")
START_SECONDS = 240
PREPARATIONS = ("shell", "create_api_key")  # commands with which tests begin; the others are tested themselves
READY = "Ctrl-C stops everything."
# Every process of a test run begins elsewhere, and none gives a port twice.
PORTS = islice(cycle(range(20_000, 32_000)), os.getpid() * 10 % 12_000, None)


@dataclass
class LiveStack:
    """`environment` is added to ours; `python` runs it, as `user` where one is given."""

    var: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    python: str = sys.executable
    directory: Path = BASE_DIR
    user: str | None = None
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    output: str = ""
    loaded: subprocess.Popen[str] | None = field(default=None, init=False)  # manage.py, for many commands

    @property
    def log(self) -> Path:
        """What `up` prints."""
        return self.var.with_name(f"{self.var.name}.log")

    @property
    def url(self) -> str:
        """Without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def api_key(self) -> str:
        return self._shown(r"\n +API key +(\S+)")

    @property
    def admin_password(self) -> str:
        return self._shown(r"\n +password +(\S+)")

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """The output of a management command in the environment of this service."""
        command = [self.python, "manage.py", *arguments]
        if arguments[0] in PREPARATIONS:
            done = self._forked(command, arguments)
            if check:
                done.check_returncode()
            return done
        return subprocess.run(
            command, env=self._environ(), cwd=self.directory, capture_output=True, text=True, check=check
        )

    def _forked(self, command: list[str], arguments: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        if not self.loaded or self.loaded.poll() is not None:
            program = [self.python, str(BASE_DIR / "faceapp" / "tests" / "loaded_manage.py")]
            pipe = subprocess.PIPE
            self.loaded = subprocess.Popen(
                program, env=self._environ(), cwd=self.directory, stdin=pipe, stdout=pipe, text=True
            )
        assert self.loaded.stdin and self.loaded.stdout
        with tempfile.TemporaryDirectory() as folder:
            output, errors = Path(folder, "output"), Path(folder, "errors")
            self.loaded.stdin.write(json.dumps([arguments, str(output), str(errors)]) + "\n")
            self.loaded.stdin.flush()
            status = int(self.loaded.stdout.readline())
            return subprocess.CompletedProcess(command, status, output.read_text(), errors.read_text())

    def beside(self, *command: str) -> subprocess.Popen[bytes]:
        """Another program of this service, started with its Python; its output is dropped."""
        return subprocess.Popen(
            [self.python, *command],
            env=self._environ(),
            cwd=self.directory,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def start(self) -> None:
        """Return when the service says that it is ready; AssertionError with its output when it does not."""
        self.port = self.port or free_port()
        command = launched([self.python, "manage.py", "up"], signal_name="TERM", user=self.user)
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command, env=self._environ(), cwd=self.directory, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        while READY not in self.log.read_text():
            assert self.process.poll() is None, f"the service did not start:\n{self.log.read_text()}"
            assert time.monotonic() < deadline, f"the service is not ready in time:\n{self.log.read_text()}"
            time.sleep(0.1)
        self.output += self.log.read_text()

    def processes(self) -> list[psutil.Process]:
        """Every running process of this service."""
        if not self.process or not psutil.pid_exists(self.process.pid):
            return []
        up = psutil.Process(self.process.pid)
        return [up, *up.children(recursive=True)]

    def program(self, name: str) -> psutil.Process:
        """The program that supervisor calls `name`, with its group (`app:web`) or without, once it runs."""
        assert eventually(lambda: name in self.running()), f"{name} does not run"
        return psutil.Process(self.running()[name])

    def worker_processes(self) -> list[psutil.Process]:
        """Of the workers that analyse images."""
        running = self.running()
        programs = [psutil.Process(running[name]) for name in ("worker", "express") if name in running]
        return [one for program in programs for one in (program, *program.children(recursive=True))]

    @contextmanager
    def suspended_workers(self) -> Iterator[None]:
        processes = self.worker_processes()
        for process in processes:
            process.suspend()
        try:
            yield
        finally:
            for process in reversed(processes):
                process.resume()

    def stop(self, number: int = signal.SIGINT) -> None:
        """Send the signal, as a terminal does, to the whole process group, and wait."""
        if self.loaded:
            self.loaded.communicate(timeout=60)
            self.loaded = None
        if self.process:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            self.process.wait(timeout=60)

    def files(self) -> set[Path]:
        """Every file of this service and beside its folder. It is no error that PostgreSQL's come and go meanwhile."""
        return {Path(folder, name) for folder, _, names in os.walk(self.var.parent) for name in names}

    def logged(self, *programs: str) -> list[str]:
        """The lines in the logs of these programs, or of all, with those before the last rotation."""
        logs = [log for name in programs or ["*"] for log in sorted((self.var / "log").glob(f"{name}.log*"))]
        return [line for log in logs for line in log.read_text(errors="replace").splitlines()]

    def running(self) -> dict[str, int]:
        """Process numbers by name, with and without group; none while supervisor does not answer."""
        transport = SupervisorTransport(None, None, f"unix://{socket_directory(self.var) / 'supervisor.sock'}")
        with suppress(OSError), ServerProxy("http://127.0.0.1", transport=transport) as proxy:
            states: Any = proxy.supervisor.getAllProcessInfo()
            running = [state for state in states if state["statename"] == "RUNNING"]
            return {name: one["pid"] for one in running for name in (one["name"], f"{one['group']}:{one['name']}")}
        return {}

    def _environ(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name not in OF_TESTS}
        ours = {"FACEAPP_VAR": str(self.var), "FACEAPP_PORT": str(self.port), "FACEAPP_MODELS_DIR": str(SHARED)}
        return inherited | ours | dict(self.environment)

    def _shown(self, pattern: str) -> str:
        found = re.search(pattern, self.output)
        assert found, f"the first start did not show it:\n{self.output}"
        return found[1]


def eventually(condition: Callable[[], bool], seconds: float = 60) -> bool:
    """Whether `condition` holds now or before `seconds` are over."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def free_port() -> int:
    """Below the ports that the system gives to connections, so that none of them takes it before the service does."""
    for port in PORTS:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


WEBHOOK_PORT = free_port()  # of this machine, to which the shared service may send webhooks


@contextmanager
def running_stack(stack: LiveStack) -> Iterator[LiveStack]:
    """The stack while it runs."""
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


@contextmanager
def running(command: list[str], *, log: Path, cwd: Path = Path("/")) -> Iterator[subprocess.Popen[bytes]]:
    """The program while it runs; it is asked to stop at the end, and killed when it does not."""
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output, cwd=cwd) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
