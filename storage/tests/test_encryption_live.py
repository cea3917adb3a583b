"""A running service: its processes share the master key, go over to a new one, and start with no other."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from faceapp.tests.live_stack import LiveStack
from storage.encryption import MAGIC

pytestmark = pytest.mark.models
PEOPLE = "/api/v1/people/"


def enrol(live: LiveStack, key: str, photograph: Path) -> tuple[str, bytes]:
    """The address of a new person's photograph, and the photograph as the service answers it."""
    headers = {"X-API-Key": key}
    files = {"image": photograph.read_bytes()}
    person = requests.post(live.url + PEOPLE, headers=headers, files=files, timeout=60)
    assert person.status_code == 201, person.text
    number = person.json()["id"]
    listed = requests.get(f"{live.url}{PEOPLE}{number}/images", headers=headers, timeout=60).json()
    address = f"{live.url}{PEOPLE}{number}/images/{listed['items'][0]['id']}"
    return address, requests.get(address, headers=headers, timeout=60).content


def key_for(live: LiveStack, client: str) -> str:
    return live.manage("create_api_key", client, "--scopes", "all").stdout.split()[-1]


def test_all_processes_go_over_to_another_master_key(live: LiveStack, faces: Path) -> None:
    before = set((live.var / "media").rglob("*.*"))
    first, photograph = key_for(live, "encrypted-1"), faces / "obama_2.jpg"
    address, content = enrol(live, first, photograph)
    assert content[:3] == b"\xff\xd8\xff"
    [stored] = set((live.var / "media").rglob("*.*")) - before
    assert stored.read_bytes().startswith(MAGIC) and b"\xff\xd8\xff" not in stored.read_bytes()[:1000]

    assert "Wrapped" in live.manage("rotate_master_key").stdout
    live.manage("rotate_master_key", "--forget-former")
    assert len((live.var / "master.key").read_text().split()) == 1
    assert requests.get(address, headers={"X-API-Key": first}, timeout=60).content == content
    _, other = enrol(live, key_for(live, "encrypted-2"), photograph)  # a key that is made after the rotation
    assert other == content

    stranger = replace(live, environment=live.environment | {"FACEAPP_MASTER_KEY": b64encode(b"x" * 32).decode()})
    refused = stranger.manage("migrate", check=False)
    assert refused.returncode == 1 and "vault.E002" in refused.stderr
