"""Counts of all processes, web and worker, on every machine, gathered in one hash of Redis.

A process adds up what it counts and sends it once a second, in a thread of its own: counting never waits, and a Redis
that is away delays nobody. What a process counted in its last second is lost with it, and Redis forgets everything at a
restart, which is a reset of the counters for Prometheus. Nothing is counted without `METRICS_KEY`.
"""

from __future__ import annotations

import json
import os
import threading
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import redis
from django.conf import settings

from telemetry.families import FAMILIES, Family

HASH = "faceapp:counters"
SEND_SECONDS = 1.0
REDIS_SECONDS = 3.0  # for one command
COUNT, SUM = "count", "sum"  # beside them are the numbers of buckets


@dataclass
class Sample:
    """One combination of labels. `count`: how often; of a histogram also the seconds and the count of each bucket."""

    count: float = 0.0
    sum: float = 0.0
    buckets: dict[int, float] = field(default_factory=lambda: defaultdict(float))


class Counters:
    """What this process has counted and not sent yet."""

    _unsent: dict[str, float]
    _sender: threading.Thread | None

    def __init__(self) -> None:
        self._forget()
        os.register_at_fork(after_in_child=self._forget)

    def count(self, family: Family, *labels: str) -> None:
        self._add(family, labels, {COUNT: 1.0})

    def observe(self, family: Family, *labels: str, seconds: float) -> None:
        bucket = bisect_left(family.buckets, seconds)  # the last one has no bound
        self._add(family, labels, {COUNT: 1.0, SUM: seconds, str(bucket): 1.0})

    def send(self) -> None:
        """Add what was counted to the hash. Raises `RedisError`; then it is kept for the next time."""
        with self._lock:
            sent, self._unsent = self._unsent, defaultdict(float)
        if not sent:
            return
        try:
            with self._connection() as connection, connection.pipeline(transaction=True) as commands:
                for name, amount in sent.items():
                    commands.hincrbyfloat(HASH, name, amount)
                commands.execute()
        except redis.RedisError:
            with self._lock:
                for name, amount in sent.items():
                    self._unsent[name] += amount
            raise

    def read(self) -> Iterator[tuple[Family, tuple[str, ...], Sample]]:
        """The counts of all processes. Raises `RedisError`."""
        with self._connection() as connection:
            found = connection.hgetall(HASH)
        samples: dict[tuple[str, ...], Sample] = defaultdict(Sample)
        for key, amount in found.items():
            *series, part = json.loads(key)
            sample = samples[tuple(series)]
            if part in (COUNT, SUM):
                setattr(sample, part, float(amount))
            else:
                sample.buckets[int(part)] = float(amount)
        for (name, *labels), sample in sorted(samples.items()):
            if name in FAMILIES:  # of another version otherwise
                yield FAMILIES[name], tuple(labels), sample

    def _add(self, family: Family, labels: Sequence[str], changes: dict[str, float]) -> None:
        if not settings.METRICS_KEY:
            return
        with self._lock:
            for part, amount in changes.items():
                self._unsent[json.dumps([family.name, *labels, part])] += amount
            if self._sender is None:
                self._sender = threading.Thread(target=self._send_regularly, name="counters", daemon=True)
                self._sender.start()

    def _send_regularly(self) -> None:
        while True:
            time.sleep(SEND_SECONDS)
            with suppress(redis.RedisError):
                self.send()

    def _forget(self) -> None:
        """A forked child begins with nothing: what is unsent is its parent's, and the parent's threads are not here."""
        self._lock = threading.Lock()
        self._unsent = defaultdict(float)
        self._sender = None

    @staticmethod
    def _connection() -> redis.Redis:
        return redis.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=REDIS_SECONDS, socket_timeout=REDIS_SECONDS
        )


counters = Counters()
