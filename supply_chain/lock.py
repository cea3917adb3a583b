"""The locks: which files of which packages may be installed (`make lock` writes them)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from environment import BASE_DIR

SERVICE = "requirements.txt"
CARDS = "requirements-gpu.txt"
LOCKS = (SERVICE, CARDS, "requirements-build.txt", "requirements-demo.txt", "requirements-dev.txt")
ENTRY = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;]+)(?P<rest>[^\n]*(?:\n[ \t]+[^\n]*)*)", re.MULTILINE)
NOWHERE = "sys_platform == 'never'"  # what requirements-overrides.txt keeps out
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})\b")


@dataclass(frozen=True)
class Locked:
    """A package at its only version; `hashes` are the SHA-256 of each of its files that may be installed."""

    name: str
    version: str
    hashes: tuple[str, ...]


def locked(file: str) -> list[Locked]:
    """The packages of one lock, such as `requirements.txt`, in its order, without those that are installed nowhere."""
    entries = ENTRY.finditer((BASE_DIR / file).read_text(encoding="utf-8"))
    return [
        Locked(found["name"], found["version"], tuple(HASH.findall(found["rest"])))
        for found in entries
        if NOWHERE not in found["rest"]
    ]
