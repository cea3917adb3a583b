"""The locks name the hash of every file, and what installs them insists on it."""

import re

import pytest
from django.conf import settings

from supply_chain.lock import LOCKS, locked

ROOT = settings.BASE_DIR


@pytest.mark.parametrize("file", LOCKS)
def test_every_package_has_hashes(file: str) -> None:
    packages = locked(file)
    text = (ROOT / file).read_text()
    assert len(packages) == len(re.findall("^[^ #\n]", text, re.MULTILINE)) - text.count("== 'never'") > 0
    assert not [package.name for package in packages if not package.hashes]
    assert sum(len(package.hashes) for package in packages) <= text.count("--hash=")


def test_there_is_no_other_lock() -> None:
    assert {file.name for file in ROOT.glob("requirements*.txt")} == {*LOCKS, "requirements-overrides.txt"}


def test_packages_of_two_locks_have_one_version() -> None:
    versions: dict[str, set[str]] = {}
    for package in [package for file in LOCKS for package in locked(file)]:
        versions.setdefault(package.name, set()).add(package.version)
    assert not {name: found for name, found in versions.items() if len(found) > 1}


@pytest.mark.parametrize("file", ["Makefile", "Dockerfile"])
def test_locks_are_installed_by_hash(file: str) -> None:
    text = re.sub(r"\\\n\s*", " ", (ROOT / file).read_text())
    text = re.sub(r"\$\((LOCKED|INSTALL_OPTIONS)\)", lambda use: re.findall(f"{use[1]} := (.*)", text)[0], text)
    text = re.sub(r"\$\(LOCKED\)", lambda _: re.findall("LOCKED := (.*)", text)[0], text)
    installs = [part for part in re.split(r"\n|&&|\|\|", text) if "pip install" in part and " -r " in part]
    assert len(installs) == 3
    for install in installs:
        assert "--require-hashes" in install and "--no-deps" in install, install
