"""A client whose faces are kept and searched elsewhere: in turn at each stand-in, and at our own endpoint for AWS.

The service itself runs in this process, with its own engine and real faces.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from clients.models import Client
from recognition.tests.photographs import faceless, reduced
from remote import registry
from remote.contract import RemoteBackend
from remote.tests.stand_ins.cases import Case
from remote.tests.stand_ins.faces import Recogniser
from remote.tests.stand_ins.fixtures import case, recogniser  # noqa: F401
from vision.engines import engines

REAL = {"default": {"BACKEND": "vision.engines.onnx.engine.OnnxEngine", "OPTIONS": {}}}
NAMES = ("obama_1.jpg", "obama_2.jpg", "obama_3.jpg", "rose_1.jpg", "rose_2.jpg", "biden_1.jpg", "kit_and_rose.jpg")


@pytest.fixture
def real(settings: Settings, recogniser: Recogniser, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:  # noqa: F811
    """The default engine, which the stand-ins have loaded already."""
    settings.FACE_ENGINES = REAL
    engines.reset()
    monkeypatch.setitem(engines._engines, "default", recogniser.engine)
    yield
    engines.reset()


@pytest.fixture
def client(client_a: Client, case: Case, real: None, monkeypatch: pytest.MonkeyPatch) -> Client:  # noqa: F811
    """Of the back end `case`."""
    found: dict[str, RemoteBackend] = {case.abilities.name: case.backend}
    monkeypatch.setattr(registry, "backend_called", found.__getitem__)
    client_a.backend = case.abilities.name
    client_a.save()
    return client_a


@pytest.fixture(scope="session")
def pictures(faces: Path) -> dict[str, bytes]:
    return {name: reduced(faces / name, 480) for name in NAMES} | {"nobody": faceless()}
