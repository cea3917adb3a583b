"""The bill of materials against CycloneDX's schema, the locks and the model cards."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from supply_chain import bom, images, lock
from vision.engines.cards import CARDS


@pytest.fixture(scope="module")
def text() -> str:
    return JsonV1Dot6(bom.bill()).output_as_string()


@pytest.fixture(scope="module")
def parts(text: str) -> dict[str, dict[str, Any]]:
    return {part["bom-ref"]: part for part in json.loads(text)["components"]}


def test_it_fits_the_schema(text: str) -> None:
    """One part of each form: the schema takes seconds for all, which `make sbom` checks."""
    document = json.loads(text)
    forms = {(part["type"], *part, str(part.get("licenses"))[:15]): part for part in document["components"]}
    document["components"] = list(forms.values())
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert len(forms) < 30 and validator.validate_str(json.dumps(document)) is None
    document["components"][0]["purrl"] = "pkg:pypi/x@1"
    assert validator.validate_str(json.dumps(document)) is not None


def test_each_locked_package_has_the_hashes_of_its_files(parts: dict[str, dict[str, Any]]) -> None:
    for package in lock.locked(lock.SERVICE):
        part = parts[f"pkg:pypi/{package.name}@{package.version}"]
        assert part["scope"] == "required"
        assert {found["content"] for found in part["externalReferences"][0]["hashes"]} == set(package.hashes)
    assert [name for name in parts if "onnxruntime-gpu" in name and parts[name]["scope"] == "optional"]
    assert not [name for name in parts if name.startswith(("pkg:pypi/pytest@", "pkg:pypi/valkey@"))]


def test_each_weight_file_has_its_hash_and_the_licence_of_its_card(parts: dict[str, dict[str, Any]]) -> None:
    for card in CARDS:
        for file in card.files:
            part = parts[f"weights/{file.name}"]
            [stated] = [licence["license"] for licence in part["licenses"]]
            assert (stated.get("id") or stated["name"]) == card.licence
            assert [found["content"] for found in part.get("hashes", [])] == ([file.sha256] if file.sha256 else [])


def test_servers_inside_packages_are_named_with_their_versions(parts: dict[str, dict[str, Any]]) -> None:
    inside = {server["name"]: server for part in parts.values() for server in part.get("components", [])}
    assert set(inside) == {"valkey", "postgresql", "pgvector"}
    for name, server in inside.items():
        assert re.fullmatch(r"\d+\.\d+(\.\d+)?", server["version"])
        assert server["cpe"].startswith("cpe:2.3:a:") and f":{name}:{server['version']}:" in server["cpe"]


def test_base_images_have_a_hash_once_they_are_pinned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    dockerfile = tmp_path / "Dockerfile"
    monkeypatch.setattr(images, "files", lambda: [dockerfile])
    dockerfile.write_text("FROM python:3.13\nFROM python:3.13\n")
    [loose] = bom.base_images()
    assert (loose.version, list(loose.hashes)) == ("3.13", [])
    dockerfile.write_text(f"FROM python:3.13@sha256:{'a1' * 32}\n")
    [pinned] = bom.base_images()
    assert [found.content for found in pinned.hashes] == ["a1" * 32]


@pytest.mark.parametrize(
    ("package", "expected"), [("tqdm", "MPL-2.0 AND MIT"), ("no-such-package", "")]
)  # fmt: skip
def test_licences_are_those_that_installed_packages_state(package: str, expected: str) -> None:
    versions = {found.name: found.version for found in lock.locked(lock.SERVICE)}
    assert bom.licences.stated(package, versions.get(package, "1")) == expected
    assert bom.licences.stated(package, "0.0.1") == ""
