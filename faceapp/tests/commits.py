"""Callbacks of `transaction.on_commit` run although a test is one transaction that is rolled back in the end."""

import logging
from collections.abc import Callable
from types import TracebackType

import pytest
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

log = logging.getLogger(__name__)


def simulate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaving the outermost transaction of the tested code counts as a commit; outside any, callbacks run at once.

    Tests that need more (another connection, a live server, an error that the code leaves to the database) ask for
    real commits: `django_db`.
    """
    leave, add = transaction.Atomic.__exit__, BaseDatabaseWrapper.on_commit

    def leave_and_run(
        self: transaction.Atomic, kind: type[BaseException] | None, error: BaseException, trace: TracebackType
    ) -> None:
        leave(self, kind, error, trace)
        if not _of_test(self):
            _run_callbacks(transaction.get_connection(self.using))

    def add_and_run(self: BaseDatabaseWrapper, func: Callable[[], object], robust: bool = False) -> None:
        add(self, func, robust)
        _run_callbacks(self)

    monkeypatch.setattr(transaction.Atomic, "__exit__", leave_and_run)
    monkeypatch.setattr(BaseDatabaseWrapper, "on_commit", add_and_run)


def _run_callbacks(connection: BaseDatabaseWrapper) -> None:
    if connection.atomic_blocks and _of_test(connection.atomic_blocks[-1]):
        # Taken out first, as Django does: a callback may have a transaction of its own.
        waiting, connection.run_on_commit = connection.run_on_commit, []
        for _, callback, is_robust in waiting:  # type: ignore[misc]  # the stubs know two
            try:
                callback()
            except Exception:
                if not is_robust:
                    raise
                log.exception("in a robust callback")


def _of_test(block: transaction.Atomic) -> bool:
    """Whether Django's TestCase, which `django_db` is made of, has begun this transaction."""
    return block._from_testcase  # type: ignore[attr-defined, no-any-return]
