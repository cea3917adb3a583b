"""Encrypted archives: what goes in comes out with the key, and nothing without it or after a change."""

from __future__ import annotations

import stat
import tempfile
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.core.management import CommandError, call_command

from clients.models import Client
from people.models import Person
from people.services import enrol_face
from people.types import Whom
from transfer.scratch import scratch_file
from transfer.sealing import MAGIC
from vision.tests.drawing import RED, picture
from vision.types import Upload

pytestmark = pytest.mark.django_db


@pytest.fixture
def person(client_a: Client) -> Person:
    upload = Upload(picture(RED), "face.png")
    return enrol_face(client=client_a, upload=upload, whom=Whom(external_id="r1", name="Erika")).person


@pytest.fixture
def identity(tmp_path: Path) -> tuple[str, Path]:
    """A public key, and the file of the private one as `age-keygen` writes it."""
    key = pyrage.x25519.Identity.generate()
    file = tmp_path / "key.txt"
    file.write_text(f"# created: 2026-01-01\n# public key: {key.to_public()}\n{key}\n")
    return str(key.to_public()), file


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    file = tmp_path / "passphrase"
    file.write_text("correct horse battery staple\n")
    return file


def export(file: Path, *arguments: str) -> str:
    out = StringIO()
    call_command("export_people", "--client", "alice", "--output", str(file), *arguments, stdout=out)
    return out.getvalue()


def import_(file: Path, *arguments: str) -> str:
    out = StringIO()
    call_command("import_people", "--archive", str(file), "--client", "new", *arguments, stdout=out)
    return out.getvalue()


def refused(file: Path, message: str, *arguments: str) -> None:
    with pytest.raises(CommandError, match=message):
        import_(file, *arguments)
    assert Person.objects.count() == 1 and not Client.objects.filter(name="new").exists()


def test_a_recipient_opens_the_archive(person: Person, tmp_path: Path, identity: tuple[str, Path]) -> None:
    file = tmp_path / "people.age"
    assert "1 people with 1 images exported." in export(file, "--recipient", identity[0])
    content = file.read_bytes()
    assert content.startswith(MAGIC) and b"PNG" not in content and b"manifest" not in content
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "1 images for 1 new people imported." in import_(file, "--identity", str(identity[1]))
    assert Person.objects.filter(external_id="r1").count() == 2


def test_each_of_several_recipients_opens_it(person: Person, tmp_path: Path, identity: tuple[str, Path]) -> None:
    key = Ed25519PrivateKey.generate()
    (tmp_path / "ssh").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    file = tmp_path / "people.age"
    export(file, "--recipient", identity[0], "--recipient", public)
    assert "1 new people" in import_(file, "--identity", str(tmp_path / "ssh"))
    assert "1 were there already" in import_(file, "--identity", str(identity[1]))


def test_a_passphrase_opens_it(person: Person, tmp_path: Path, passphrase: Path) -> None:
    file = tmp_path / "people.age"
    export(file, "--passphrase-file", str(passphrase))
    refused(file, "name the identity or the passphrase")
    assert "1 new people" in import_(file, "--passphrase-file", str(passphrase))


@pytest.mark.parametrize("arguments", [(), ("--plain", "--recipient", "age1x"), ("--plain", "--passphrase-file", "x")])
def test_an_export_must_say_who_may_read_it(person: Person, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match="Say who may open the file"):
        export(tmp_path / "people.age", *arguments)
    assert not (tmp_path / "people.age").exists()


def test_a_wrong_key_opens_nothing(
    person: Person, tmp_path: Path, identity: tuple[str, Path], passphrase: Path
) -> None:
    file, other = tmp_path / "people.age", tmp_path / "other.txt"
    export(file, "--recipient", identity[0])
    refused(file, "name the identity")
    other.write_text(str(pyrage.x25519.Identity.generate()))
    refused(file, "does not open", "--identity", str(other))
    refused(file, "does not open", "--passphrase-file", str(passphrase))


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "holds no key"), (b"# nothing\n", "holds no key"), (b"AGE-SECRET-KEY-1X", "must be a private key"),
     (b"-----BEGIN OPENSSH PRIVATE KEY-----\nx", "must be a private key"), (b"\xff", "must be a private key")],
)  # fmt: skip
def test_a_file_without_a_key(person: Person, tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "key").write_bytes(content)
    (tmp_path / "people.age").write_bytes(MAGIC)
    refused(tmp_path / "people.age", message, "--identity", str(tmp_path / "key"))
    refused(tmp_path / "people.age", "cannot be read", "--identity", str(tmp_path / "missing"))


@pytest.mark.parametrize("recipient", ["age1x", "ssh-ed25519 x", "bob", ""])
def test_a_recipient_who_is_none(person: Person, tmp_path: Path, recipient: str) -> None:
    with pytest.raises(CommandError, match="must be a public key"):
        export(tmp_path / "people.age", "--recipient", recipient)
    assert not (tmp_path / "people.age").exists()


@pytest.mark.parametrize(
    "change", [lambda data: data[:-1], lambda data: data[:-20] + b"x" + data[-19:], lambda data: data[:100]]
)
def test_a_changed_archive_opens_nothing(
    person: Person, tmp_path: Path, identity: tuple[str, Path], change: Callable[[bytes], bytes]
) -> None:
    file = tmp_path / "people.age"
    export(file, "--recipient", identity[0])
    file.write_bytes(change(file.read_bytes()))
    refused(file, "damaged|does not open", "--identity", str(identity[1]))


def test_nothing_lies_open_on_the_disk_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A temporary file is written to, in parts and again, and read; what the disk has is something else."""
    made, real = [], tempfile.TemporaryFile

    def remember(**options: object) -> object:
        made.append(real(**options))  # type: ignore[call-overload]
        return made[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", remember)
    text = b"Erika Mustermann " * 100_000
    with scratch_file(tmp_path) as file:
        file.write(text[:1000])
        file.write(text[1000:])
        file.seek(1_000_003)
        file.write(b"replaced")
        file.seek(1_000_000)
        assert file.read(14) == text[1_000_000:1_000_003] + b"replaced" + text[1_000_011:1_000_014]
        file.seek(5)
        assert file.read(7) == text[5:12]
        file.flush()
        made[0].seek(0)
        assert b"Erika" not in made[0].read()
        assert file.seek(0, 2) == len(text) and not list(tmp_path.iterdir())
    assert made[0].closed
