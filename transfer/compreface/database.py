"""CompreFace's PostgreSQL database, read in place. Nothing is written to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import psycopg
from django.conf import settings

from errors import Unavailable
from transfer.compreface.catalogue import Catalogue, Kind, Service
from transfer.compreface.dump import DEMO, NEEDED, TOO_OLD, OldVersion
from transfer.folders import BadLayout

CONNECT_SECONDS = 10
READ_ONLY = "-c default_transaction_read_only=on"
SERVICES = """
    SELECT model.api_key, model.type, coalesce(model.name, ''), coalesce(app.name, '')
    FROM model LEFT JOIN app ON app.id = model.app_id
    WHERE model.app_id IS DISTINCT FROM %s AND model.api_key IS NOT NULL
"""
SUBJECTS = "SELECT id::text, api_key, subject_name FROM subject WHERE api_key IS NOT NULL AND subject_name IS NOT NULL"
EXAMPLES = "SELECT id::text, subject_id::text, img_id::text FROM embedding WHERE subject_id IS NOT NULL"
PICTURE = "SELECT substring(content FROM 1 FOR %s) FROM img WHERE id = %s"
TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = ANY (current_schemas(false))"
COLUMNS = "SELECT column_name FROM information_schema.columns WHERE table_name = 'embedding'"


class Unreachable(Unavailable):
    """The server that people are imported from does not answer."""

    code = "import.source_unreachable"


class Database(AbstractContextManager["Database"]):
    """A database by its URL. libpq takes a password from PGPASSWORD or ~/.pgpass as well, where nobody sees it in a
    list of processes. Raises `Unreachable`, `OldVersion` or `BadLayout`.
    """

    def __init__(self, url: str) -> None:
        self.catalogue = Catalogue()
        try:
            with _failures():
                self._connection = psycopg.connect(
                    url, autocommit=True, connect_timeout=CONNECT_SECONDS, options=READ_ONLY
                )
                try:
                    self._list()
                except BaseException:
                    self._connection.close()
                    raise
        except BaseException:
            self.catalogue.close()
            raise

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self.catalogue.close()

    def picture(self, name: str) -> bytes | None:
        """The content of a row of `img`; None if the row is gone. Raises `Unreachable`."""
        with _failures():
            found = self._connection.execute(PICTURE, [settings.MAX_IMAGE_BYTES + 1, name], binary=True).fetchone()
        return bytes(found[0]) if found else None

    def _list(self) -> None:
        tables = {name for (name,) in self._connection.execute(TABLES)}
        columns = {name for (name,) in self._connection.execute(COLUMNS)}
        if missing := NEEDED - tables:
            if "face" in tables:
                raise OldVersion(TOO_OLD)
            raise BadLayout(f"This is not a database of CompreFace: it has no table {', '.join(sorted(missing))}.")
        if "subject_id" not in columns:
            raise OldVersion(TOO_OLD)
        with self._connection.transaction():  # cursors of the server live as long as their transaction
            self._connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            services = self._rows(SERVICES, [int(DEMO)])
            self.catalogue.add_services(
                Service(key, Kind(kind), name, app) for key, kind, name, app in services if kind in list(Kind)
            )
            self.catalogue.add_subjects(self._rows(SUBJECTS))
            self.catalogue.add_examples(self._rows(EXAMPLES))

    def _rows(self, statement: str, values: list[Any] | None = None) -> Iterator[tuple[Any, ...]]:
        with self._connection.cursor(name="listing") as cursor:
            cursor.itersize = 2000
            cursor.execute(statement, values)
            yield from cursor


@contextmanager
def _failures() -> Iterator[None]:
    """What psycopg raises as errors of ours; its messages can name hosts and users."""
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise BadLayout("This user may not read CompreFace's tables.") from error
    except psycopg.OperationalError as error:
        raise Unreachable("CompreFace's database does not answer, or refuses the user or the password.") from error
    except psycopg.Error as error:
        raise BadLayout("This is not a database of CompreFace, or its URL cannot be read.") from error
