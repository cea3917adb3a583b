"""Queues of claimed work, and what they hold."""

from __future__ import annotations

from vision.inference import INTERACTIVE, handoff, queue_errors

__all__ = ["BULK", "INTERACTIVE", "queue_errors", "queue_length"]

BULK = "bulk"


def queue_length(queue: str) -> int:
    """Messages that wait in a queue, without those that a worker holds. Raises `Unavailable` (`queue.unavailable`)."""
    with queue_errors():
        return int(handoff().llen(queue))
