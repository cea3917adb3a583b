"""Runs programs under supervisor: they start together, are restarted when they crash, and stop together."""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping
from configparser import RawConfigParser
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xmlrpc.client import ServerProxy

import psutil
from supervisor.xmlrpc import SupervisorTransport

from faceapp.embedded.launch import adopt_orphans, launched

STOP_SECONDS = 15.0  # a clean stop takes two; after this time supervisor is killed, and its programs with it
ORPHAN_SECONDS = 12.0  # PostgreSQL, the slowest, has ten
LOG_LINES = 15
CONFIG = "supervisord.conf"  # in `var`, where `supervisorctl -c supervisord.conf` works


class StackError(Exception):
    """A program did not start or did not answer. The message ends with the last lines of its log."""


@dataclass(frozen=True)
class Program:
    """What supervisor runs. The group `stores` starts at once; the group `app` starts later and stops first."""

    name: str
    group: str
    command: list[str]
    stop_signal: str
    stop_seconds: int = 2
    environment: Mapping[str, str] = field(default_factory=dict)  # besides ours


@dataclass
class Supervisor:
    """A supervisor process, with its files in `var` and its control socket in `run_dir`."""

    programs: list[Program]
    var: Path
    run_dir: Path
    directory: Path
    process: subprocess.Popen[bytes] | None = None

    def log(self, name: str) -> Path:
        return self.var / "log" / f"{name}.log"

    def start(self, *, keep_open: int) -> None:
        """Start supervisor and the stores. It keeps the file descriptor `keep_open` open as long as it runs."""
        for folder in ("log", "programs"):
            (self.var / folder).mkdir(mode=0o700, exist_ok=True)
        for program in self.programs:
            given = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in program.environment.items())
            script = f"{given}cd {shlex.quote(str(self.directory))} && exec {shlex.join(program.command)}\n"
            (self.var / _script(program)).write_text(script)
        with (self.var / CONFIG).open("w") as file:
            self._configuration().write(file)
        command = [sys.executable, "-m", "supervisor.supervisord", "--configuration", CONFIG]
        adopt_orphans()
        self.process = subprocess.Popen(
            launched(command, signal_name="TERM"),
            cwd=self.var,
            pass_fds=[keep_open],
            start_new_session=True,  # so that Ctrl-C in the terminal reaches only us
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        self._wait_for_socket()

    def start_group(self, group: str) -> None:
        self._call("startProcessGroup", group, False)

    def check(self) -> None:
        """Raise StackError if supervisor has ended or a program does not stay up."""
        if not self.process or self.process.poll() is not None:
            raise StackError("The supervisor has ended." + self.tail("supervisor"))
        for state in self._call("getAllProcessInfo"):
            if state["statename"] in ("BACKOFF", "FATAL", "EXITED"):
                raise StackError(f"The program '{state['name']}' does not start." + self.tail(state["name"]))

    def wait(self) -> None:
        """Wait until supervisor ends by itself, which is a StackError."""
        while self.process and self.process.poll() is None:
            os.wait()  # also forgets adopted programs that have ended
        self.check()

    def stop(self) -> None:
        """Stop every program, then supervisor."""
        if not self.process:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        _end_orphans()

    def tail(self, name: str) -> str:
        """The last lines of a program's log, to append to a message."""
        if not self.log(name).exists():
            return ""
        lines = self.log(name).read_text(errors="replace").splitlines()[-LOG_LINES:]
        return "\n".join([f" The end of {self.log(name)}:", *(f"  | {line}" for line in lines)])

    def _call(self, method: str, *arguments: object) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self.run_dir / 'supervisor.sock'}")
        with ServerProxy("http://127.0.0.1", transport=transport) as proxy:
            return getattr(proxy.supervisor, method)(*arguments)

    def _wait_for_socket(self) -> None:
        deadline = time.monotonic() + 20
        while True:
            try:
                return self.check()
            except (OSError, ValueError) as error:
                if time.monotonic() > deadline:
                    raise StackError("The supervisor does not answer." + self.tail("supervisor")) from error
                time.sleep(0.05)

    def _configuration(self) -> RawConfigParser:
        """Paths in it are relative, because supervisor cannot read signs such as % and # in a path."""
        run_dir = self.run_dir.relative_to(self.var) if self.run_dir.is_relative_to(self.var) else self.run_dir
        config = RawConfigParser()
        config["supervisord"] = {
            "nodaemon": "true",
            "silent": "true",
            "nocleanup": "true",
            "umask": "077",
            "logfile": "log/supervisor.log",
            "logfile_maxbytes": "5MB",
            "logfile_backups": "1",
            "pidfile": str(run_dir / "supervisord.pid"),
            **({"user": "root"} if os.geteuid() == 0 else {}),
        }
        config["unix_http_server"] = {"file": str(run_dir / "supervisor.sock"), "chmod": "0700"}
        config["rpcinterface:supervisor"] = {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
        }
        config["supervisorctl"] = {"serverurl": f"unix://{run_dir / 'supervisor.sock'}"}
        for program in self.programs:
            config[f"program:{program.name}"] = _section(program)
        for priority, group in enumerate(("stores", "app")):
            if names := [program.name for program in self.programs if program.group == group]:
                config[f"group:{group}"] = {"programs": ",".join(names), "priority": str(priority)}
        return config


def _end_orphans() -> None:
    """Wait for programs that outlived the supervisor, and kill those that do not end.

    The death of the supervisor asks each of them to stop; a Celery worker may wait for a child that it has lost.
    """
    deadline = time.monotonic() + ORPHAN_SECONDS
    while orphans := psutil.Process().children(recursive=True):
        if time.monotonic() > deadline:
            for orphan in orphans:
                with suppress(psutil.NoSuchProcess):
                    orphan.kill()
        psutil.wait_procs(orphans, timeout=0.2)


def _script(program: Program) -> str:
    return f"programs/{program.name}.sh"


def _section(program: Program) -> dict[str, str]:
    return {
        "command": f"/bin/sh {_script(program)}",
        "autostart": str(program.group == "stores").lower(),
        "autorestart": "true",
        "startretries": "1000000",  # with growing pauses
        "stopsignal": program.stop_signal,
        "stopwaitsecs": str(program.stop_seconds),
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": f"log/{program.name}.log",
        "stdout_logfile_maxbytes": "10MB",
        "stdout_logfile_backups": "3",
    }
