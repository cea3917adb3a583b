"""Asks servers that are equal: one after the other in turn, and another one where one fails, until time is up."""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from numpy.typing import NDArray

from vision.engines.networks.served import Endpoint
from vision.exceptions import EmbedderUnavailable

logger = logging.getLogger(__name__)
REST_SECONDS = 5.0  # for which a server that failed is asked only if no other is left
PAUSE = 0.2  # seconds before the only server is asked again
AWAY, TIMEOUT, CERTIFICATE = "engine.serving_away", "engine.serving_timeout", "engine.serving_certificate"
ANSWER, REFUSED, SPACE = "engine.serving_answer", "engine.serving_refused", "engine.serving_space"
MESSAGES = {
    AWAY: "The servers that run this model cannot be reached.",
    TIMEOUT: "The servers that run this model did not answer in time.",
    CERTIFICATE: "The certificate of a server that runs this model does not verify; nothing was sent.",
    ANSWER: "A server that runs this model answered with something that is no description of these faces.",
    REFUSED: "A server that runs this model refuses the call: it has no such model, version, signature or input.",
    SPACE: "A server runs another model than the one that is configured, whose faces cannot be compared with ours.",
}
Answer = dict[str, NDArray[Any]]
Read = TypeVar("Read")


class ReplicaFailed(Exception):
    """One server gave no usable answer. `code`: one of `MESSAGES`; `elsewhere`: whether another one may."""

    def __init__(self, code: str, *, elsewhere: bool = True) -> None:
        super().__init__(code)
        self.code = code
        self.elsewhere = elsewhere


class Replica(ABC):
    """One server. Safe for several threads."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.rests_until = 0.0

    @abstractmethod
    def predict(self, values: NDArray[Any], *, seconds: float) -> Answer:
        """The outputs for a batch by name. Raises `ReplicaFailed`."""


class Replicas:
    """Servers that are equal, each asked in its turn. Safe for several threads."""

    def __init__(self, replicas: Sequence[Replica], *, seconds: float) -> None:
        self._replicas = list(replicas)
        self._seconds = seconds
        self._next = 0
        self._lock = threading.Lock()

    def predict(self, values: NDArray[Any], check: Callable[[Answer], Read]) -> Read:
        """What `check` makes of the first answer that it does not refuse. Raises `EmbedderUnavailable`.

        `check` is given an answer and raises `ReplicaFailed`. Time is divided among the servers that are left, so that
        one that hangs leaves some for the others.
        """
        deadline, order = time.monotonic() + self._seconds, self._in_turn()
        failure = ReplicaFailed(AWAY)
        for number, replica in enumerate(order):
            left = deadline - time.monotonic()
            if left <= 0:
                failure = ReplicaFailed(TIMEOUT)
                break
            try:
                return check(replica.predict(values, seconds=left / (len(order) - number)))
            except ReplicaFailed as error:
                failure = error
                replica.rests_until = time.monotonic() + REST_SECONDS
                logger.warning("%s gave no usable answer: %s", replica.endpoint.label, error.code)
                if not error.elsewhere:
                    break
            if replica in order[number + 1 :]:
                time.sleep(min(PAUSE, max(deadline - time.monotonic(), 0)))
        raise EmbedderUnavailable(MESSAGES[failure.code], code=failure.code)

    def _in_turn(self) -> list[Replica]:
        """Each server once, and the only one twice; those that rest come last."""
        with self._lock:
            start, self._next = self._next, (self._next + 1) % len(self._replicas)
        order = [*self._replicas[start:], *self._replicas[:start]]
        now = time.monotonic()
        return sorted(order * 2 if len(order) == 1 else order, key=lambda replica: replica.rests_until > now)
