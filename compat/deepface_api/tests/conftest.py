"""The dialect in process with the fake engine, whose flat squares no quality gate would take."""

from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from clients.models import Client, Scope
from clients.scopes import expand
from clients.services import create_api_key
from liveness.tests.conftest import antispoof  # noqa: F401  a fixture


def bearer(client: Client, *scopes: str) -> APIClient:
    """A caller with a key of these scopes; without any, of all usual ones and `embeddings`."""
    named = scopes or tuple(expand(["all", Scope.EMBEDDINGS]))
    return APIClient(headers={"Authorization": f"Bearer {create_api_key(client_name=client.name, scopes=named)[1]}"})


@pytest.fixture
def api(client_a: Client, settings: Settings) -> APIClient:
    settings.QUALITY_GATE = "off"
    return bearer(client_a)
