"""The keys of clients: made when they are first needed, and never stored but under the master key."""

from __future__ import annotations

import secrets
import time
from contextlib import suppress

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.db import IntegrityError, transaction

from vault import master
from vault.exceptions import KeyDestroyed
from vault.models import ClientKey

CACHE_SECONDS = 60.0
MOST_CACHED = 1000

_cache: dict[int, tuple[float, bytes]] = {}  # when it expires, and the key, by client


def secret_of(client_id: int, purpose: str, *, make: bool = True) -> bytes:
    """32 bytes for one purpose of a client, always the same (HKDF-SHA256 of its key).

    The key is made if the client has none and `make` is true. A process may still know the key of a client that was
    erased less than a minute ago. Raises `KeyDestroyed` or `MasterKeyUnusable`.
    """
    return HKDF(SHA256(), length=32, salt=None, info=purpose.encode()).derive(_key_of(client_id, make))


def forget(client_id: int) -> None:
    """Drop the key of a client from this process."""
    _cache.pop(client_id, None)


def _key_of(client_id: int, make: bool) -> bytes:
    expires_at, key = _cache.get(client_id, (0.0, b""))
    if expires_at > time.monotonic():
        return key
    row = ClientKey.objects.filter(pk=client_id).first()
    if row is None and make:
        with suppress(IntegrityError):  # the client was erased
            row = _made(client_id)
    if row is None:
        raise KeyDestroyed("The key of this client does not exist any more.")
    key = master.unwrap(row)
    # A key that was made in this transaction is gone if it is rolled back.
    transaction.on_commit(lambda: _remember(client_id, key))
    return key


@transaction.atomic
def _made(client_id: int) -> ClientKey:
    """The row of the client's new key, or of the one that another process has made at the same time."""
    wrapped, fingerprint = master.wrap(secrets.token_bytes(master.KEY_BYTES), client_id=client_id)
    row = ClientKey(pk=client_id, wrapped=wrapped, master=fingerprint)
    ClientKey.objects.bulk_create([row], ignore_conflicts=True)
    return ClientKey.objects.get(pk=client_id)


def _remember(client_id: int, key: bytes) -> None:
    if len(_cache) >= MOST_CACHED:
        _cache.clear()
    _cache[client_id] = time.monotonic() + CACHE_SECONDS, key
