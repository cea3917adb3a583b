"""A client whose faces are kept and searched elsewhere: in turn at each stand-in, and at our own endpoint for AWS.

The service itself runs in this process, with its own engine and real faces.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from pytest_django.fixtures import Settings

from clients.models import Client
from clients.services import create_api_key
from people.models import RemoteCollection
from recognition.tests.elsewhere.in_process import InProcess
from recognition.tests.photographs import faceless, reduced
from remote import registry
from remote.contract import RemoteBackend
from remote.tests.stand_ins.cases import LAG, Case
from remote.tests.stand_ins.faces import Recogniser
from remote.tests.stand_ins.fixtures import case, recogniser  # noqa: F401
from vision.engines import engines

REAL = {"default": {"BACKEND": "vision.engines.onnx.engine.OnnxEngine", "OPTIONS": {}}}
BUCKET = "faceapp-elsewhere"
KEYS = {"aws_access_key_id": "test-access", "aws_secret_access_key": "test-secret"}
NAMES = (
    "obama_1.jpg", "obama_2.jpg", "obama_3.jpg", "rose_1.jpg", "rose_2.jpg", "biden_1.jpg", "biden_2.jpg", "alex_1.jpg",
    "kit_1.jpg", "lin_1.png", "kit_and_rose.jpg",
)  # fmt: skip


@pytest.fixture
def real(settings: Settings, recogniser: Recogniser, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:  # noqa: F811
    """The default engine, which the stand-ins have loaded already."""
    settings.FACE_ENGINES = REAL
    engines.reset()
    monkeypatch.setitem(engines._engines, "default", recogniser.engine)
    yield
    engines.reset()


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """boto3's client for an S3 server with an empty bucket: moto stands in."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    found = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1", **KEYS)
    found.create_bucket(Bucket=BUCKET)  # others of the process may have servers of their own, with the same data
    yield found
    server.stop()


@pytest.fixture
def in_bucket(settings: Settings, s3: Any) -> None:
    """Photographs are stored there."""
    options = {
        "bucket_name": BUCKET,
        "endpoint_url": s3.meta.endpoint_url,
        "access_key": KEYS["aws_access_key_id"],
        "secret_key": KEYS["aws_secret_access_key"],
        "file_overwrite": False,
    }
    default = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
    settings.STORAGES = settings.STORAGES | {"default": default}


@pytest.fixture
def client(
    client_a: Client,
    case: Case,  # noqa: F811
    real: None,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Client:
    """Of the back end `case`; with Rekognition goes S3."""
    if case.abilities.name == "aws_rekognition":
        request.getfixturevalue("in_bucket")
    found: dict[str, RemoteBackend] = {case.abilities.name: case.backend}
    monkeypatch.setattr(registry, "backend_called", found.__getitem__)
    client_a.backend = case.abilities.name
    client_a.save()
    return client_a


@pytest.fixture(scope="session")
def pictures(real_faces: Path) -> dict[str, bytes]:
    return {name: reduced(real_faces / name, 480) for name in NAMES} | {"nobody": faceless()}


@pytest.fixture
def api(client: Client) -> InProcess:
    return InProcess(create_api_key(client_name=client.name, scopes=["all", "references"])[1])


@pytest.fixture
def entry(api: InProcess, case: Case, photos: dict[str, bytes]) -> dict[str, Any]:  # noqa: F811
    """The person of S1 and S2 is listed from S1, and the service shows it."""
    response = api.enlist("Listed", photos["S1"], reason="a reason")
    assert response.status_code == 201, response.text
    settle(case)
    return dict(response.json())


def settle(case: Case) -> None:  # noqa: F811
    """Reads until the service shows what it has."""
    for name in RemoteCollection.objects.values_list("name", flat=True):
        for _ in range(LAG):
            list(case.backend.faces(name))
