"""A temporary file without a name, encrypted by a key that only this process has: what passes through it is not left
on the disk."""

from __future__ import annotations

import io
import secrets
import tempfile
from pathlib import Path
from typing import Any, cast

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

BLOCK = 16
BUFFER = 1 << 20


def scratch_file(folder: Path | None = None) -> io.BufferedRandom:
    """An empty file, in `folder` or in the system's temporary folder (TMPDIR). It is gone when it is closed."""
    return io.BufferedRandom(_Scratch(folder), BUFFER)


class _Scratch(io.RawIOBase):
    """AES-256-CTR, so that any part can be read or written. What is written twice to one place may be compared by
    somebody who has both copies of the disk; that happens to headers of a ZIP file alone."""

    def __init__(self, folder: Path | None) -> None:
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        self._key, self._at = secrets.token_bytes(32), 0

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = self._file.seek(offset, whence)
        return self._at

    def truncate(self, size: int | None = None) -> int:
        return self._file.truncate(self._at if size is None else size)

    def readinto(self, buffer: Any) -> int:
        data = cast(bytes, self._file.read(len(buffer)))
        buffer[: len(data)] = self._crypted(data)
        self._at += len(data)
        return len(data)

    def write(self, data: Any) -> int:
        written = cast(int, self._file.write(self._crypted(bytes(data))))
        self._at += written
        return written

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._file.close()

    def _crypted(self, data: bytes) -> bytes:
        """Encrypting and decrypting are one operation; the counter is the block's place in the file."""
        block, skipped = divmod(self._at, BLOCK)
        stream = Cipher(AES(self._key), CTR(block.to_bytes(BLOCK, "big"))).encryptor()
        return stream.update(bytes(skipped) + data)[skipped:]
