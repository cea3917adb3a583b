"""A caller with all services, and the fake engine, whose flat squares no quality gate would take."""

from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings

from clients.models import Client
from compat.compreface.tests.wire import Caller, caller_of


@pytest.fixture
def caller(client_a: Client, settings: Settings) -> Caller:
    settings.QUALITY_GATE = "off"
    return caller_of(client_a)
