"""Passwords are hashed beside the web server's loop, which serves other requests meanwhile."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import hashers
from gevent import get_hub, monkey


class PBKDF2PasswordHasher(hashers.PBKDF2PasswordHasher):
    """Django's. A hash takes a good part of a second of processor time, and no greenlet can interrupt it."""

    def encode(self, *args: Any, **options: Any) -> str:
        if not monkey.is_module_patched("socket"):  # a command, or a server with threads
            return super().encode(*args, **options)
        encoded: str = get_hub().threadpool.apply(super().encode, args, options)
        return encoded
