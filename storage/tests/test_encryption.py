"""Stored files are encrypted by a key of their client, and open in one place only: as they were written."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from pytest_django.fixtures import Settings

from clients.erasure import delete_client, reset_client
from clients.models import Client
from errors import InvalidInput, NotFound, Unavailable
from storage.backend import ClientFiles, encrypted_name, is_encrypted, plain_name
from storage.encryption import HEADER, MAGIC, SEGMENT, encrypted, plain_size
from storage.files import erase_files, read_file
from storage.responses import image_response
from storage.tests.rows import screened
from vault import keys, master
from vision.tests.drawing import BLUE, RED, picture

pytestmark = pytest.mark.django_db
LARGE = bytes(range(256)) * 1000  # four segments


@pytest.fixture
def files() -> ClientFiles:
    keys._cache.clear()
    return ClientFiles()


def name_of(client: Client, stem: str = "a") -> str:
    return f"processed/{client.pk}/{stem}.enc.png"


def store(client: Client, data: bytes = LARGE, stem: str = "a") -> str:
    return ClientFiles().save(name_of(client, stem), ContentFile(data))


# ---- what is stored ---------------------------------------------------------------------------------------------
def test_a_stored_photograph_is_encrypted_and_read_as_it_was(client_a: Client, media_root: Path) -> None:
    image = screened(client_a, picture(RED))
    stored = (media_root / str(image.image.name)).read_bytes()
    assert is_encrypted(str(image.image.name)) and stored.startswith(MAGIC) and b"PNG" not in stored
    assert read_file(file=image.image) == picture(RED)
    assert image.stored_bytes == image.image.size == len(picture(RED))


def test_the_same_photograph_is_never_stored_alike(client_a: Client, media_root: Path) -> None:
    one, other = (media_root / store(client_a, stem=stem) for stem in "ab")
    assert one.read_bytes()[HEADER:100] != other.read_bytes()[HEADER:100]


@pytest.mark.parametrize("size", [0, 1, SEGMENT - 60, SEGMENT - 56, SEGMENT - 55, SEGMENT, 3 * SEGMENT + 5])
def test_sizes_around_a_segment(client_a: Client, size: int) -> None:
    name = store(client_a, b"x" * size)
    with ClientFiles().open(name) as file:
        assert file.read() == b"x" * size
    assert ClientFiles().size(name) == size


def test_parts_are_read_without_the_rest(client_a: Client, files: ClientFiles) -> None:
    with files.open(store(client_a)) as file:
        assert file.read(10) == LARGE[:10]
        file.seek(200_000)
        assert (file.tell(), file.read(5)) == (200_000, LARGE[200_000:200_005])
        file.seek(100)
        assert file.read(5) == LARGE[100:105]
        assert file.seek(0, 2) == len(LARGE) and file.read() == b""
        assert b"".join(file.chunks(1000)) == LARGE
    with file.open() as again:
        assert again.read() == LARGE


def test_an_answer_is_streamed_and_says_how_long_it_is(client_a: Client) -> None:
    response = image_response(screened(client_a, LARGE).image)
    assert response.streaming and response["Content-Length"] == str(len(LARGE))
    assert (response["Content-Type"], response.getvalue()) == ("image/png", LARGE)


def test_encryption_can_be_off_and_what_is_there_is_read(client_a: Client, settings: Settings) -> None:
    before = screened(client_a, picture(RED))
    settings.ENCRYPT_FILES = False
    after = screened(client_a, picture(BLUE), position=1)
    assert default_storage.open(str(after.image.name)).read() == picture(BLUE)
    settings.ENCRYPT_FILES = True
    assert [read_file(file=row.image) for row in (before, after)] == [picture(RED), picture(BLUE)]


def test_names() -> None:
    for plain, secret in (("a/1/x.jpg", "a/1/x.enc.jpg"), ("a/1/x", "a/1/x.enc")):
        assert (encrypted_name(plain), plain_name(secret)) == (secret, plain)
        assert is_encrypted(secret) and not is_encrypted(plain)


def test_a_name_that_is_taken_is_refused(client_a: Client, files: ClientFiles) -> None:
    name = store(client_a)
    with pytest.raises(FileExistsError):
        store(client_a)
    assert files.open(name).read() == LARGE and files.listdir(f"processed/{client_a.pk}")[1] == ["a.enc.png"]


# ---- what does not open -----------------------------------------------------------------------------------------
def assert_refused(client: Client, code: str, data: bytes = LARGE) -> None:
    """Whatever reads the file says so, with the same code."""
    image = screened(client, data)
    image.image.name = name_of(client)
    with pytest.raises(InvalidInput) as caught:
        read_file(file=image.image)
    assert caught.value.code == code
    image.image.close()
    with pytest.raises(NotFound) as missing:
        image_response(image.image)
    assert missing.value.code == code


@pytest.mark.parametrize("at", [0, 4, 20, HEADER + 4, 70_000, -1])
def test_an_altered_byte_is_noticed(
    client_a: Client, media_root: Path, at: int, caplog: pytest.LogCaptureFixture
) -> None:
    path = media_root / store(client_a)
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING, logger="storage.encryption"):
        assert_refused(client_a, "image.damaged")
    assert f"processed/{client_a.pk}/a.enc.png" in caplog.text


@pytest.mark.parametrize("length", [0, 3, 4, 40, 44, 4 + HEADER + 16, 4 + SEGMENT, 4 + 2 * SEGMENT, -1])
def test_a_file_that_was_cut_off_is_noticed(client_a: Client, media_root: Path, length: int) -> None:
    path = media_root / store(client_a)
    path.write_bytes(path.read_bytes()[:length])
    assert_refused(client_a, "image.damaged")


def test_segments_in_another_order_are_noticed(client_a: Client, media_root: Path) -> None:
    path = media_root / store(client_a)
    content = path.read_bytes()
    first, second, third = (slice(4 + n * SEGMENT, 4 + (n + 1) * SEGMENT) for n in range(3))
    path.write_bytes(content[:4] + content[first] + content[third] + content[second] + content[4 + 3 * SEGMENT :])
    assert_refused(client_a, "image.damaged")


def test_a_file_in_the_place_of_another_is_noticed(client_a: Client, media_root: Path) -> None:
    (media_root / store(client_a, stem="b")).rename(media_root / name_of(client_a))
    assert_refused(client_a, "image.damaged")


def test_a_plain_file_in_the_place_of_an_encrypted_one_is_noticed(client_a: Client, media_root: Path) -> None:
    (media_root / store(client_a)).write_bytes(picture(RED))
    assert_refused(client_a, "image.damaged")


def test_the_key_of_another_client_opens_nothing(client_a: Client, client_b: Client, media_root: Path) -> None:
    theirs = encrypted([LARGE], client_id=client_b.pk, name=name_of(client_a))
    (media_root / store(client_a)).write_bytes(theirs)
    assert_refused(client_a, "image.damaged")


def test_without_the_master_key_nothing_is_read_or_stored(
    client_a: Client, media_root: Path, settings: Settings, tmp_path: Path
) -> None:
    settings.MASTER_KEY_FILE = tmp_path / "master.key"
    image = screened(client_a, picture(RED))
    settings.MASTER_KEY_FILE.unlink()
    master._read.cache_clear()
    keys._cache.clear()
    for call in (lambda: read_file(file=image.image), lambda: screened(client_a, picture(BLUE), position=1)):
        with pytest.raises(Unavailable) as caught:
            call()
        assert caught.value.code == "master_key.unusable"
    assert len(list((media_root / "processed" / str(client_a.pk)).iterdir())) == 1


def test_a_store_that_fails_while_it_is_read_is_no_damage(client_a: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    image = screened(client_a, LARGE)

    class Broken:
        def __init__(self, file: object) -> None:
            self._file, self._reads = file, 0

        def read(self, size: int = -1) -> bytes:
            self._reads += 1
            if self._reads > 2:
                raise OSError("the network is gone")
            return self._file.read(size)  # type: ignore[attr-defined, no-any-return]

        def __getattr__(self, name: str) -> object:
            return getattr(self._file, name)

    opened = FileSystemStorage.open
    monkeypatch.setattr(FileSystemStorage, "open", lambda *args, **options: Broken(opened(*args, **options)))
    with pytest.raises(Unavailable) as caught:
        read_file(file=image.image)
    assert caught.value.code == "storage.unavailable"


# ---- erasure ----------------------------------------------------------------------------------------------------
def test_a_copy_of_the_file_of_an_erased_client_cannot_be_read(client_a: Client, media_root: Path) -> None:
    path = media_root / store(client_a)
    copy, number = path.read_bytes(), client_a.pk
    delete_client(client=client_a)
    path.write_bytes(copy)
    with pytest.raises(NotFound) as caught:
        ClientFiles().open(f"processed/{number}/a.enc.png")
    assert caught.value.code == "key.destroyed"


def test_a_client_that_is_reset_keeps_its_key(client_a: Client) -> None:
    """A call that is storing something meanwhile may have used it."""
    before = keys.secret_of(client_a.pk, "files")
    reset_client(client=client_a)
    keys.forget(client_a.pk)
    assert keys.secret_of(client_a.pk, "files", make=False) == before


def test_a_file_that_was_encrypted_since_its_row_was_read(client_a: Client, settings: Settings) -> None:
    settings.ENCRYPT_FILES = False
    image = screened(client_a, picture(RED))
    old = str(image.image.name)
    ClientFiles().save(encrypted_name(old), ContentFile(picture(RED)))
    default_storage.delete(old)
    assert read_file(file=image.image) == picture(RED)
    erase_files(files=[image.image])
    assert not default_storage.exists(encrypted_name(old))


def test_sizes_of_files_that_are_too_short() -> None:
    assert [plain_size(size) for size in (0, 4, 44, 60, 61)] == [0, 0, 0, 0, 1]
