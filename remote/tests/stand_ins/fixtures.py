"""Fixtures for tests that hold for every back end; to be imported by name where they are used."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from faceapp.tests.live_stack import LiveStack
from remote.tests.stand_ins import cases
from remote.tests.stand_ins.cases import Case
from remote.tests.stand_ins.faces import Recogniser
from vision.engines.onnx.engine import OnnxEngine
from vision.tests.shared_weights import put_in_place


@pytest.fixture(scope="session")
def recogniser() -> Recogniser:
    """With the engine that is the service's default."""
    engine = OnnxEngine()
    put_in_place(engine.files())
    return Recogniser(engine)


@pytest.fixture(scope="module", params=cases.CASES)
def case(request: pytest.FixtureRequest, recogniser: Recogniser) -> Iterator[Case]:
    """Each back end in turn; our own endpoint is that of the shared service."""
    if request.param == "own endpoint":
        live: LiveStack = request.getfixturevalue("live")
        yield cases.own_endpoint(live)
    else:
        with cases.MAKERS[request.param](recogniser) as found:
            yield found
