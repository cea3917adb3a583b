"""Programs that make their own database log in as its owner, and act as the application for which the walls hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from psycopg.pq import TransactionStatus

from faceapp.settings import DATABASE_APP_ROLE


def act_as_application() -> None:
    """From now on, on every connection. The role must be there: `migrate` makes it."""
    connection.settings_dict["OPTIONS"]["assume_role"] = DATABASE_APP_ROLE
    _say(f"SET ROLE {DATABASE_APP_ROLE}")


def act_as_owner() -> None:
    """From now on, on every connection."""
    connection.settings_dict["OPTIONS"].pop("assume_role", None)
    _say("RESET ROLE")


@contextmanager
def acting_as_owner() -> Iterator[None]:
    """What the maintenance worker does."""
    is_application = "assume_role" in connection.settings_dict["OPTIONS"]
    act_as_owner()
    try:
        yield
    finally:
        if is_application:
            act_as_application()


def _say(statement: str) -> None:
    """On the open connection, unless only a rollback is possible, which also takes the role back."""
    if connection.connection is None or connection.connection.closed:
        return
    if connection.connection.info.transaction_status != TransactionStatus.INERROR:
        with connection.cursor() as cursor:
            cursor.execute(statement)
