"""The text of an API key: a prefix, by which its row is found, a dot and a secret. The row keeps a hash of the whole.

The secret has 190 random bits, so its hash needs neither salt nor rounds.
"""

from __future__ import annotations

import hashlib

from django.utils.crypto import constant_time_compare, get_random_string

PREFIX_LENGTH, SECRET_LENGTH = 8, 32  # characters


def new_key() -> str:
    return f"{get_random_string(PREFIX_LENGTH)}.{get_random_string(SECRET_LENGTH)}"


def hash_of(key: str) -> str:
    """What is stored of a key; the algorithm is named in front, so that another one can follow."""
    return f"sha512$${hashlib.sha512(key.encode('utf-8', 'surrogatepass')).hexdigest()}"


def has_hash(key: str, stored: str) -> bool:
    return constant_time_compare(hash_of(key), stored)
