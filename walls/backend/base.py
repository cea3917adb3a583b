"""Django's PostgreSQL back end, whose connections know whose rows they may show (`walls.current`)."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql import base
from psycopg.pq import TransactionStatus

from walls.current import shown

SETTING = "faceapp.clients"


class DatabaseWrapper(base.DatabaseWrapper):
    """Says it once, and again when it has changed or a rollback may have undone it."""

    _told: str | None = None  # what this connection was told last; None: unknown

    def create_cursor(self, name: str | None = None) -> Any:
        wanted = shown()
        if wanted != self._told and self._listens():
            with self.connection.cursor() as cursor:
                cursor.execute("SELECT set_config(%s, %s, false)", [SETTING, wanted])
            self._told = wanted
        return super().create_cursor(name)

    def init_connection_state(self) -> None:
        self._told = None
        super().init_connection_state()

    def close(self) -> None:
        self._told = None  # a pool may give the next one another connection
        super().close()

    def _commit(self) -> Any:
        if self.connection is not None and not self._listens():
            self._told = None  # PostgreSQL rolls back a transaction that has failed, and reports no error
        return super()._commit()  # type: ignore[misc]  # the stubs do not know it

    def _rollback(self) -> Any:
        self._told = None
        return super()._rollback()  # type: ignore[misc]

    def _savepoint_rollback(self, sid: str) -> None:
        super()._savepoint_rollback(sid)  # type: ignore[misc]
        self._told = None

    def _listens(self) -> bool:
        """A transaction that has failed takes nothing but its rollback."""
        return bool(self.connection.info.transaction_status != TransactionStatus.INERROR)
