"""The service's own key, by which seals and checkpoints are signed: whoever can write to the database lacks it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from django.conf import settings

from environment.files import kept_in


def sign(text: bytes) -> str:
    """The Ed25519 signature (RFC 8032) in hexadecimal digits."""
    return _key(settings.AUDIT_KEY_FILE).sign(text).hex()


def is_signed(text: bytes, signature: str) -> bool:
    """Whether this is the signature of the text by the service's key."""
    try:
        _key(settings.AUDIT_KEY_FILE).public_key().verify(bytes.fromhex(signature), text)
    except (InvalidSignature, ValueError):
        return False
    return True


def public_key() -> str:
    """The public key as PEM, for those who check an export."""
    public = _key(settings.AUDIT_KEY_FILE).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@lru_cache(maxsize=4)
def _key(file: Path) -> Ed25519PrivateKey:
    """The private key of the file, which is made unless it exists. Raises ValueError for another kind of key."""
    draft = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key = load_pem_private_key(kept_in(file, draft.decode()).encode(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("The key of the audit must be an Ed25519 key.")
    return key
