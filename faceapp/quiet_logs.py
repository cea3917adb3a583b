"""Keeps keys, names and embeddings out of logs: some compatibility APIs have keys in the path, callers write names into
addresses, and Celery would log what a task returned.
"""

from __future__ import annotations

import logging
import re
from functools import cache
from importlib import import_module
from typing import Any

from celery.app import trace
from django.apps import apps
from django.http import HttpRequest

from clients.middleware import HIDDEN as PATH_WITHOUT_TOKEN
from clients.middleware import path_token_of
from compat.dialect import dialects
from environment.terminal import printable

IDENTIFIER = re.compile(r"[0-9]+|[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")  # a number or a UUID
HIDDEN = "-"
PATH_TOKEN = re.compile(r"(/k/+)[^/?#\s\"]+")  # clients.middleware takes it off as well, also where it is encoded
consumer: Any = import_module("celery.worker.consumer.consumer")  # its types leave the messages out
SHORTER = {  # messages of Celery that quote results, or messages as they came
    trace.LOG_SUCCESS: "Task %(name)s[%(id)s] succeeded in %(runtime)ss",
    consumer.UNKNOWN_TASK_ERROR: "Received unregistered task of type %s: discarded.",
    consumer.UNKNOWN_FORMAT: "Received and deleted an unknown message.",
    consumer.INVALID_TASK_ERROR: "Received an invalid task message: discarded.",
    consumer.MESSAGE_DECODE_ERROR: "Can't decode a message body: discarded.",
}


def without_keys(text: str) -> str:
    """`text` with every key cut down to its prefix, by which the administrator knows it, and without path tokens."""
    for secret in secrets_in_paths() if apps.ready else ():
        text = secret.sub(r"\1…", text)
    return PATH_TOKEN.sub(r"\1-", text)


@cache
def secrets_in_paths() -> tuple[re.Pattern[str], ...]:
    return tuple(secret for one in dialects() for secret in one.secrets)


def loggable_path(request: HttpRequest) -> str:
    """The path of a request without keys, and with the parts hidden that a caller may choose, such as names."""
    path, match = re.sub("/{2,}", "/", request.path), request.resolver_match  # as routes are matched
    for value in [*match.args, *match.kwargs.values()] if match else ():
        if value and not IDENTIFIER.fullmatch(str(value)):
            path = re.sub(rf"(?<=/){re.escape(str(value))}(?=/|\Z)", HIDDEN, path)
    if path_token_of(request) is not None:
        path = f"{PATH_WITHOUT_TOKEN}{path.removeprefix(PATH_WITHOUT_TOKEN)}"
    return without_keys(printable(path))


class KeyFilter(logging.Filter):
    """Hides keys in what the service logs itself, and names in the paths that Django logs."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not getattr(record, "is_quiet", False):  # by another handler
            text, request = record.getMessage(), getattr(record, "request", None)
            if isinstance(request, HttpRequest):
                for path in (request.path, request.path.encode("unicode_escape").decode("ascii")):  # Django escapes it
                    text = text.replace(path, loggable_path(request))
            record.msg, record.args, record.is_quiet = without_keys(text), None, True
        return True


class WithoutPayload(logging.Filter):
    """Takes results and bodies of tasks out of Celery's messages."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.msg, str) and record.msg in SHORTER:
            record.msg = SHORTER[record.msg]
            if isinstance(record.args, tuple):
                record.args = record.args[: record.msg.count("%s")]
        if record.name.startswith("celery."):
            record.__dict__.pop("data", None)
        return True


class QuietRequests(logging.Filter):
    """Of what Django says about an answer: no traceback where the caller is refused, and nothing of a service that is
    not ready yet, which whoever asks for it is told.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        status, request = getattr(record, "status_code", 0), getattr(record, "request", None)
        match = getattr(request, "resolver_match", None)
        if 400 <= status < 500:
            record.exc_info = record.exc_text = None
        return not (status == 503 and match and match.view_name == "readyz")


class WithoutTraceback(logging.Filter):
    """A warning of one line, where Django logs an error: any scanner that guesses a host name causes it."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.exc_info = record.exc_text = None
        return True
