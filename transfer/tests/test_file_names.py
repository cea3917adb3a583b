"""File names that no text has: commands print them and write them to reports without harm, whatever bytes they hold."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from blacklist.models import BlacklistEntry
from clients.models import Client
from demo import photographs
from environment import BASE_DIR
from environment.terminal import printable
from people import services
from people.models import Person, ReferenceImage
from vision.tests.drawing import BLUE, GREEN, RED, picture

pytestmark = pytest.mark.django_db

LATIN_1 = b"caf\xe9"  # not UTF-8
HOSTILE = b"\x1b[2J\x07red\nalert"  # clears a terminal, rings its bell and forges a line


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three people: one with a good name whose photographs have others, and two whose folders have such names."""
    root = tmp_path / "people"
    faces = {(b"Ada", b"1.png"): RED, (LATIN_1, b"2.png"): GREEN, (HOSTILE, b"3.png"): BLUE}
    for (person, file), colour in faces.items():
        place = Path(os.fsdecode(os.fsencode(root) + b"/" + person))
        place.mkdir(parents=True, exist_ok=True)
        (place / os.fsdecode(file)).write_bytes(picture(colour))
    for name in (LATIN_1, HOSTILE):
        (root / "Ada" / os.fsdecode(name)).write_text("no image")
        (root / "Ada" / os.fsdecode(name + b".png")).write_bytes(picture((200, 40, name[0])))
    return root


def run(tmp_path: Path, command: str, *arguments: object) -> str:
    """What a command prints on a stream that takes nothing but UTF-8, as a terminal or a file does."""
    said = tmp_path / "output.txt"
    with said.open("w", encoding="utf-8") as out:
        try:
            call_command(command, *map(str, arguments), stdout=out, stderr=out)
        except CommandError as error:
            out.write(str(error))
    text = said.read_text(encoding="utf-8")
    assert all(letter.isprintable() or letter == "\n" for letter in text)
    return text


def reported(report: Path) -> set[str]:
    text = report.read_text(encoding="utf-8")
    assert all(letter.isprintable() or letter == "\n" for letter in text)
    with report.open(newline="", encoding="utf-8") as handle:
        return {row["file"] for row in csv.DictReader(handle)}


def test_names_are_shown_as_the_bytes_that_they_are() -> None:
    assert printable("Grâce 名前.png") == "Grâce 名前.png"
    assert printable(os.fsdecode(LATIN_1)) == r"caf\xe9"
    assert printable(os.fsdecode(HOSTILE)) == r"\x1b[2J\x07red\nalert"
    assert printable("abc\u202egnp.exe") == r"abc\u202egnp.exe"  # would be shown as abcexe.png
    assert printable("\ud83d") == r"\ud83d"  # half a character, as JSON may hold it


def test_people_are_imported_and_the_report_is_complete(folder: Path, tmp_path: Path) -> None:
    report = tmp_path / "r.csv"
    out = run(tmp_path, "import_people", folder, "--client", "bank", "--report", report)
    assert "4 images for 2 new people imported." in out  # control characters may be part of an id
    assert r"caf\xe9/2.png" in out and r"\x1b[2J\x07red\nalert" in out
    refused = {r"Ada/caf\xe9", r"Ada/\x1b[2J\x07red\nalert", r"caf\xe9/2.png"}
    assert refused <= reported(report)
    names = ReferenceImage.objects.filter(person=Person.objects.get(external_id="Ada"))
    assert all(name.isprintable() for name in names.values_list("original_name", flat=True))


@pytest.mark.parametrize("arguments", [[], ["--dry-run"]])
def test_a_blacklist_is_imported_and_the_report_is_complete(folder: Path, tmp_path: Path, arguments: list[str]) -> None:
    report = tmp_path / "r.csv"
    out = run(tmp_path, "import_blacklist", folder, "--report", report, *arguments)
    assert "3 images for 1 new entries" in out
    assert {r"caf\xe9", r"\x1b[2J\x07red\nalert", r"Ada/caf\xe9"} <= reported(report)
    assert [entry.name for entry in BlacklistEntry.objects.all()] == ([] if arguments else ["Ada"])


def test_a_terminal_that_lacks_a_character_does_not_end_a_command(folder: Path, tmp_path: Path) -> None:
    (folder / "名前").mkdir()
    (folder / "名前" / "notes.txt").write_text("no image")
    command = [sys.executable, "manage.py", "import_blacklist", str(folder), "--dry-run"]
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "faceapp.settings_testing",
        "FACEAPP_VAR": str(tmp_path / "var"),
        "PYTHONIOENCODING": "ascii:strict",
    }
    done = subprocess.run(command, cwd=BASE_DIR, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert r"\u540d\u524d/notes.txt" in done.stdout and r"caf\xe9" in done.stdout


def test_an_evaluation_reports_what_it_refused(folder: Path, tmp_path: Path) -> None:
    report = tmp_path / "r.csv"
    out = run(tmp_path, "evaluate", folder, "--report", report, "--json", tmp_path / "f.json")
    assert r"Ada/caf\xe9" in out
    assert r"Ada/caf\xe9" in reported(report)
    (tmp_path / "f.json").read_text(encoding="utf-8")


def test_an_export_may_have_any_name(client_a: Client, tmp_path: Path) -> None:
    services.create_person(client=client_a, external_id="r1")
    for name in (LATIN_1, HOSTILE):
        file = tmp_path / os.fsdecode(name)
        assert printable(file.name) in run(tmp_path, "export_people", "--client", "alice", "--plain", "--output", file)
        assert "1 new people" in run(tmp_path, "import_people", "--archive", file, "--client", f"new{len(name)}")


def test_vectorize_names_what_it_cannot_use(folder: Path, tmp_path: Path) -> None:
    files = [folder / "Ada" / os.fsdecode(name) for name in (LATIN_1, HOSTILE)]
    out = run(tmp_path, "vectorize", *files)
    assert r"Ada/caf\xe9: " in out and r"\x1b[2J\x07red\nalert: " in out
    assert r"missing\xe9" in run(tmp_path, "vectorize", tmp_path / os.fsdecode(b"missing\xe9"))


def test_respace_names_an_engine_that_does_not_exist(tmp_path: Path) -> None:
    assert r"\x1b[2J" in run(tmp_path, "respace", "--to", "\x1b[2J")


def test_the_demo_shows_photographs_of_any_name(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "screen").mkdir()
    (tmp_path / "screen" / os.fsdecode(LATIN_1)).write_bytes(picture(RED))
    folder.rename(tmp_path / "blacklist")
    people, screened = photographs.of_folder(tmp_path)
    assert {person.name for person in people} == {"Ada", r"caf\xe9", r"\x1b[2J\x07red\nalert"}
    assert [photograph.title for photograph in screened] == [r"caf\xe9"]
