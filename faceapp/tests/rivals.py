"""Work over a second connection to the database, for tests of two things that happen at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from django.db import connection

PATIENCE = 60.0  # seconds


class Rival(threading.Thread):
    """Does something over a connection of its own and keeps what it raises."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__()
        self.work = work
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self.work()
        except BaseException as error:
            self.error = error
        finally:
            connection.close()

    def finish(self) -> None:
        """Wait for the end and raise what went wrong."""
        self.join(PATIENCE)
        assert not self.is_alive()
        if self.error:
            raise self.error


def wait_for_backend(condition: str) -> int:
    """The process id of the first other session of this database for which the SQL `condition` holds."""
    deadline = time.monotonic() + PATIENCE
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute("SELECT pg_stat_clear_snapshot()")  # a transaction sees one state of the view otherwise
            cursor.execute(f"SELECT pid FROM pg_stat_activity WHERE {others} AND {condition}")
            if row := cursor.fetchone():
                return int(row[0])
            time.sleep(0.01)
    raise AssertionError("no such session")


def wait_until_blocked() -> None:
    wait_for_backend("wait_event_type = 'Lock'")
