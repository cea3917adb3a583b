"""`manage.py up` with everything it starts, for real."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from environment import BASE_DIR, socket_directory
from faceapp.tests.live_stack import LiveStack, eventually, running_stack
from vision.tests.drawing import RED, picture
from vision.tests.shared_weights import copied_for

pytestmark = pytest.mark.models

PACKAGES = Path(pytest.__file__).parent.parent
UNUSED = ("tensorflow", "moto", "cfnlint")  # half of all files
LEAN = {"FACEAPP_WORKER_CONCURRENCY": "1"}  # a second child would load the models once more at each start


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where several starts keep their data; the database's user may pass through."""
    with tempfile.TemporaryDirectory(prefix="faceapp-up-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.fixture(scope="module")
def own_stack(folder: Path) -> Iterator[LiveStack]:
    """In a path as awkward as a path may be; `live` has a plain one."""
    var = folder / "a folder; 100% 'odd' #1" / ("long" * 25)
    var.mkdir(parents=True)
    models = {"FACEAPP_MODELS_DIR": str(copied_for(None, var))}
    with running_stack(LiveStack(var, LEAN | models)) as stack:
        yield stack
    shutil.rmtree(socket_directory(var))


@pytest.fixture
def stack(own_stack: LiveStack) -> LiveStack:
    """A running service for tests that stop or break it; it is started again, with the same data, when it has ended."""
    if not alive(own_stack.processes()):
        own_stack.start()
    return own_stack


def is_ready(stack: LiveStack) -> bool:
    try:
        return requests.get(f"{stack.url}/readyz", timeout=60).ok
    except requests.RequestException:
        return False


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def test_ctrl_c_ends_every_program_and_the_next_start_finds_the_data(stack: LiveStack) -> None:
    stack.manage("create_api_key", "kept", "--scopes", "all")
    processes = stack.processes()
    assert len(processes) >= 10  # up, supervisor, database, queue, worker and child, maintenance, trainer, beat, web

    stack.stop(signal.SIGINT)

    assert stack.process and stack.process.returncode == 0
    assert alive(processes) == []
    stack.start()
    assert "first start" not in stack.log.read_text()
    count = "from clients.models import Client; print(Client.objects.filter(name='kept').count())"
    assert stack.manage("shell", "--verbosity=0", "--command", count).stdout.strip() == "1"


def test_a_second_start_in_the_same_folder_is_refused(stack: LiveStack) -> None:
    second = stack.manage("up", check=False)
    assert second.returncode == 1
    assert "already runs in this folder" in second.stderr
    assert is_ready(stack)


def test_a_port_in_use_is_told_before_anything_starts(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = LiveStack(folder / "unused", port=port).manage("up", check=False)
    assert refused.returncode == 1
    assert f"Port {port} cannot be used" in refused.stderr
    assert f"FACEAPP_PORT={port + 1}" in refused.stderr
    assert not (folder / "unused" / "postgres").exists()


@pytest.mark.parametrize(
    "name", ["stores:postgres", "stores:redis", "app:worker", "app:maintenance", "app:trainer", "app:web", "app:beat"]
)
def test_a_killed_program_comes_back(stack: LiveStack, name: str) -> None:
    killed = stack.program(name)
    old = [killed, *killed.children(recursive=True)]
    killed.kill()
    assert eventually(lambda: stack.running().get(name, killed.pid) != killed.pid)
    assert eventually(lambda: is_ready(stack), seconds=60)
    assert eventually(lambda: alive(old) == [])


def test_a_path_too_long_for_sockets_and_with_odd_characters(stack: LiveStack) -> None:
    assert len(str(stack.var)) > 100 and "100% 'odd' #1" in str(stack.var)
    assert eventually(lambda: is_ready(stack), seconds=60)


def test_nothing_is_left_when_up_is_killed(stack: LiveStack) -> None:
    processes = stack.processes()
    processes[0].kill()
    assert eventually(lambda: alive(processes) == [])
    stack.start()  # what is still stopping is waited for


def test_nothing_is_left_when_the_supervisor_is_killed(stack: LiveStack) -> None:
    processes = stack.processes()
    [supervisor] = [process for process in processes if "supervisor.supervisord" in process.cmdline()]
    supervisor.kill()
    assert eventually(lambda: alive(processes) == [])
    assert "The supervisor has ended" in stack.log.read_text()


def test_nobody_else_can_read_what_it_keeps(live: LiveStack) -> None:
    for path in live.var.iterdir():
        if path.name not in {"run", "postgres", "static"}:
            assert path.stat().st_mode & 0o077 == 0, path.name
    assert live.var.stat().st_mode & 0o066 == 0
    assert (live.var / "postgres").stat().st_mode & 0o777 == 0o700
    assert (live.var / "run").stat().st_mode & 0o007 == 0


def test_the_web_server_loads_no_model_library(live: LiveStack) -> None:
    web = live.program("app:web")
    for process in [web, *web.children()]:
        loaded = {Path(mapping.path).name for mapping in process.memory_maps()}
        assert not [
            name for name in loaded if any(part in name for part in ("dlib", "onnxruntime", "cv2", "tensorflow"))
        ]


def test_the_web_server_keeps_no_connection_of_an_answered_call(live: LiveStack) -> None:
    """Each call comes over a connection of its own, and with that has a greenlet of its own."""

    def call() -> None:
        image = {"image": ("a.png", picture(RED))}
        url, headers = f"{live.url}/api/v1/detect/detect-face", {"X-API-Key": live.api_key}
        assert requests.post(url, files=image, headers=headers, timeout=60).ok

    processes = live.program("app:web").children()
    for _ in range(10):
        call()
    before = sum(process.num_fds() for process in processes)
    for _ in range(40):
        call()
    assert sum(process.num_fds() for process in processes) < before + 20


def python_for(user: str) -> str | None:
    """A Python of our version that `user` can run; None also if `user` cannot read our packages or this project."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    script = 'cd "$1" && exec "$2" -c "import django, environment"'
    options: dict[str, Any] = {"user": user, "extra_groups": [], "cwd": "/", "env": {"PYTHONPATH": str(PACKAGES)}}
    for program in (f"/usr/bin/{name}", f"/usr/local/bin/{name}", str(Path(sys.executable).resolve())):
        check = ["sh", "-c", script, "sh", str(BASE_DIR), program]
        if subprocess.run(check, capture_output=True, **options).returncode == 0:
            return program
    return None


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_an_ordinary_user_needs_nothing_outside_the_folder() -> None:
    python = python_for("nobody")
    if not python:
        pytest.skip("no Python and packages that an ordinary user can read")
    packages = LEAN | {"PYTHONPATH": str(PACKAGES)}
    with tempfile.TemporaryDirectory(prefix="faceapp-user-") as name:
        user = pwd.getpwnam("nobody")
        os.chown(name, user.pw_uid, user.pw_gid)
        packages |= {"FACEAPP_MODELS_DIR": str(copied_for("nobody", Path(name)))}
        with running_stack(LiveStack(Path(name) / "var", packages, python=python, user="nobody")) as stack:
            assert {process.username() for process in stack.processes()} == {"nobody"}
            assert (stack.var / "postgres" / "data" / "PG_VERSION").exists()
            processes = stack.processes()
            stack.stop(signal.SIGTERM)
            assert alive(processes) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_in_a_folder_that_others_cannot_enter() -> None:
    """The packages lie there too, so that the database's programs are out of reach as well."""
    with tempfile.TemporaryDirectory(prefix="faceapp-root-") as name:
        home = Path(name)
        home.chmod(0o700)
        shutil.copytree(
            PACKAGES, home / "packages", copy_function=os.link, symlinks=True, ignore=shutil.ignore_patterns(*UNUSED)
        )
        stack = LiveStack(home / "var", LEAN | {"PYTHONPATH": str(home / "packages")})
        try:
            with running_stack(stack):
                assert "cannot enter this folder" in stack.output
                data = (stack.var / "postgres").resolve()
                assert not data.is_relative_to(home)
                assert data.stat().st_mode & 0o777 == 0o700
                assert stack.program("stores:postgres").username() in {"postgres", "nobody"}
        finally:
            for link in ("postgres", "run"):
                shutil.rmtree((stack.var / link).resolve())


def test_the_first_start_shows_a_key_and_a_password_that_work(live: LiveStack) -> None:
    assert requests.get(f"{live.url}/api/v1/jobs/", timeout=60).status_code == 401
    answer = requests.get(f"{live.url}/api/v1/jobs/", headers={"X-API-Key": live.api_key}, timeout=60)
    assert answer.status_code == 200
    check = "from django.contrib.auth import authenticate; print(authenticate(username='admin', password='{}'))"
    shown = live.manage("shell", "--verbosity=0", "--command", check.format(live.admin_password))
    assert shown.stdout.strip() == "admin"
