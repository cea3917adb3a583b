"""The dialect on the running service, with small photographs, and in process with the fake engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from rest_framework.test import APIClient

from clients.models import Client
from clients.services import create_api_key
from compat.ekyc.tests.wire import Ekyc
from faceapp.tests.live_stack import LiveStack
from liveness.tests.conftest import antispoof  # noqa: F401  a fixture
from recognition.tests.photographs import faceless, reduced

PEOPLE = {
    "P1a": "obama_1.jpg", "P1b": "obama_2.jpg", "P1c": "obama_3.jpg", "P1d": "obama_4.jpg",
    "P2": "rose_2.jpg", "P2b": "rose_1.jpg",
}  # fmt: skip
SIDE = 360  # pixels
MAKE_KEYS = (
    "from clients.services import create_api_key as k; import uuid; "
    "print('\\n'.join(k(client_name='ekyc-' + uuid.uuid4().hex)[1] for _ in range(50)))"
)


@pytest.fixture(scope="session")
def new_keys(live: LiveStack) -> Iterator[str]:
    """Keys of unused clients."""
    return iter(live.manage("shell", "--no-imports", "-c", MAKE_KEYS).stdout.split())


@pytest.fixture
def ekyc(live: LiveStack, new_keys: Iterator[str]) -> Ekyc:
    return Ekyc(live, next(new_keys))


@pytest.fixture(scope="session")
def people(faces: Path) -> dict[str, bytes]:
    """P1a to P1d show one person, P2 and P2b another, N nobody; X is no image."""
    photographs = {name: reduced(faces / file, SIDE) for name, file in PEOPLE.items()}
    return photographs | {"N": faceless(), "X": b"this is not an image"}


@pytest.fixture
def api(client_a: Client) -> APIClient:
    """A client in process."""
    return APIClient(headers={"X-API-Key": create_api_key(client_name=client_a.name)[1]})
