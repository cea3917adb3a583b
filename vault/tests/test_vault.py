"""The master key, from every source; keys of clients, which nothing can read without it; and its rotation."""

from __future__ import annotations

import os
import stat
import sys
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from pytest_django.fixtures import Settings

from audit.models import Record
from clients.models import Client
from clients.services import get_or_create_client
from vault import keys, master
from vault.checks import check_key_fits_the_database, check_source
from vault.exceptions import KeyDestroyed, MasterKeyUnusable
from vault.models import ClientKey, MasterKey

ONE, OTHER = (b64encode(bytes([number]) * 32).decode() for number in (1, 2))

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def key_file(settings: Settings, tmp_path: Path) -> Path:
    settings.MASTER_KEY_FILE = tmp_path / "keys" / "master.key"
    keys._cache.clear()
    return settings.MASTER_KEY_FILE


@pytest.fixture
def client() -> Client:
    return get_or_create_client(name="a")


def secret(client: Client) -> bytes:
    """As a process reads it that knows nothing yet."""
    keys.forget(client.pk)
    return keys.secret_of(client.pk, "files")


def ids(databases: list[str] | None = None) -> list[str | None]:
    return [found.id for found in (*check_source(), *check_key_fits_the_database(databases=databases or ["default"]))]


# ---- keys of clients --------------------------------------------------------------------------------------------
def test_each_client_and_purpose_has_a_secret_of_its_own(client: Client) -> None:
    other = get_or_create_client(name="b")
    secrets = {keys.secret_of(one.pk, purpose) for one in (client, other) for purpose in ("files", "embeddings")}
    assert len(secrets) == 4 and {len(one) for one in secrets} == {32}
    assert secret(client) == secret(client)


def test_no_key_lies_open_in_the_database(client: Client, key_file: Path) -> None:
    one = secret(client)
    row = ClientKey.objects.get(pk=client.pk)
    assert one not in bytes(row.wrapped) and master.unwrap(row) not in bytes(row.wrapped)
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


def test_the_key_of_one_client_is_of_no_use_in_the_row_of_another(client: Client) -> None:
    other = get_or_create_client(name="b")
    secret(client), secret(other)
    ClientKey.objects.filter(pk=other.pk).update(wrapped=ClientKey.objects.get(pk=client.pk).wrapped)
    with pytest.raises(MasterKeyUnusable, match="damaged"):
        secret(other)


def test_the_key_goes_with_its_client(client: Client) -> None:
    secret(client)
    number = client.pk
    client.delete()
    keys.forget(number)
    with pytest.raises(KeyDestroyed):
        keys.secret_of(number, "files", make=False)
    assert not ClientKey.objects.exists()


def test_a_key_that_is_rolled_back_is_not_remembered(client: Client) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        before = keys.secret_of(client.pk, "files")
        Client.objects.create(name="a")
    assert not ClientKey.objects.exists()
    assert keys.secret_of(client.pk, "files") != before


@pytest.mark.django_db(transaction=True)
def test_processes_that_make_a_key_at_once_have_the_same(client: Client) -> None:
    def read(_: int) -> bytes:
        try:
            row = keys._made(client.pk)
            return master.unwrap(row)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(read, range(8)))) == 1


# ---- the source of the master key -------------------------------------------------------------------------------
def test_the_key_may_stand_in_the_environment(client: Client, settings: Settings, key_file: Path) -> None:
    settings.MASTER_KEY = ONE
    assert secret(client) and not key_file.exists()
    assert master.source() == "FACEAPP_MASTER_KEY"
    assert MasterKey.objects.get().fingerprint == master.fingerprint_of(b"\1" * 32)


@pytest.mark.parametrize("form", ["base64", "raw"])
def test_a_command_unwraps_the_key_in_the_file(client: Client, settings: Settings, key_file: Path, form: str) -> None:
    key_file.parent.mkdir()
    key_file.write_bytes(bytes(255 - byte for byte in (ONE.encode() if form == "base64" else b"\1" * 32)))
    turned = "import sys; sys.stdout.buffer.write(bytes(255 - one for one in sys.stdin.buffer.read()))"
    settings.MASTER_KEY_COMMAND = f'{sys.executable} -c "{turned}"'
    secret(client)
    assert MasterKey.objects.get().fingerprint == master.fingerprint_of(b"\1" * 32)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MASTER_KEY", "a password of thirty-two letters"),
        ("MASTER_KEY", ONE[:-4]),
        ("MASTER_KEY_COMMAND", "false"),
        ("MASTER_KEY_COMMAND", "/nowhere/kms"),
        ("MASTER_KEY_COMMAND", "'"),
    ],
)
def test_a_source_without_a_key_is_an_error_at_the_start(
    client: Client, settings: Settings, key_file: Path, name: str, value: str
) -> None:
    key_file.parent.mkdir()
    key_file.write_text(ONE)
    setattr(settings, name, value)
    assert ids() == ["vault.E001"]
    with pytest.raises(MasterKeyUnusable) as caught:
        secret(client)
    assert ONE not in str(caught.value) and not ClientKey.objects.exists()


def test_two_sources_are_an_error(settings: Settings) -> None:
    settings.MASTER_KEY, settings.MASTER_KEY_COMMAND = ONE, "cat"
    assert ids()[0] == "vault.E001"


def test_a_wrong_key_is_noticed_before_anything_is_written(client: Client, settings: Settings) -> None:
    settings.MASTER_KEY = ONE
    secret(client)
    settings.MASTER_KEY = OTHER
    assert ids() == ["vault.E002"]
    for one in (client, get_or_create_client(name="b")):
        with pytest.raises(MasterKeyUnusable, match="not the one"):
            secret(one)
    assert ClientKey.objects.count() == 1


def test_a_lost_file_is_not_made_anew(client: Client, key_file: Path) -> None:
    assert ids() == [] and not key_file.exists()  # a check makes nothing
    assert master.source() == str(key_file)
    secret(client)
    key_file.unlink()
    master._read.cache_clear()
    assert ids() == ["vault.E002"]
    with pytest.raises(MasterKeyUnusable, match="does not exist"):
        secret(client)
    assert not key_file.exists()


def test_before_the_first_migration_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MasterKey._meta, "db_table", "nothing_yet")
    assert ids() == []


# ---- rotation ---------------------------------------------------------------------------------------------------
def test_a_rotation_wraps_every_key_anew(client: Client, key_file: Path) -> None:
    other = get_or_create_client(name="b")
    before, old = [secret(client), secret(other)], key_file.read_text()
    assert master.rotate() == 2
    assert [secret(client), secret(other)] == before
    assert key_file.read_text().endswith(old)  # backups of the database need it
    assert master.forget_former() == 1
    assert [secret(client), secret(other)] == before
    key_file.write_text(old)
    master._read.cache_clear()
    with pytest.raises(MasterKeyUnusable):
        secret(client)


def test_each_rotation_has_a_new_key(client: Client, key_file: Path) -> None:
    before = secret(client)
    master.rotate()
    master.rotate()
    assert len(key_file.read_text().split()) == 3 and secret(client) == before


def test_a_process_with_the_former_key_reads_the_file_again(client: Client, key_file: Path) -> None:
    before = secret(client)
    known = master._read(*("", "", key_file))
    master.rotate()
    master.forget_former()
    master._read.cache_clear()
    rotated = key_file.read_text()
    key_file.write_text(b64encode(next(iter(known.values()))).decode())
    master._keys()  # what another process remembers
    key_file.write_text(rotated)
    assert secret(client) == before


def test_a_rotation_that_is_killed_leaves_everything_readable(
    client: Client, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = secret(client)
    with monkeypatch.context() as patched:
        patched.setattr(master, "_wrapped", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            master.rotate()
    assert len(key_file.read_text().split()) == 2 and secret(client) == before
    assert master.rotate() == 1 and secret(client) == before
    assert len(key_file.read_text().split()) == 2


def test_a_rotation_by_somebody_else_leaves_the_file_to_its_owner(
    client: Client, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[int, int]] = []
    before = secret(client)
    key_file.chmod(0o640)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fchown", lambda _, owner, group: given.append((owner, group)))
        master.rotate()
    former = key_file.stat()
    assert given == [(former.st_uid, former.st_gid)] and stat.S_IMODE(former.st_mode) == 0o640
    with monkeypatch.context() as patched:
        patched.setattr(os, "fchown", lambda *_: (_ for _ in ()).throw(PermissionError))
        with pytest.raises(MasterKeyUnusable, match="cannot be replaced"):
            master.rotate()
    assert list(key_file.parent.iterdir()) == [key_file] and secret(client) == before


def test_in_the_environment_the_operator_puts_the_new_key_first(client: Client, settings: Settings) -> None:
    settings.MASTER_KEY = ONE
    before = secret(client)
    with pytest.raises(MasterKeyUnusable, match="in front"):
        master.rotate()
    with pytest.raises(MasterKeyUnusable, match="where it is kept"):
        master.forget_former()
    settings.MASTER_KEY = f"{OTHER} {ONE}"
    assert master.rotate() == 1
    settings.MASTER_KEY = OTHER
    assert secret(client) == before and ids() == []


def test_the_command_rotates_and_records_it(client: Client, key_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = secret(client)
    call_command("rotate_master_key")
    fingerprint = MasterKey.objects.get().fingerprint
    assert f"Wrapped 1 keys by master key {fingerprint}." in capsys.readouterr().out
    row = Record.objects.latest("pk")
    assert (row.action, row.client_id, row.objects_named) == ("settings_changed", None, [f"master_key:{fingerprint}"])
    call_command("rotate_master_key", "--forget-former")
    assert "Removed 1 former key(s)" in capsys.readouterr().out and secret(client) == before


def test_the_command_says_why_not(client: Client, settings: Settings) -> None:
    settings.MASTER_KEY = ONE
    with pytest.raises(CommandError, match="in front"):
        call_command("rotate_master_key")
    assert not Record.objects.filter(action="settings_changed").exists()
