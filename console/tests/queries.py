"""How many statements a page may take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.test.utils import CaptureQueriesContext

MOST_QUERIES = 10  # of a page, beside those that ask who is there and may do what
BESIDE = ("django_session", "auth_user", "clients_", "audit_", "SAVEPOINT", "auth_permission", "set_config")


@contextmanager
def own_queries() -> Iterator[list[str]]:
    """The statements of a page, in a list that is filled at the end."""
    own: list[str] = []
    with CaptureQueriesContext(connection) as found:
        yield own
    own += [one["sql"] for one in found if not any(part in one["sql"] for part in BESIDE)]


@contextmanager
def few_queries() -> Iterator[None]:
    """Fails if a page takes more than `MOST_QUERIES`."""
    with own_queries() as own:
        yield
    assert len(own) <= MOST_QUERIES, own
