"""Files that were stored before are encrypted one by one; killed anywhere, every photograph can be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from clients.models import Client
from recognition.models import ProcessedImage
from storage import encrypting
from storage.backend import ClientFiles, encrypted_name, is_encrypted
from storage.encrypting import count_plain, encrypt_files
from storage.encryption import MAGIC
from storage.files import read_file
from storage.orphans import remove_orphans
from storage.tests.rows import screened
from storage.tests.test_orphans import age
from vision.tests.drawing import BLUE, GREEN, RED, picture

pytestmark = pytest.mark.django_db
COLOURS = (RED, GREEN, BLUE)


@pytest.fixture
def plain(client_a: Client, settings: Settings) -> list[ProcessedImage]:
    settings.ENCRYPT_FILES = False
    rows = [screened(client_a, picture(colour), position=number) for number, colour in enumerate(COLOURS)]
    settings.ENCRYPT_FILES = True
    return rows


def contents() -> list[bytes]:
    return [read_file(file=row.image) for row in ProcessedImage.objects.order_by("position")]


def files(media_root: Path) -> list[Path]:
    return [path for path in media_root.rglob("*") if path.is_file()]


def test_every_file_is_encrypted(
    plain: list[ProcessedImage], media_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents()
    assert count_plain() == 3
    call_command("encrypt_files")
    assert "Encrypted 3 of 3 images." in capsys.readouterr().out
    assert contents() == before and count_plain() == 0
    assert len(files(media_root)) == 3 and all(path.read_bytes().startswith(MAGIC) for path in files(media_root))
    assert encrypt_files(advance=int).done == 0


@pytest.mark.parametrize("step", ["open", "save", "half saved", "read back", "delete"])
def test_a_run_that_is_killed_loses_nothing(
    plain: list[ProcessedImage], media_root: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """At any step of the second file; the next run completes the work."""
    before, seen = contents(), list[str]()
    target = {"save": "save", "half saved": "save", "read back": "open", "open": "open", "delete": "delete"}[step]
    real = getattr(FileSystemStorage, target)

    def killed(self: Any, name: str, *args: Any, **options: Any) -> Any:
        seen.append(name)
        at = {"open": 3, "read back": 4, "save": 2, "half saved": 2, "delete": 4}[step]
        if len(seen) == at:
            if step == "half saved":
                real(self, name, ContentFile(MAGIC + b"half"))
            raise KeyboardInterrupt
        return real(self, name, *args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(FileSystemStorage, target, killed)
        with pytest.raises(KeyboardInterrupt):
            encrypt_files(advance=int)
    assert contents() == before
    assert 1 <= count_plain() <= 2
    encrypt_files(advance=int)
    assert contents() == before and count_plain() == 0
    for path in files(media_root):
        age(path, 2)
    assert remove_orphans() == (1 if step == "delete" else 0)
    assert contents() == before and len(files(media_root)) == 3


def test_a_row_without_its_file_is_reported(plain: list[ProcessedImage], capsys: pytest.CaptureFixture[str]) -> None:
    plain[1].image.storage.delete(str(plain[1].image.name))
    call_command("encrypt_files")
    assert "1 image(s) have lost their file." in capsys.readouterr().out
    assert count_plain() == 1


def test_a_row_that_is_saved_with_the_former_name_keeps_its_file(plain: list[ProcessedImage], media_root: Path) -> None:
    """As a process does that has read it before."""
    before = contents()
    encrypt_files(advance=int)
    plain[0].save()
    assert not is_encrypted(str(ProcessedImage.objects.get(pk=plain[0].pk).image.name)) and contents() == before
    for path in files(media_root):
        age(path, 2)
    assert remove_orphans() == 0 and contents() == before
    encrypt_files(advance=int)
    assert is_encrypted(str(ProcessedImage.objects.get(pk=plain[0].pk).image.name)) and contents() == before


def test_a_row_that_goes_meanwhile(plain: list[ProcessedImage], media_root: Path) -> None:
    [field] = {field for field in encrypting.image_fields() if field.folder == "processed"}
    pk = plain[0].pk
    plain[0].delete()
    assert encrypting._encrypt(field, pk)
    assert len(files(media_root)) == 2


def test_a_file_that_is_not_read_as_it_was_written_is_not_switched_to(
    plain: list[ProcessedImage], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents()
    with monkeypatch.context() as patched:
        other = ContentFile(b"other")
        patched.setattr(ClientFiles, "open", lambda self, name: other)
        with pytest.raises(CommandError, match="not read as it was written"):
            call_command("encrypt_files")
    assert contents() == before and count_plain() == 3


def test_a_full_store_changes_nothing(plain: list[ProcessedImage], monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents()

    def full(*_: Any, **__: Any) -> str:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(FileSystemStorage, "_save", full)
        with pytest.raises(CommandError, match="full or does not answer"):
            call_command("encrypt_files")
    assert contents() == before and count_plain() == 3
    name = str(plain[0].image.name)
    assert not plain[0].image.storage.exists(encrypted_name(name))
