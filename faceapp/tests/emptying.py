"""Tests that commit leave an empty database, at a twentieth of the cost of Django's `flush`.

`flush` truncates every table, with all of its indexes, and makes the permissions and groups anew.
"""

import pytest
from django.db import connection, transaction
from django.test import TransactionTestCase

# What `migrate` fills. After a test that changed something here, `flush` has to make it as it was.
KEPT = ("django_content_type", "auth_permission", "auth_group", "auth_group_permissions")
INDEXED_VECTORS = """
    SELECT DISTINCT t.relname FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
    JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam WHERE m.amname IN ('hnsw', 'ivfflat')
"""


def replace_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on only rows are removed, unless the test has changed what is kept."""
    flush = TransactionTestCase._fixture_teardown
    kept = ""  # as `flush` leaves it

    def empty(test: TransactionTestCase) -> None:
        nonlocal kept
        if kept == what_is_kept():
            remove_rows()
        else:
            flush(test)
            kept = what_is_kept()

    monkeypatch.setattr(TransactionTestCase, "_fixture_teardown", empty)


def what_is_kept() -> str:
    rows = " UNION ALL ".join(f"SELECT '{table}' || t::text AS row FROM {table} t" for table in KEPT)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT md5(string_agg(row, '' ORDER BY row)) FROM ({rows}) AS all_rows")
        return str(cursor.fetchone()[0])


def remove_rows() -> None:
    """Wait for other sessions, as TRUNCATE does, and remove the rows of the tables that have any.

    The roles of tests may not do this; who logged in may. An index of vectors would keep what was deleted, and answer
    with fewer of the others: such a table is truncated.
    """
    tables = [name for name in connection.introspection.django_table_names(include_views=False) if name not in KEPT]
    filled = " UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table})" for table in tables)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE NONE; SET LOCAL session_replication_role = replica")  # no triggers, no keys
        cursor.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
        cursor.execute(filled)
        names = {name for (name,) in cursor.fetchall()}
        cursor.execute(INDEXED_VECTORS)
        for name in names & {name for (name,) in cursor.fetchall()}:
            cursor.execute(f"TRUNCATE {name} CASCADE")
        for name in names:
            cursor.execute(f"DELETE FROM {name}")
