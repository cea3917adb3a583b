"""The form of keys and of what is stored of them: both outlive any version of the service."""

from __future__ import annotations

import re

from clients import keys
from compat.facehash.paths import KEY


def test_a_key_is_prefix_and_secret() -> None:
    made = {keys.new_key() for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch(r"[A-Za-z0-9]{8}\.[A-Za-z0-9]{32}", key) and re.fullmatch(KEY, key) for key in made)


def test_a_stored_hash_is_recognised() -> None:
    stored = (
        "sha512$$128de0e75c2d1f66bf4bcb3c5cf2e31deb90ff2ca9d7f40078ac480f57e171b3"
        "59f45ba5073df9b3ac30f94a51d8866f8cda972049e5033a1b0a5300feb2cc29"
    )
    assert keys.hash_of("abcdefgh.secret") == stored and keys.has_hash("abcdefgh.secret", stored)
    for other in ("abcdefgh.secret ", "", "abcdefgh.", "\ud800"):
        assert not keys.has_hash(other, stored)
