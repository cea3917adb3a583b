"""The migration that names the scopes of keys that had none."""

from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from clients.models import ApiKey, Scope
from clients.services import create_api_key

pytestmark = pytest.mark.django_db


def test_keys_without_scopes_may_go_on_and_others_stay() -> None:
    unnamed, narrow = (create_api_key(client_name="shop")[0].pk for _ in range(2))
    ApiKey.objects.filter(pk=unnamed).update(scopes=[])
    ApiKey.objects.filter(pk=narrow).update(scopes=["detect"])
    with connection.schema_editor() as editor:
        import_module("clients.migrations.0009_key_limits").name_scopes(apps, editor)
    could = set(Scope.values) - {"audit:read", "embeddings", "reset", "rotate", "webhooks:read", "webhooks:write"}
    row = ApiKey.objects.get(pk=unnamed)
    assert {scope for scope in Scope.values if row.allows(scope)} == could
    assert ApiKey.objects.get(pk=narrow).scopes == ["detect"]
