"""Taking over the older service's folder and database."""

from __future__ import annotations

import csv
import os
import sqlite3
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from django.core.files.storage import FileSystemStorage
from django.core.management import CommandError, call_command
from PIL import Image
from pytest_django.fixtures import Settings

from blacklist.models import BlacklistEntry
from clients.models import Client
from errors import FaceAppError
from people.models import ReferenceImage
from vision.exceptions import EngineUnavailable

pytestmark = pytest.mark.django_db

RED, GREEN, BLUE = (220, 30, 30), (30, 200, 30), (30, 30, 220)


def portrait(*colours: tuple[int, int, int], shade: int = 128) -> bytes:
    """A grey picture with coloured squares in a row: faces for the fake engine; `shade` makes it another file."""
    canvas = Image.new("RGB", (40 + 80 * max(len(colours), 1), 90), (shade, shade, shade))
    for position, colour in enumerate(colours):
        canvas.paste(colour, (20 + 80 * position, 20, 60 + 80 * position, 60))
    buffer = BytesIO()
    canvas.save(buffer, "PNG")
    return buffer.getvalue()


def database(file: Path, rows: list[tuple[int, str, str | None]], *, table: str = "blacklist_entries") -> None:
    """A database as the older service leaves it, with another table beside."""
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE processed (id INTEGER PRIMARY KEY, identifier TEXT)")
        connection.execute(
            f'CREATE TABLE "{table}" (id INTEGER PRIMARY KEY, name VARCHAR(100), reason VARCHAR(255),'
            " added_date DATETIME, reference_image_dir VARCHAR)"
        )
        for key, name, reason in rows:
            values = (key, name, reason, "2025-01-02 03:04:05", str(key))
            connection.execute(f'INSERT INTO "{table}" VALUES (?, ?, ?, ?, ?)', values)
    connection.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two people: number 1 with two photographs, and one named by the folder."""
    root = tmp_path / "blacklist_db"
    for name in ("1", "Grace Hopper"):
        (root / name).mkdir(parents=True)
    (root / "1" / "a.png").write_bytes(portrait(RED))
    (root / "1" / "b.png").write_bytes(portrait(RED, shade=100))
    (root / "Grace Hopper" / "c.png").write_bytes(portrait(GREEN))
    return root


def run(folder: Path, *arguments: str) -> str:
    out = StringIO()
    call_command("import_blacklist", str(folder), *arguments, stdout=out)
    return out.getvalue()


def test_takes_names_and_reasons_from_the_database_in_the_folder(folder: Path) -> None:
    database(folder / "blacklist.db", [(1, "Ada Lovelace", "debts"), (2, "Grace Hopper", None)], table="black list")

    assert "3 images for 2 new entries imported." in run(folder, "--client", "bank")

    ada, grace = BlacklistEntry.objects.order_by("name")
    assert (ada.name, ada.reason, ada.client.name) == ("Ada Lovelace", "debts", "bank")
    assert (grace.name, grace.reason) == ("Grace Hopper", None)
    assert ada.reference_images.count() == 2
    assert ada.face_templates.count() == 4  # two images in two spaces


def test_without_a_database_the_folders_name_the_people(folder: Path) -> None:
    run(folder)
    assert sorted(BlacklistEntry.objects.values_list("name", flat=True)) == ["1", "Grace Hopper"]


def test_a_named_database_elsewhere_counts_and_is_not_changed(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "old #1?.db"
    database(elsewhere, [(1, "Ada Lovelace", None)])
    before = elsewhere.read_bytes()
    run(folder, "--database", str(elsewhere))
    assert BlacklistEntry.objects.filter(name="Ada Lovelace").exists()
    assert elsewhere.read_bytes() == before


def test_a_second_run_adds_only_what_is_new(folder: Path) -> None:
    run(folder)
    (folder / "1" / "d.png").write_bytes(portrait(RED, shade=90))
    assert "1 images for 0 new entries imported, 3 were there already." in run(folder)
    assert ReferenceImage.objects.count() == 4
    assert "0 images for 0 new entries imported, 4 were there already." in run(folder)


def test_what_cannot_be_used_is_refused_by_name_and_the_rest_imported(folder: Path, tmp_path: Path) -> None:
    one = folder / "1"
    (one / "notes.txt").write_text("not an image")
    (one / "group.png").write_bytes(portrait(RED, BLUE))
    (one / "empty.png").write_bytes(portrait())
    (one / "cut.png").write_bytes(portrait(RED)[:90])
    (one / "deeper").mkdir()
    database(folder / "blacklist.db", [(1, "Ada Lovelace", "x"), (7, "Nobody Here", None)])
    report = tmp_path / "report.csv"

    out = run(folder, "--report", str(report))

    assert "3 images for 2 new entries imported." in out
    with report.open(newline="") as handle:
        reasons = {row["file"]: row["code"] for row in csv.DictReader(handle)}
    assert reasons.keys() == {"1/notes.txt", "1/group.png", "1/empty.png", "1/cut.png", "1/deeper", "7"}
    assert reasons["1/group.png"] == "face.several"
    assert reasons["1/empty.png"] == "face.none"
    assert reasons["1/deeper"] == "import.not_a_file"
    assert reasons["7"] == "import.no_folder"
    assert all(name in out for name in reasons)


def test_links_that_lead_out_are_not_followed(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "private"
    secret.mkdir()
    (secret / "face.png").write_bytes(portrait(BLUE))
    (folder / "1" / "link.png").symlink_to(secret / "face.png")
    (folder / "Mallory").symlink_to(secret, target_is_directory=True)
    (folder / "Grace Hopper" / "inside.png").symlink_to(folder / "1" / "b.png")

    out = run(folder)

    assert out.count("import.outside") == 2
    assert not BlacklistEntry.objects.filter(name="Mallory").exists()
    assert BlacklistEntry.objects.get(name="Grace Hopper").reference_images.count() == 2


def test_pipes_and_oversized_files_are_refused_unread(folder: Path, settings: Settings) -> None:
    os.mkfifo(folder / "1" / "pipe.png")
    settings.MAX_IMAGE_BYTES = 5_000
    (folder / "1" / "big.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(6_000))
    out = run(folder)
    assert "1/pipe.png" in out
    assert "larger than 5000 bytes" in out
    assert "3 images" in out


@pytest.mark.parametrize("row", [(1, "x" * 101, None), (1, "bell\x07", None), (1, "", None), (1, "Ada", "r" * 256)])
def test_records_outside_the_limits_are_refused(folder: Path, row: tuple[int, str, str | None]) -> None:
    database(folder / "blacklist.db", [row])
    assert "import.bad_record" in run(folder)
    assert list(BlacklistEntry.objects.values_list("name", flat=True)) == ["Grace Hopper"]


def test_dry_run_stores_nothing_and_needs_no_worker(folder: Path, settings: Settings) -> None:
    settings.CELERY_TASK_ALWAYS_EAGER = False  # a worker would have to be asked, and there is none
    (folder / "1" / "notes.txt").write_text("not an image")
    out = run(folder, "--dry-run", "--client", "nobody")
    assert "3 images for 2 new entries could be imported" in out
    assert "1/notes.txt" in out
    assert not BlacklistEntry.objects.exists()
    assert not Client.objects.exists()


def test_fails_when_nothing_can_be_imported(tmp_path: Path) -> None:
    (tmp_path / "Ada").mkdir()
    (tmp_path / "Ada" / "a.jpg").write_bytes(b"no image")
    with pytest.raises(CommandError, match="Nothing could be imported"):
        run(tmp_path)


def test_bad_folders_and_databases_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="folder does not exist"):
        run(tmp_path / "nowhere")
    with pytest.raises(CommandError, match="database does not exist"):
        run(folder, "--database", str(tmp_path / "none.db"))
    (folder / "blacklist.db").write_bytes(b"not a database" * 100)
    with pytest.raises(CommandError, match="has to be an SQLite file"):
        run(folder)
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE t (id INTEGER)").connection.close()
    with pytest.raises(CommandError, match="no table with the columns"):
        run(folder, "--database", str(tmp_path / "other.db"))


def test_an_outage_keeps_what_is_done_and_says_what_to_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from blacklist import services

    calls = iter([None, EngineUnavailable("No worker answered.", code="engine.timeout")])
    enrol = services.read_portraits

    def fails_the_second_time(**arguments: object) -> object:
        error = next(calls)
        if isinstance(error, FaceAppError):
            raise error
        return enrol(**arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(services, "read_portraits", fails_the_second_time)
    with pytest.raises(CommandError, match="What was imported is kept; run the command again"):
        run(folder)
    assert ReferenceImage.objects.count() == 1


def test_a_second_run_reads_no_stored_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On S3 it would download the whole blacklist."""
    run(folder)

    def no_reading(*_: object, **__: object) -> None:
        raise AssertionError("a stored file was read")

    monkeypatch.setattr(FileSystemStorage, "_open", no_reading)
    assert "0 images for 0 new entries imported, 3 were there already." in run(folder)
