"""Archives encrypted with age (https://age-encryption.org/v1), for a recipient or by a passphrase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pyrage  # type: ignore[import-untyped]

from errors import InvalidInput

MAGIC = b"age-encryption.org/v1"


class ArchiveLocked(InvalidInput):
    """The archive is encrypted, and was not opened."""

    code = "archive.locked"


@dataclass(frozen=True)
class Lock:
    """Whom an archive is encrypted for: age or SSH recipients, or whoever knows the passphrase; none of them: plain."""

    recipients: Sequence[Any] = ()
    passphrase: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.recipients or self.passphrase)


def lock_for(*, recipients: Sequence[str] = (), passphrase: str = "") -> Lock:
    """Recipients as `age1…`, or as the public keys `ssh-ed25519 …` and `ssh-rsa …`. Raises `InvalidInput`."""
    try:
        found = [
            pyrage.ssh.Recipient.from_str(text) if text.startswith("ssh-") else pyrage.x25519.Recipient.from_str(text)
            for text in recipients
        ]
    except pyrage.RecipientError as error:
        raise InvalidInput("A recipient must be a public key of age (age1…) or of SSH.") from error
    return Lock(found, passphrase)


def read_passphrase(file: Path) -> str:
    """The first line of the file. Raises `InvalidInput`, or OSError."""
    lines = file.read_text().splitlines()
    if not lines or not lines[0]:
        raise InvalidInput("The file of the passphrase is empty.")
    return lines[0]


@dataclass(frozen=True)
class Key:
    """What opens an archive: identities of age or SSH, or a passphrase."""

    identities: Sequence[Any] = field(default=(), repr=False)
    passphrase: str = field(default="", repr=False)


def key_from(*, identity_file: Path | None = None, passphrase: str = "") -> Key:
    """A file of `age-keygen`, or a private key of SSH without a passphrase. Raises `InvalidInput`, or OSError."""
    content = identity_file.read_bytes() if identity_file else b""
    try:
        if content.startswith(b"-----BEGIN"):
            return Key([pyrage.ssh.Identity.from_buffer(content)], passphrase)
        lines = [line.strip() for line in content.decode().splitlines()]
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except (pyrage.IdentityError, UnicodeDecodeError) as error:
        raise InvalidInput("The identity must be a private key of age or SSH.") from error
    if identity_file and not found:
        raise InvalidInput("The file of the identity holds no key.")
    return Key(found, passphrase)


def seal(plain: IO[bytes], out: IO[bytes], lock: Lock) -> None:
    """Encrypt a file. With a passphrase it passes through memory as a whole, twice."""
    if lock.passphrase:
        out.write(pyrage.passphrase.encrypt(plain.read(), lock.passphrase))
    else:
        pyrage.encrypt_io(plain, out, lock.recipients)


def is_sealed(file: IO[bytes]) -> bool:
    """Whether the file was encrypted with age; it is at its beginning again afterwards."""
    begin = file.read(len(MAGIC))
    file.seek(0)
    return begin == MAGIC


def unseal(sealed: IO[bytes], out: IO[bytes], key: Key) -> None:
    """Decrypt a file. Raises `ArchiveLocked` without the right key, or OSError for a file that is damaged."""
    if not key.identities and not key.passphrase:
        raise ArchiveLocked("The archive is encrypted: name the identity or the passphrase that opens it.")
    try:
        if key.passphrase:
            out.write(pyrage.passphrase.decrypt(sealed.read(), key.passphrase))
        else:
            pyrage.decrypt_io(sealed, out, key.identities)
    except pyrage.DecryptError as error:
        raise ArchiveLocked("This key does not open the archive.") from error
