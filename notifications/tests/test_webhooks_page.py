"""The receiver of docs/webhooks.md, run as it stands there."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from django.conf import settings as project
from django.utils import timezone
from pytest_django.fixtures import Settings

from clients.models import Client
from faceapp.tests.live_stack import free_port
from notifications.delivery import deliver_due
from notifications.models import Delivery, Subscription
from notifications.services import redeliver, rotate_secret, send_test
from notifications.signing import secret_text, signature
from notifications.tests.conftest import subscribe
from notifications.types import Event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("as_owner")]
PAGE = (project.BASE_DIR / "docs" / "webhooks.md").read_text()
CODE = "".join(
    file.read_text() for package in ("notifications", "mqtt") for file in (project.BASE_DIR / package).glob("*.py")
)
PATIENCE = 60.0


@pytest.fixture
def documented(client_a: Client, settings: Settings) -> Iterator[tuple[Subscription, subprocess.Popen[str]]]:
    """A subscription whose URL leads to the receiver, and the receiver."""
    port = free_port()
    settings.WEBHOOK_HOSTS, settings.WEBHOOK_ALLOW_PRIVATE = [f"127.0.0.1:{port}"], True
    subscription = subscribe(client_a, f"http://127.0.0.1:{port}/")
    environment = os.environ | {"WEBHOOK_SECRET": secret_text(subscription), "PORT": str(port)}
    program = [sys.executable, "-c", code()]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(program, env=environment, text=True, **pipes) as process:  # type: ignore[call-overload]
        try:
            wait_for(port)
            yield subscription, process
        finally:
            process.kill()


def code() -> str:
    [text] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    return str(text)


def wait_for(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_the_receiver_is_short() -> None:
    assert len([line for line in code().splitlines() if line.strip()]) <= 20


def test_it_acts_once_on_what_is_genuine(documented: tuple[Subscription, subprocess.Popen[str]]) -> None:
    subscription, process = documented
    first = send_test(subscription=subscription)
    assert answer_to(first) == 204
    redeliver(delivery=first)
    assert answer_to(first) == 204
    rotate_secret(subscription=subscription)
    assert answer_to(send_test(subscription=subscription)) == 204  # the former secret still signs
    Subscription.objects.update(previous_until=timezone.now())
    rotate_secret(subscription=subscription)
    assert answer_to(send_test(subscription=subscription)) == 401  # by two secrets that it does not know
    process.kill()
    assert process.communicate()[0].splitlines() == ["test {}"] * 2


@pytest.mark.parametrize(
    ("age", "tampered", "status"),
    [(0, "", 204), (-200, "", 204), (0, " ", 401), (301, "", 401), (-600, "", 401)],
    ids=["genuine", "a slow way", "forged", "old", "from the future"],
)
def test_it_refuses_what_is_forged_or_old(
    documented: tuple[Subscription, subprocess.Popen[str]], age: int, tampered: str, status: int
) -> None:
    """Whoever has overheard a message can neither change it nor send it later."""
    subscription, process = documented
    body = b'{"id": "1", "event": "test", "data": {}}'
    signed = signature(body, secrets=[secret_text(subscription)], timestamp=int(time.time()) - age)
    request = Request(subscription.target, body + tampered.encode(), {"Faceapp-Signature": signed})
    try:
        with urlopen(request, timeout=PATIENCE) as response:
            assert response.status == status
    except HTTPError as error:
        assert error.code == status
    process.kill()
    assert process.communicate()[0].splitlines() == (["test {}"] if status == 204 else [])


def answer_to(delivery: Delivery) -> int | None:
    deliver_due()
    return Delivery.objects.get(pk=delivery.pk).answer


def test_the_page_names_every_event_and_error() -> None:
    messages = PAGE.partition("| event |")[2].partition("## ")[0]
    assert set(re.findall(r"^\| `([a-z.]+)` \|", messages, re.MULTILINE)) == {*Event}
    errors = set(re.findall(r"\"((?:webhook|email|mqtt|subscription)\.[a-z_]+)\"", CODE))
    assert len(errors) >= 8 and all(f"`{error}`" in PAGE for error in errors)
