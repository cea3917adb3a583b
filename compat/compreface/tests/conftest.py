"""Two worlds in which the contract holds: drawn faces and the fake engine in process, and the running service with real
weights and photographs. The live stack is asked as any program would ask it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from clients.models import Client
from compat.compreface.tests.wire import Caller, caller_of
from faceapp.tests.live_stack import LiveStack
from recognition.tests.photographs import faceless, reduced, side_by_side
from vision.tests.drawing import GREEN, RED, picture

SIDE = 400  # pixels
MAKE_KEYS = """
import uuid
from clients.services import get_or_create_client as client
from compat.compreface.services import create_service
from people.models import Gallery
def service(name, **more):
    owner = client(name=name)
    gallery = Gallery.objects.named(owner, "cf")
    return create_service(client=owner, kinds="RDV", name=name, gallery=gallery, embeddings=True, **more)[1]
for _ in range(100):
    alias = str(uuid.uuid4())
    service("cf-" + alias[:8], key_uuid=alias)
    print(alias)
"""


@dataclass(frozen=True)
class World:
    """Callers without anybody, and images: two of Ann, two of Bob, both of them, nobody."""

    ann: bytes
    ann_again: bytes
    bob: bytes
    bob_again: bytes
    both: bytes
    nobody: bytes
    caller: Caller
    other: Caller  # of another client

    def enrol(self) -> tuple[str, str]:
        """Ann and Bob, by one photograph each; returns the ids of these."""
        return self.caller.add("Ann", self.ann), self.caller.add("Bob", self.bob)


@pytest.fixture
def caller(client_a: Client, settings: Settings) -> Caller:
    """With all services, and the fake engine, whose flat squares no quality gate would take."""
    settings.QUALITY_GATE = "off"
    return caller_of(client_a)


@pytest.fixture(scope="session")
def live_keys(live: LiveStack) -> Iterator[str]:
    """UUIDs as keys, each of an unused client."""
    return iter(live.manage("shell", "--no-imports", "-c", MAKE_KEYS).stdout.split())


@pytest.fixture(scope="session")
def live_other(live_keys: Iterator[str]) -> str:
    """The key of a client who never has anybody."""
    return next(live_keys)


@pytest.fixture(scope="session")
def live_images(faces: Path) -> dict[str, bytes]:
    files = {"ann": "rose_1.jpg", "ann_again": "rose_2.jpg", "bob": "obama_1.jpg", "bob_again": "obama_2.jpg"}
    found = {name: reduced(faces / file, SIDE) for name, file in files.items()}
    return found | {"both": side_by_side(faces / files["bob"], faces / files["ann"]), "nobody": faceless()}


DRAWN = pytest.mark.parametrize("world", ["drawn"], indirect=True)  # for rules, of which the contract says nothing


@pytest.fixture(params=["drawn", pytest.param("live", marks=pytest.mark.models)])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "live":
        return live_world(request)
    caller, client_b = request.getfixturevalue("caller"), request.getfixturevalue("client_b")
    return World(
        ann=picture(RED), ann_again=picture(RED), bob=picture(GREEN), bob_again=picture(GREEN),
        both=picture(GREEN, RED), nobody=picture(), caller=caller, other=caller_of(client_b),
    )  # fmt: skip


def live_world(request: pytest.FixtureRequest) -> World:
    url, keys = request.getfixturevalue("live").url, request.getfixturevalue("live_keys")
    images: dict[str, Any] = request.getfixturevalue("live_images")
    other = request.getfixturevalue("live_other")
    return World(**images, caller=Caller(next(keys), url), other=Caller(other, url))


@dataclass(frozen=True)
class Stocked:
    """A world in which Ann and Bob are known, by the ids of their examples. Tests change nothing of it."""

    world: World
    ann: str
    bob: str

    @property
    def caller(self) -> Caller:
        return self.world.caller


@pytest.fixture(scope="session")
def once() -> dict[str, Stocked]:
    """What is enrolled in the running service once for all tests."""
    return {}


@pytest.fixture
def stocked(world: World, once: dict[str, Stocked]) -> Stocked:
    if not world.caller.url:
        return Stocked(world, *world.enrol())
    return once.setdefault("live", Stocked(world, *world.enrol())) if "live" not in once else once["live"]
