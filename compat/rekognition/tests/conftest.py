"""boto3 in process, with the fake engine, whose flat squares no quality gate would take."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django.fixtures import Settings

from clients.models import Client
from compat.rekognition.tests.wire import in_process, signing_key


@pytest.fixture
def aws(client_a: Client, settings: Settings) -> Any:
    """A boto3 client of a key with all usual scopes."""
    settings.QUALITY_GATE = "off"
    key, secret = signing_key(client_a.name)
    return in_process(key.prefix, secret)
