"""Stand-ins with the fake engine, whose coloured squares are people, for what is tested in milliseconds."""

from __future__ import annotations

import pytest

from remote.azure import AzureFace
from remote.azure_http import Account, Connection
from remote.tests.stand_ins.azure import KEY, AzureFaceService
from remote.tests.stand_ins.faces import Recogniser
from remote.tests.stand_ins.fixtures import case, recogniser  # noqa: F401
from remote.tests.stand_ins.serving import session_with
from vision.engines.fake import FakeEngine

ENDPOINT = "https://faces.cognitiveservices.azure.com"


@pytest.fixture
def squares() -> Recogniser:
    return Recogniser(FakeEngine())


@pytest.fixture
def azure_service(squares: Recogniser) -> AzureFaceService:
    return AzureFaceService(squares)


@pytest.fixture
def pauses() -> list[float]:
    """Seconds that the back end has waited for a training, instead of waiting."""
    return []


@pytest.fixture
def azure(azure_service: AzureFaceService, pauses: list[float]) -> AzureFace:
    """Against the stand-in in this process."""
    connection = Connection(Account(ENDPOINT, KEY), lambda: session_with(azure_service))
    return AzureFace(connection, training_seconds=10.0, search_seconds=2.0, pause=pauses.append)
