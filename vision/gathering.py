"""Batches for one card: what the threads of a process ask of a network at the same time runs as one.

Each thread works on an image of its own, from decoding to the answer, and calls networks as it would call them alone.
A `Gatherer` has one thread that runs all networks of the process, one batch after the other. While a batch runs, calls
gather for the next. An idle card waits for more calls only while other threads are at work on images that may still
need it, and for milliseconds at most, so that a single caller is never held up for a batch that does not come.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errors import Unavailable

MOST_ROWS = 64  # of a batch; an image may show a hundred faces
MOST_BYTES = 64 * 2**20  # of what a batch sends to the card: 17 canvases of 1280 x 960, four of twice that size
Rows = list[NDArray[Any]]  # of each output of a network

log = logging.getLogger(__name__)
_numbers = count()


def is_batchable(session: Any) -> bool:
    """Whether a session of ONNX Runtime has one input and takes any number of rows."""
    borders = [*session.get_inputs(), *session.get_outputs()]
    free = all(border.shape and not isinstance(border.shape[0], int) for border in borders)
    return free and len(session.get_inputs()) == 1


@dataclass(eq=False)
class Call:
    """One thread's rows for a network. Calls of the same `kind` can share a batch."""

    session: Any
    outputs: Sequence[str] | None
    entry: str
    rows: NDArray[Any]
    rank: int
    number: int = field(default_factory=lambda: next(_numbers))
    since: float = field(default_factory=time.monotonic)
    answer: Future[Rows] = field(default_factory=Future)

    @property
    def kind(self) -> tuple[Any, ...]:
        return id(self.session), tuple(self.outputs or ()), self.entry, self.rows.shape[1:], self.rows.dtype

    @property
    def order(self) -> tuple[int, int]:
        return self.rank, self.number


class Gatherer:
    """Runs networks for many threads in one.

    `images`: calls of a batch at most. `seconds`: how long a call may wait for others.
    """

    def __init__(self, *, images: int, seconds: float) -> None:
        self._images, self._seconds = images, seconds
        self._waiting: list[Call] = []
        self._changed = threading.Condition()
        self._threads_at_work = 0
        self._closed = False
        self._of_thread = threading.local()
        self._thread = threading.Thread(target=self._serve, name="engine", daemon=True)
        self._thread.start()

    def session(self, session: Any) -> GatheredSession:
        """A session whose runs happen here."""
        return GatheredSession(self, session)

    def rank_thread(self, rank: int) -> None:
        """Calls of this thread go before those of threads with a higher rank. 0 without this."""
        self._of_thread.rank = rank

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """While this thread works on an image, others wait a moment for its calls."""
        with self._changed:
            self._threads_at_work += 1
        try:
            yield
        finally:
            with self._changed:
                self._threads_at_work -= 1
                self._changed.notify_all()

    def run(self, session: Any, outputs: Sequence[str] | None, inputs: dict[str, NDArray[Any]]) -> Rows:
        """As `InferenceSession.run`, for a session with one input. Raises `Unavailable` once this is closed."""
        [(entry, rows)] = inputs.items()
        call = Call(session, outputs, entry, rows, getattr(self._of_thread, "rank", 0))
        with self._changed:
            if self._closed:
                raise Unavailable("The worker is stopping.", code="engine.worker_lost")
            self._waiting.append(call)
            self._changed.notify_all()
        return call.answer.result()

    def close(self, *, seconds: float = 10.0) -> None:
        """Answer the calls that wait, refuse others, and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(seconds)

    def _serve(self) -> None:
        while batch := self._next():
            _answer(batch)

    def _next(self) -> list[Call]:
        """The next batch; empty once this is closed and all calls are answered."""
        with self._changed:
            while self._waiting or not self._closed:
                if not self._waiting:
                    self._changed.wait()
                elif (left := self._seconds_left()) > 0:
                    self._changed.wait(left)
                else:
                    return self._take()
            return []

    def _seconds_left(self) -> float:
        """How long the calls that wait should wait for more."""
        is_complete = len(self._waiting) >= min(self._threads_at_work, self._images)
        if self._closed or is_complete:
            return 0.0
        return min(call.since for call in self._waiting) + self._seconds - time.monotonic()

    def _take(self) -> list[Call]:
        """The call that goes first and, in their order, those that can share its batch."""
        first, *others = sorted(self._waiting, key=lambda call: call.order)
        batch, rows, size = [first], len(first.rows), first.rows.nbytes
        for call in others:
            if call.kind != first.kind:
                continue
            rows, size = rows + len(call.rows), size + call.rows.nbytes
            if len(batch) == self._images or rows > MOST_ROWS or size > MOST_BYTES:
                break
            batch.append(call)
        self._waiting = [call for call in self._waiting if call not in batch]
        return batch


class GatheredSession:
    """Looks like the session of ONNX Runtime, and runs in a gatherer."""

    def __init__(self, gatherer: Gatherer, session: Any) -> None:
        self._gatherer, self._session = gatherer, session

    def run(self, outputs: Sequence[str] | None, inputs: dict[str, NDArray[Any]]) -> Rows:
        return self._gatherer.run(self._session, outputs, inputs)

    def get_inputs(self) -> list[Any]:
        return list(self._session.get_inputs())

    def get_outputs(self) -> list[Any]:
        return list(self._session.get_outputs())


def _answer(batch: list[Call]) -> None:
    """Run a batch and give each call its rows. Calls of a batch that fails are run one by one."""
    try:
        answers = _run(batch)
    except Exception as error:
        if len(batch) == 1:
            batch[0].answer.set_exception(error)
            return
        log.warning("A batch of %d failed and is run one by one: %s", len(batch), type(error).__name__)
        for call in batch:
            _answer([call])
        return
    for call, rows in zip(batch, answers, strict=True):
        call.answer.set_result(rows)


def _run(batch: Sequence[Call]) -> list[Rows]:
    """The rows of each call."""
    first = batch[0]
    if len(batch) == 1:
        return [first.session.run(first.outputs, {first.entry: first.rows})]
    together = np.concatenate([call.rows for call in batch])
    ends = np.cumsum([len(call.rows) for call in batch])
    outputs = first.session.run(first.outputs, {first.entry: together})
    if any(len(rows) != len(together) for rows in outputs):
        raise ValueError("the network does not answer row by row")
    parts = [np.split(rows, ends[:-1]) for rows in outputs]
    return [list(rows) for rows in zip(*parts, strict=True)]
