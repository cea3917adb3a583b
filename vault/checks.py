"""System checks of the master key. The second one asks the database, as `migrate` has all such checks do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError, connection

from vault import master
from vault.exceptions import MasterKeyUnusable
from vault.models import MasterKey

HINT = "See `The master key` in docs/operations.md. Without the right key, stored photographs cannot be read."


@register(Tags.security)
def check_source(**_: Any) -> list[CheckMessage]:
    """A master key that is malformed or that cannot be read."""
    try:
        master.read_source()
    except MasterKeyUnusable as error:
        return [Error(error.message, hint=HINT, id="vault.E001")]
    return []


@register(Tags.database)
def check_key_fits_the_database(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """A master key that is missing or another one than the stored keys need, before anything is written."""
    try:
        if not databases or MasterKey._meta.db_table not in connection.introspection.table_names():
            return []
        master.require()
    except DatabaseError:  # which says so itself
        return []
    except MasterKeyUnusable as error:
        return [Error(error.message, hint=HINT, id="vault.E002")]
    return []
