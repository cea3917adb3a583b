"""How a line of the log looks: text for people, or a JSON object for programs, each with the id of the request."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from celery import current_task
from pythonjsonlogger.json import JsonFormatter as Json

from telemetry.request_ids import request_id


class OriginFilter(logging.Filter):
    """Adds `request_id` and `task_id`; either may be empty."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = getattr(record, "request_id", "") or request_id.get()
        record.task_id = (current_task.request.id or "") if current_task else ""
        return True


class TextFormatter(logging.Formatter):
    """`time level logger [request id]: message`, in local time; facts of an access follow as `name=value`."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name}{origin}: {message}", style="{")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  of the standard library
        identity = getattr(record, "request_id", "")
        record.origin = f" [{identity}]" if identity else ""
        facts = [f"{name}={value}" for name, value in getattr(record, "access", {}).items() if value is not None]
        return " ".join([super().formatMessage(record), *facts])


class JsonFormatter(Json):
    """One object a line: `time` (UTC, ISO 8601), `level`, `logger`, `message`, what is known of `request_id`, `task_id`
    and `exception`, and the facts of an access.

    What else libraries attach to a record is left out: it may be a whole request.
    """

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        log_data |= {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.message,
        }
        known = {
            "request_id": getattr(record, "request_id", ""),
            "task_id": getattr(record, "task_id", ""),
            "exception": message_dict.get("exc_info"),
        }
        log_data |= {name: value for name, value in known.items() if value} | getattr(record, "access", {})
