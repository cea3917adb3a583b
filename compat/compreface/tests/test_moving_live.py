"""Twenty people move from a CompreFace server to a running service with real weights, and their programs go on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import requests

from environment import BASE_DIR, socket_directory
from faceapp.tests import missing
from faceapp.tests.live_stack import LiveStack, eventually
from recognition.tests.photographs import reduced
from transfer.tests.compreface_server import CompreFace, api_of, compreface

pytestmark = [pytest.mark.models, pytest.mark.timeout(240)]
LFW = BASE_DIR.parent / "shared" / "labelled" / "lfw" / "people"
KNOWN = {"obama": ("obama_1.jpg", "obama_2.jpg", "obama_3.jpg"), "rose": ("rose_1.jpg", "rose_2.jpg")}
PEOPLE, SIDE = 20, 320
Photographs = dict[str, list[bytes]]


@pytest.fixture(scope="module")
def photographs(real_faces: Path) -> Photographs:
    """One or two of each person, more of some."""
    if not LFW.is_dir():
        pytest.skip(f"{missing.DATA}: ../shared/labelled, photographs with labels")
    found = {name: [reduced(real_faces / file, SIDE) for file in files] for name, files in KNOWN.items()}
    folders = sorted(LFW.iterdir())[: PEOPLE - len(found)]
    more = {folder.name: sorted(folder.iterdir())[: 1 + place % 2] for place, folder in enumerate(folders)}
    return found | {name: [file.read_bytes() for file in files] for name, files in more.items()}


@pytest.fixture(scope="module")
def place(live: LiveStack) -> dict[str, str]:
    """The database server of the service, which holds that of CompreFace here."""
    return {"host": str(socket_directory(live.var)), "user": "postgres"}


@pytest.fixture
def old(place: dict[str, str]) -> Iterator[CompreFace]:
    with compreface(server=place) as found:
        yield found


def filled(old: CompreFace, photographs: Photographs) -> str:
    """Returns the key."""
    key = old.add_service("Door")
    for name, pictures in photographs.items():
        for picture in pictures:
            old.add_example(key, name, picture)
    return key


def stored(place: dict[str, str], client: str) -> dict[str, str]:
    """Subjects by image ids."""
    statement = """
        SELECT i.uuid::text, p.external_id FROM people_referenceimage i JOIN people_person p ON p.id = i.person_id
        JOIN clients_client c ON c.id = p.client_id WHERE c.name = %s
    """
    with psycopg.connect(dbname="faceapp", **place) as rows:  # type: ignore[arg-type]
        return dict(rows.execute(statement, [client]).fetchall())


def moved(live: LiveStack, client: str, *arguments: object) -> str:
    return live.manage("import_compreface", *map(str, arguments), "--client", client).stdout


def counts(said: str) -> tuple[int, ...]:
    """Subjects and examples that are new and that were there, pictures searched for and those that found their own."""
    subjects = re.search(r"subjects: (\d+) imported, (\d+) were there", said)
    examples = re.search(r"examples: (\d+) imported, (\d+) were there", said)
    checked = re.search(r"Searched for (\d+) stored photographs: (\d+) found", said)
    assert subjects and examples and checked, said
    return tuple(map(int, (*subjects.groups(), *examples.groups(), *checked.groups())))


def test_a_run_is_killed_and_resumed_and_programs_notice_nothing(
    live: LiveStack, place: dict[str, str], old: CompreFace, photographs: Photographs
) -> None:
    key = filled(old, photographs)
    examples = {str(number): name for number, name in old.examples.items()}
    arguments = ("import_compreface", "--database", old.url, "--client", "moved")
    killed = live.beside("manage.py", *arguments)
    assert eventually(lambda: len(stored(place, "moved")) >= 3)
    killed.kill()
    killed.wait()
    before = stored(place, "moved")
    assert 3 <= len(before) <= len(examples)

    said = moved(live, "moved", "--database", old.url)
    assert stored(place, "moved") == examples
    total, (added, known, *checked) = len(examples), counts(said)[2:]
    assert known >= len(before) and added + known == total  # the last one may have been stored after its caller's end
    assert checked == [total, total]
    assert counts(moved(live, "moved", "--database", old.url)) == (0, PEOPLE, 0, total, total, total)

    url, headers = f"{live.url}/api/v1/recognition", {"x-api-key": key}
    assert set(requests.get(f"{url}/subjects", headers=headers, timeout=60).json()["subjects"]) == set(photographs)
    for name, [picture, *_] in list(photographs.items())[:5]:
        files = {"file": ("image.jpg", picture)}
        answer = requests.post(f"{url}/recognize?limit=1", files=files, headers=headers, timeout=60).json()
        found = answer["result"][0]["subjects"][0]
        assert found["subject"] == name and found["similarity"] > 0.9


@pytest.mark.parametrize("mode", ["dump", "api"])
def test_the_same_from_a_dump_and_over_the_api(
    live: LiveStack,
    place: dict[str, str],
    old: CompreFace,
    photographs: Photographs,
    mode: str,
    tmp_path: Path,
) -> None:
    some = {name: photographs[name][:2] for name in ("obama", "rose", "p001")}
    key = filled(old, some)
    if mode == "dump":
        said = moved(live, f"moved-by-{mode}", "--dump", old.dump(tmp_path / "compreface.sql"))
    else:
        (tmp_path / "key").write_text(key)
        with api_of(old) as server:
            arguments = ("--api", server.url, "--key-file", tmp_path / "key", "--name", "Door")
            said = moved(live, f"moved-by-{mode}", *arguments)
    total = len(old.examples)
    assert counts(said) == (len(some), 0, total, 0, total, total)
    assert "callers keep their key" in said
    assert stored(place, f"moved-by-{mode}") == {str(number): name for number, name in old.examples.items()}
