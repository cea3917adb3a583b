"""The id of a request, and who made it, travel to workers in headers of each Celery message."""

from __future__ import annotations

from typing import Any

from celery import Task
from celery.signals import before_task_publish, task_postrun, task_prerun
from celery.worker.request import Request

from telemetry.actors import act_as, packed, unpacked
from telemetry.request_ids import acting_as, request_id

HEADER = "request_id"
ACTOR = "faceapp_actor"
NOT_SHOWN = "…"


class SeenRequest(Request):
    """A message as a worker's parent process knows it, which logs time limits and lost children with the id."""

    def on_timeout(self, soft: bool, timeout: float) -> Any:
        return self._with_id(super().on_timeout, soft, timeout)

    def on_failure(self, *args: Any, **kwargs: Any) -> Any:
        return self._with_id(super().on_failure, *args, **kwargs)

    def _with_id(self, handle: Any, *args: Any, **kwargs: Any) -> Any:
        with acting_as(self.request_dict.get(HEADER) or ""):
            return handle(*args, **kwargs)


class SeenTask(Task[Any, Any]):
    """Every task of the service."""

    Request = "telemetry.messages:SeenRequest"


def connect() -> None:
    """Have every message carry the id and the actor, and every task take them up."""
    before_task_publish.connect(send_id, dispatch_uid="telemetry.send_id")
    task_prerun.connect(take_id, dispatch_uid="telemetry.take_id")
    task_postrun.connect(drop_id, dispatch_uid="telemetry.drop_id")


def send_id(*, headers: dict[str, Any], **_: Any) -> None:
    """A message that was kept for later may have its id already.

    Also takes out Celery's copy of the arguments for logs: some have embeddings.
    """
    headers["argsrepr"] = headers["kwargsrepr"] = NOT_SHOWN
    for name, value in origin().items():
        headers.setdefault(name, value)


def origin() -> dict[str, Any]:
    """The headers of a message that is sent on behalf of the current request."""
    return {HEADER: request_id.get(), ACTOR: packed()}


def take_id(*, task: Task[Any, Any], **_: Any) -> None:
    if not task.request.is_eager:
        request_id.set(task.request.get(HEADER) or "")
        act_as(unpacked(task.request.get(ACTOR), task=task.name))


def drop_id(*, task: Task[Any, Any], **_: Any) -> None:
    if not task.request.is_eager:
        request_id.set("")
        act_as(None)
