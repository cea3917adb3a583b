"""Accounts on the running service, each of a client of its own, and one album with every test photograph."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from compat.faceanalysis.tests.program import Program
from faceapp.tests.live_stack import LiveStack
from recognition.tests.photographs import GROUPS, PORTRAITS, faceless

SPOOF = {
    "spoof/real_1.jpg": "the woman in red",
    "spoof/fake_2.jpg": "the woman in red",  # on the screen of a phone
    "spoof/fake_1.jpg": "the woman of the print",
}
MAKE_ACCOUNTS = """
import uuid
from clients.models import Client
from clients.services import create_api_key
from django.contrib.auth.hashers import make_password
from compat.faceanalysis.models import Account
password = make_password("correct horse")
for _ in range(24):
    name = "fa-" + uuid.uuid4().hex[:20]
    _, key = create_api_key(client_name=name, scopes=["albums"])
    Account.objects.create(client=Client.objects.get(name=name), username=name, password=password)
    print(name, key)
"""


@pytest.fixture(scope="session")
def programs(live: LiveStack) -> Iterator[Program]:
    lines = live.manage("shell", "--no-imports", "-c", MAKE_ACCOUNTS).stdout.splitlines()
    return iter([Program(live, name, "correct horse", key) for name, key in map(str.split, lines)])


@pytest.fixture
def program(programs: Iterator[Program]) -> Program:
    """Of an unused client."""
    return next(programs)


@dataclass
class Everything:
    """All test photographs, one without a face and a damaged one, uploaded and processed. Ids are file stems."""

    program: Program
    people: dict[str, set[str]]  # who is on which image
    states: dict[str, list[str]]
    matches: dict[str, dict[str, float]]


def who_is_where(folder: Path) -> dict[str, set[str]]:
    """Names by file. Stand-ins have no samples of attacks."""
    people = {file: {name} for name, files in PORTRAITS.items() for file in files}
    attacks = {file: {name} for file, name in SPOOF.items() if (folder / file).exists()}
    return people | GROUPS | {"obama_partial.jpg": {"obama"}} | attacks


@pytest.fixture(scope="session")
def everything(programs: Iterator[Program], faces: Path) -> Everything:
    program, files = next(programs), who_is_where(faces)
    assert {str(file.relative_to(faces)) for file in faces.rglob("*.*")} - {"README.md"} == set(files)
    ids = {program.add(Path(file).name, (faces / file).read_bytes()): names for file, names in files.items()}
    ids[program.add("nobody.jpg", faceless())] = set()
    ids[program.add("damaged.jpg", (faces / "rose_1.jpg").read_bytes()[:5000])] = set()
    states = program.wait(*ids)
    return Everything(program, ids, states, {image_id: program.matches(image_id) for image_id in ids})
