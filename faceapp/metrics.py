"""`/metrics` for Prometheus: what all processes counted, and the state of the service at this moment.

Nothing here says anything about a person or a client. A part that does not answer is left out and named.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import accumulate, groupby
from operator import itemgetter
from typing import TypeVar

from django.conf import settings
from django.db import Error, connection, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from redis import RedisError

from blacklist.models import BlacklistEntry
from clients.models import ApiKey
from errors import Unavailable
from faceapp.health import probe
from people.models import FaceTemplate, Person
from storage.disks import disks
from telemetry.counters import Sample, counters
from telemetry.families import Family
from telemetry.models import RecurringTask
from vision import dispatch
from vision.dispatch import IN_TURN
from vision.engines import engines
from walls.current import EVERYONE, showing
from work.queues import queue_length
from work.services import backlogs

QUERY_SECONDS = 2  # for one query
TOTALS_SECONDS = 60.0  # for which a process repeats what it counted in large tables
Answer = TypeVar("Answer")
AWAY = (Error, RedisError, Unavailable, OSError)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """For the caller with `METRICS_KEY` as a bearer token; without such a key there is no such page."""
    if not settings.METRICS_KEY:
        raise Http404
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not constant_time_compare(token.strip(), settings.METRICS_KEY):
        return HttpResponse("Unauthorized", "text/plain", 401, headers={"WWW-Authenticate": "Bearer"})
    registry = CollectorRegistry()
    registry.register(Everything())
    return HttpResponse(generate_latest(registry), CONTENT_TYPE_LATEST)


class Everything(Collector):
    """All families. Of a store that does not answer, the families after the first failure are left out."""

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("faceapp_up", "Whether all figures of this part are known.", labels=["part"])
        for name, parts in PARTS.items():
            try:
                for part in parts:
                    yield from list(part())
                up.add_metric([name], 1)
            except AWAY:
                up.add_metric([name], 0)
        yield up


# ---- counted by all processes -----------------------------------------------------------------------------------
def counted() -> Iterator[Metric]:
    for family, samples in groupby(counters.read(), key=itemgetter(0)):
        metric = _metric(family)
        for _, labels, sample in samples:
            if isinstance(metric, HistogramMetricFamily):
                metric.add_metric(labels, _cumulative(family, sample), sample.sum)
            else:
                metric.add_metric(labels, sample.count)
        yield metric


def _metric(family: Family) -> CounterMetricFamily | HistogramMetricFamily:
    kind = HistogramMetricFamily if family.buckets else CounterMetricFamily
    return kind(family.name, family.help, labels=family.labels)


def _cumulative(family: Family, sample: Sample) -> list[tuple[str, float]]:
    bounds = [*map(str, family.buckets), "+Inf"]
    return list(zip(bounds, accumulate(sample.buckets[number] for number in range(len(bounds))), strict=True))


# ---- of this moment ---------------------------------------------------------------------------------------------
def ready() -> Iterator[Metric]:
    """What `/readyz` says; a worker may take some seconds to answer."""
    ready = GaugeMetricFamily("faceapp_ready", "Whether this part answers, as /readyz says.", labels=["part"])
    for part, outcome in probe.report().items():
        ready.add_metric([part], float(outcome == "ok"))
    yield ready


def queues() -> Iterator[Metric]:
    waiting = GaugeMetricFamily("faceapp_queue_messages", "Messages that wait in a queue.", labels=["queue"])
    held_back = "Messages that wait until it is the turn of their client in a queue."
    in_turn = GaugeMetricFamily("faceapp_queue_held_back_messages", held_back, labels=["queue"])
    routed = (route["queue"] for route in settings.CELERY_TASK_ROUTES.values())
    for queue in sorted({*settings.WORKER_QUEUES, *routed}):
        waiting.add_metric([queue], queue_length(queue))
    for queue in IN_TURN:
        in_turn.add_metric([queue], dispatch.waiting(queue))
    yield from (waiting, in_turn)


def work() -> Iterator[Metric]:
    waiting = GaugeMetricFamily("faceapp_work_waiting", "Pieces of work that wait for a worker.", labels=["kind"])
    age = GaugeMetricFamily("faceapp_work_oldest_seconds", "Since when the oldest of them waits.", labels=["kind"])
    for backlog in _within_time(backlogs):
        waiting.add_metric([backlog.kind], backlog.count)
        age.add_metric([backlog.kind], backlog.seconds)
    yield from (waiting, age)


def recurring() -> Iterator[Metric]:
    name = "faceapp_task_last_success_timestamp_seconds"
    success = GaugeMetricFamily(name, "When a recurring task last did all it had to do.", labels=["task"])
    failures = CounterMetricFamily("faceapp_task_failures", "How often it ended with an error.", labels=["task"])
    for task in _within_time(lambda: list(RecurringTask.objects.order_by("name"))):
        if task.succeeded_at:
            success.add_metric([task.name], task.succeeded_at.timestamp())
        failures.add_metric([task.name], task.failures)
    yield from (success, failures)


def totals() -> Iterator[Metric]:
    for name, total in count_rows(int(time.monotonic() // TOTALS_SECONDS)).items():
        yield GaugeMetricFamily(f"faceapp_{name}", f"Stored {name.replace('_', ' ')} of all clients.", value=total)


@lru_cache(maxsize=1)
def count_rows(period: int) -> dict[str, int]:
    """Rows of large tables, counted once in a period."""
    kinds = {"people": Person, "templates": FaceTemplate, "blacklist_entries": BlacklistEntry}
    return _within_time(lambda: {name: kind._default_manager.count() for name, kind in kinds.items()})


def keys() -> Iterator[Metric]:
    count = _within_time(lambda: ApiKey.objects.expiring().count())
    yield GaugeMetricFamily("faceapp_api_keys_expiring", "API keys that expire within 30 days.", value=count)


def _within_time(ask: Callable[[], Answer]) -> Answer:
    """What `ask` reads from the database. `OperationalError` if a query takes longer than `QUERY_SECONDS`."""
    with showing(EVERYONE), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = '{QUERY_SECONDS}s'")
        return ask()


def models() -> Iterator[Metric]:
    enabled = InfoMetricFamily("faceapp_model", "Models of the enabled engines.", labels=["alias"])
    for alias, space in engines.spaces().items():
        info = {"model": space.model, "detector": engines[alias].detector, "space": space.name}
        enabled.add_metric([alias], info)
    yield enabled


def disk() -> Iterator[Metric]:
    free = GaugeMetricFamily("faceapp_disk_free_bytes", "Free space where data is stored.", labels=["folder"])
    size = GaugeMetricFamily("faceapp_disk_size_bytes", "The whole space there.", labels=["folder"])
    for name, room in disks().items():
        free.add_metric([name], room.free)
        size.add_metric([name], room.size)
    yield from (free, size)


PARTS: dict[str, list[Callable[[], Iterator[Metric]]]] = {
    "queue": [counted, queues],
    "database": [work, recurring, totals, keys],
    "service": [models, disk, ready],
}
