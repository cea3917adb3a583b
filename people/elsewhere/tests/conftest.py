"""A client whose galleries are at Rekognition: our own endpoint in this process, another client being the account."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django.fixtures import Settings

from clients.models import Client
from compat.rekognition.tests.wire import in_process, signing_key
from people.elsewhere.tests.counted import Counted
from remote import registry
from remote.aws import Rekognition


@pytest.fixture
def remote(client_a: Client, client_b: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Counted:
    """What `client_a` has at the account of `client_b`, and every call that is made there."""
    settings.QUALITY_GATE = "off"
    settings.FACE_PROCESSING_BACKEND = "deepface"
    key, secret = signing_key(client_b.name)
    backend = Counted(Rekognition(in_process(key.prefix, secret)))
    client_a.backend = "aws_rekognition"
    client_a.save()

    def called(name: str) -> Any:
        assert name == "aws_rekognition"
        return backend

    monkeypatch.setattr(registry, "backend_called", called)
    return backend
