"""Whatever the service holds has a declared owner, erasure and retention."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db.models import ForeignKey

from clients.models import Client
from faceapp.holdings import FILES, OPERATOR, REDIS, TABLES
from faceapp.tests.source import ROOT, module_name, source_files
from storage.orphans import image_fields

KEY = re.compile(r"\bfaceapp:([a-z-]+)")
OF_THE_CACHE = {"cache.get", "cache.set", "cache.add", "cache.incr", "cache.get_or_set"}


def test_every_table_is_declared() -> None:
    assert {model._meta.label for model in apps.get_models(include_auto_created=True)} == set(TABLES)


def test_owners_lead_to_the_client() -> None:
    for label, holding in TABLES.items():
        model = apps.get_model(label)
        if holding.owner in ("itself", "client_id", OPERATOR):
            continue
        for name in holding.owner.split("__"):
            field = model._meta.get_field(name)
            assert isinstance(field, ForeignKey) or field.one_to_one, (label, name)
            model = field.related_model  # type: ignore[assignment]
        assert model is Client, label


def test_tables_of_the_operator_lead_to_no_client() -> None:
    for label in (label for label, holding in TABLES.items() if holding.owner == OPERATOR):
        fields = apps.get_model(label)._meta.get_fields()
        assert not any(isinstance(field, ForeignKey) and field.related_model is Client for field in fields), label


def test_every_kind_of_file_is_declared() -> None:
    folders = {field.folder for field in image_fields()}
    named = {name for name in dir(settings) if name.isupper() and isinstance(getattr(settings, name), Path)}
    assert folders | named == set(FILES)
    assert not [path for path in source_files() if "NamedTemporaryFile" in path.read_text() and is_ours(path)]


def is_ours(path: object) -> bool:
    return not any(part in str(path) for part in ("/tests/", "/bench/", "/demo/", "/sdk/", "/supply_chain/"))


def test_every_key_in_redis_is_declared() -> None:
    found = set()
    for path in filter(is_ours, source_files()):
        text = path.read_text()
        found |= {match for match in KEY.findall(text) if path.name != "holdings.py"}
        calls = {ast.unparse(node.func) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)}
        if calls & OF_THE_CACHE:
            found.add(module_name(path))
    assert found == set(REDIS)
    assert ROOT.is_dir()


def test_settings_that_retentions_name_exist() -> None:
    for holding in (*TABLES.values(), *FILES.values(), *REDIS.values()):
        for name in re.findall(r"FACEAPP_(\w+)", holding.retention):
            assert hasattr(settings, name), name
