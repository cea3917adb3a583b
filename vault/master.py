"""The master key: where it comes from, how it wraps the keys of clients, and how it is replaced.

The source is FACEAPP_MASTER_KEY, the output of FACEAPP_MASTER_KEY_COMMAND, or FACEAPP_MASTER_KEY_FILE. Each holds one
or several keys of 32 bytes in base64, separated by white space. The row of `MasterKey` says which of them is in use. A
rotation goes over to the first; the others can still open what an older backup of the database holds.
"""

from __future__ import annotations

import os
import secrets
import shlex
import subprocess
from base64 import b64decode, b64encode
from functools import lru_cache
from pathlib import Path
from stat import S_IMODE

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import transaction

from environment.files import kept_in
from vault.exceptions import MasterKeyUnusable
from vault.models import ClientKey, MasterKey

KEY_BYTES = 32
NONCE_BYTES = 12
COMMAND_SECONDS = 30


def wrap(secret: bytes, *, client_id: int) -> tuple[bytes, str]:
    """The key of a client under the master key in use (AES-256-GCM), and the fingerprint of the latter.

    No rotation begins before the transaction ends. Raises `MasterKeyUnusable`.
    """
    fingerprint = establish()
    return _wrapped(secret, client_id, _held(fingerprint)), fingerprint


def unwrap(row: ClientKey) -> bytes:
    """The key of a client. Raises `MasterKeyUnusable`."""
    wrapped = bytes(row.wrapped)
    try:
        return AESGCM(_held(row.master)).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _bound_to(row.pk))
    except InvalidTag as error:
        raise MasterKeyUnusable("The stored key of this client is damaged.") from error


@transaction.atomic
def establish() -> str:
    """The fingerprint of the master key in use, which is in our hands. The first call settles which key that is.

    Only then may the file be made, because nothing is wrapped yet. Raises `MasterKeyUnusable`.
    """
    row = MasterKey.objects.select_for_update().first()
    if row is None:
        first = next(iter(_keys(make=True)))
        MasterKey.objects.bulk_create([MasterKey(fingerprint=first)], ignore_conflicts=True)
        row = MasterKey.objects.select_for_update().get()
    _held(row.fingerprint)
    return row.fingerprint


def require() -> None:
    """Raise `MasterKeyUnusable` unless we have the master key in use; before the first use there is none."""
    if row := MasterKey.objects.first():
        _held(row.fingerprint)


@transaction.atomic
def rotate() -> int:
    """Wrap the keys of all clients by the first key of the source; returns how many. Raises `MasterKeyUnusable`.

    If that is the one in use, a file gets a new one in front, so that it holds both however this ends.
    """
    current, keys = establish(), _fresh_keys()
    if _uses_file() and next(iter(keys)) == current:
        _replace_file([secrets.token_bytes(KEY_BYTES), *keys.values()])
    first, key = next(iter(_keys().items()))
    if first == current:
        raise MasterKeyUnusable("The first master key is in use already: put a new one in front of it.")
    rows = list(ClientKey.objects.select_for_update())
    for row in rows:
        row.wrapped, row.master = _wrapped(unwrap(row), row.pk, key), first
    ClientKey.objects.bulk_update(rows, ["wrapped", "master"], batch_size=500)
    MasterKey.objects.update(fingerprint=first)
    return len(rows)


def forget_former() -> int:
    """Remove all keys from the file but the one in use; returns how many. Raises `MasterKeyUnusable`."""
    if not _uses_file():
        raise MasterKeyUnusable("The master key does not come from a file: remove the former keys where it is kept.")
    with transaction.atomic():
        current, keys = establish(), _fresh_keys()
        if ClientKey.objects.exclude(master=current).exists():
            raise MasterKeyUnusable("Some keys are still wrapped by a former master key.")
        _replace_file([keys[current]])
    return len(keys) - 1


def fingerprint_of(key: bytes) -> str:
    """By which a master key is named: 8 bytes that tell nothing about it, in hexadecimal digits."""
    return HKDF(SHA256(), length=8, salt=None, info=b"faceapp fingerprint of the master key").derive(key).hex()


def source() -> str:
    """Where the master key comes from, for people: a variable, or a file."""
    variables = [name for name in ("MASTER_KEY", "MASTER_KEY_COMMAND") if getattr(settings, name)]
    return f"FACEAPP_{variables[0]}" if variables else str(settings.MASTER_KEY_FILE)


def read_source() -> None:
    """Raise `MasterKeyUnusable` if the source holds no key; a file that is missing may be made later."""
    if not _uses_file() or settings.MASTER_KEY_FILE.exists():
        _fresh_keys()


def _wrapped(secret: bytes, client_id: int, key: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, secret, _bound_to(client_id))


def _bound_to(client_id: int) -> bytes:
    """So that a wrapped key is of no use in the row of another client."""
    return f"faceapp client {client_id}".encode()


# ---- the source -------------------------------------------------------------------------------------------------
def _held(fingerprint: str) -> bytes:
    """The master key of this name; the source is read again if it was not there. Raises `MasterKeyUnusable`."""
    key = _keys().get(fingerprint) or _fresh_keys().get(fingerprint)
    if key is None:
        message = f"The master key is not the one with which this database was set up ({fingerprint})."
        raise MasterKeyUnusable(message)
    return key


def _keys(*, make: bool = False) -> dict[str, bytes]:
    """By fingerprint, in the order of the source."""
    if make and _uses_file():
        kept_in(settings.MASTER_KEY_FILE, b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n")
    return _read(settings.MASTER_KEY, settings.MASTER_KEY_COMMAND, settings.MASTER_KEY_FILE)


def _fresh_keys() -> dict[str, bytes]:
    _read.cache_clear()
    return _keys()


def _uses_file() -> bool:
    return not settings.MASTER_KEY and not settings.MASTER_KEY_COMMAND


@lru_cache(maxsize=4)
def _read(text: str, command: str, file: Path) -> dict[str, bytes]:
    if text and command:
        raise MasterKeyUnusable("FACEAPP_MASTER_KEY and FACEAPP_MASTER_KEY_COMMAND exclude each other.")
    content = text.encode() or (_unwrapped(command, _content(file)) if command else _content(file))
    is_raw = bool(command) and len(content) == KEY_BYTES  # some write the key as it is; base64 has 44 characters
    keys = [content] if is_raw else [_decoded(part) for part in content.split()]
    if not keys:
        raise MasterKeyUnusable("The master key is empty.")
    return {fingerprint_of(key): key for key in keys}


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise MasterKeyUnusable("FACEAPP_MASTER_KEY_FILE does not exist.") from error
    except OSError as error:
        raise MasterKeyUnusable("FACEAPP_MASTER_KEY_FILE cannot be read.") from error


def _unwrapped(command: str, wrapped: bytes) -> bytes:
    """What the command writes; what it says on standard error is left to the operator's log."""
    try:
        done = subprocess.run(
            shlex.split(command), input=wrapped, stdout=subprocess.PIPE, timeout=COMMAND_SECONDS, check=True
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise MasterKeyUnusable("FACEAPP_MASTER_KEY_COMMAND failed.") from error
    return done.stdout


def _decoded(text: bytes) -> bytes:
    try:
        key = b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise MasterKeyUnusable("The master key must be 32 bytes in base64, such as `openssl rand -base64 32` writes.")
    return key


def _replace_file(keys: list[bytes]) -> None:
    """Atomically, and on the disk when this returns. The file keeps its owner, group and mode: others read it."""
    file: Path = settings.MASTER_KEY_FILE
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        former = file.stat()
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as handle:
            os.fchown(handle.fileno(), former.st_uid, former.st_gid)
            os.fchmod(handle.fileno(), S_IMODE(former.st_mode))
            handle.write(b"".join(b64encode(key) + b"\n" for key in keys))
            handle.flush()
            os.fsync(handle.fileno())
        draft.replace(file)
        folder = os.open(file.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise MasterKeyUnusable("FACEAPP_MASTER_KEY_FILE cannot be replaced.") from error
    _read.cache_clear()
