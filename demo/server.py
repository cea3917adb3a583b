"""The service to talk to: one that is already running, or one that is started for the demo and stopped afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import requests

MANAGE = Path(__file__).resolve().parent.parent / "manage.py"
START_SECONDS = 600  # the first start may download models
STOP_SECONDS = 20
SCOPES = ["detect", "screen", "blacklist:read", "blacklist:write"]


class NoServerError(Exception):
    """No service answers; the message says what to do."""


@contextmanager
def available(url: str) -> Iterator[bool]:
    """Yield whether the service at `url` was started here, in which case it is stopped at the end.

    Raises `NoServerError`.
    """
    if answers(url):
        yield False
        return
    if not is_local(url):
        raise NoServerError(f"Nothing answers at {url}.")
    environment = os.environ | {"FACEAPP_PORT": str(urlsplit(url).port or 80)}
    command = [sys.executable, str(MANAGE), "up"]
    with subprocess.Popen(command, env=environment, start_new_session=True) as process:
        try:
            wait_until_ready(url, process)
            yield True
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def answers(url: str) -> bool:
    """Whether the service runs at `url`. Raises `NoServerError` if it runs but is not ready."""
    try:
        response = requests.get(f"{url}/readyz", timeout=30)
    except requests.RequestException:
        return False
    if response.status_code == requests.codes.ok:
        return True
    raise NoServerError(f"The server at {url} is not ready, or another program listens there: {response.text[:500]}")


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    """Return when the service that `process` starts is ready. Raises `NoServerError` if it ends or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise NoServerError("The service did not start.")
        try:
            if answers(url):
                return
        except NoServerError:  # it answers, but its workers are not ready yet
            pass
        time.sleep(0.5)
    raise NoServerError("The service did not become ready.")


def is_local(url: str) -> bool:
    return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")


def new_key(url: str, client: str) -> str:
    """A key for the service of this checkout, valid for a day. Raises `NoServerError` if the service is elsewhere."""
    if not is_local(url):
        raise NoServerError("Give a key of that service in FACEAPP_API_KEY.")
    options = ["--name", "make demo", "--expires-days", "1", "--scopes", *SCOPES]
    command = [sys.executable, str(MANAGE), "create_api_key", client, *options]
    answer = subprocess.run(command, capture_output=True, text=True)
    if answer.returncode:
        raise NoServerError(f"No key could be made; give one in FACEAPP_API_KEY. {answer.stderr.strip()[-500:]}")
    return answer.stdout.strip()
