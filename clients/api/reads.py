"""Recording who reads rows about people."""

from __future__ import annotations

from typing import Any

from audit.types import Action
from clients.numbering import record_rows


class RecordsReads:
    """For a view set whose rows are about people: each row and each page that is read is recorded."""

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        if args and self.request.method in {"GET", "HEAD"}:  # type: ignore[attr-defined]
            rows = list(args[0]) if kwargs.get("many") else [args[0]]
            record_rows(Action.VIEW, rows, results=len(rows))
        return super().get_serializer(*args, **kwargs)  # type: ignore[misc]
