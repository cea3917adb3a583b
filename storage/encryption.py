"""The format of encrypted files: four bytes that name it, then Tink's streaming AEAD (AES256_GCM_HKDF with 64 KiB).

Tink derives a key for each file, and encrypts segment after segment with AES-256-GCM so that none can be altered, left
out or moved (Hoang, Reyhanitabar, Rogaway, Vizár 2015, "Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance"). The key is the client's, and the file's name is part of what is authenticated: a file that is put
in the place of another does not open.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable
from typing import IO, Any

import tink
from tink import secret_key_access, streaming_aead
from tink.proto import aes_gcm_hkdf_streaming_pb2, common_pb2, tink_pb2

from storage.exceptions import ImageDamaged
from vault.keys import secret_of

MAGIC = b"FAE\x01"
SEGMENT = 64 * 1024  # bytes of ciphertext
HEADER, TAG = 40, 16  # bytes of Tink's header, and of each segment's tag
PURPOSE = "files"
TYPE_URL = "type.googleapis.com/google.crypto.tink.AesGcmHkdfStreamingKey"

streaming_aead.register()
logger = logging.getLogger(__name__)


def encrypted(chunks: Iterable[bytes], *, client_id: int, name: str) -> bytes:
    """The bytes to store under `name`. The client's key is made if need be. Raises `MasterKeyUnusable`."""
    aead, out = _aead(secret_of(client_id, PURPOSE)), _Kept(MAGIC)
    out.seek(len(MAGIC))
    with aead.new_encrypting_stream(out, name.encode()) as stream:
        for chunk in chunks:
            stream.write(chunk)
    return out.getvalue()


def decrypted(source: IO[bytes], *, size: int, client_id: int, name: str) -> io.BufferedReader:
    """The content of a stored file of `size` bytes, decrypted while it is read; seekable. It closes `source`.

    Raises `ImageDamaged`, when reading too, and `KeyDestroyed` or `MasterKeyUnusable`.
    """
    aead = _aead(secret_of(client_id, PURPOSE, make=False))
    return io.BufferedReader(_Plain(source, aead, name, plain_size(size)), buffer_size=SEGMENT)


def plain_size(size: int) -> int:
    """How many bytes an encrypted file of `size` bytes holds; 0 if it is too short to be one."""
    stream = size - len(MAGIC)
    segments = -(-stream // SEGMENT)
    return max(0, stream - HEADER - segments * TAG)


def _aead(secret: bytes) -> streaming_aead.StreamingAead:
    params = aes_gcm_hkdf_streaming_pb2.AesGcmHkdfStreamingParams(
        ciphertext_segment_size=SEGMENT, derived_key_size=32, hkdf_hash_type=common_pb2.SHA256
    )
    key = aes_gcm_hkdf_streaming_pb2.AesGcmHkdfStreamingKey(key_value=secret, params=params)
    data = tink_pb2.KeyData(
        type_url=TYPE_URL, value=key.SerializeToString(), key_material_type=tink_pb2.KeyData.SYMMETRIC
    )
    only = tink_pb2.Keyset.Key(
        key_id=1, key_data=data, status=tink_pb2.ENABLED, output_prefix_type=tink_pb2.RAW
    )  # fmt: skip
    keyset = tink_pb2.Keyset(primary_key_id=1, key=[only])
    handle = tink.proto_keyset_format.parse(keyset.SerializeToString(), secret_key_access.TOKEN)
    return handle.primitive(streaming_aead.StreamingAead)


class _Kept(io.BytesIO):
    """Tink closes what it has written to."""

    def close(self) -> None:
        pass


class _Source(io.RawIOBase):
    """What Tink reads from. It would take an error of the store for damage, so that is remembered."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.error: Exception | None = None

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        try:
            return self._file.read(size)
        except Exception as error:
            self.error = error
            raise


class _Plain(io.RawIOBase):
    """The content of an encrypted file. To go back is to begin again."""

    def __init__(self, source: IO[bytes], aead: streaming_aead.StreamingAead, name: str, size: int) -> None:
        self._file, self._aead, self._name, self._size = source, aead, name, size
        self._at = 0
        self._begin()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        return self._at

    def readinto(self, buffer: Any) -> int:
        if self._at < self._reached:
            self._begin()
        while self._reached < self._at:
            if not self._next(min(SEGMENT, self._at - self._reached)):
                return 0
        data = self._next(len(buffer))
        buffer[: len(data)] = data
        self._at = self._reached
        return len(data)

    def readall(self) -> bytes:
        """As the base class, but not in pieces of 8 kB."""
        return b"".join(iter(lambda: self.read(SEGMENT) or b"", b""))

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def _begin(self) -> None:
        self._file.seek(0)
        if self._file.read(len(MAGIC)) != MAGIC:
            raise self._damaged()
        self._reached, self._source = 0, _Source(self._file)
        self._stream = self._aead.new_decrypting_stream(self._source, self._name.encode())

    def _next(self, size: int) -> bytes:
        try:
            data: bytes = self._stream.read(size)
        except tink.TinkError as error:
            raise self._source.error or self._damaged() from error
        self._reached += len(data)
        return data

    def _damaged(self) -> ImageDamaged:
        logger.warning("A stored file is damaged or was altered: %s", self._name)
        return ImageDamaged("The stored image file is damaged or was altered.")
