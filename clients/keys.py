"""The text of an API key: a prefix, by which its row is found, a dot and a secret. The row keeps a hash of the whole.

The secret has 190 random bits, so its hash needs neither salt nor rounds.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta

from django.utils.crypto import constant_time_compare, get_random_string, salted_hmac

WARNING = timedelta(days=30)  # how long before its end a key is said to expire
PREFIX_LENGTH, SECRET_LENGTH = 8, 32  # characters


def new_key() -> str:
    return f"{get_random_string(PREFIX_LENGTH)}.{get_random_string(SECRET_LENGTH)}"


def with_new_secret(prefix: str, seed: str = "") -> str:
    """Another key with this prefix: a random one, or the one that always follows from a secret `seed`."""
    secret = get_random_string(SECRET_LENGTH)
    if seed:
        digest = salted_hmac("clients.keys", seed, algorithm="sha256").digest()
        secret = base64.b32encode(digest).decode()[:SECRET_LENGTH]  # 5 bits each: 160 random bits
    return f"{prefix}.{secret}"


def hash_of(key: str) -> str:
    """What is stored of a key; the algorithm is named in front, so that another one can follow."""
    return f"sha512$${hashlib.sha512(key.encode('utf-8', 'surrogatepass')).hexdigest()}"


def has_hash(key: str, stored: str) -> bool:
    return constant_time_compare(hash_of(key), stored)
