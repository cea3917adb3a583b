"""Counts of several processes, gathered in Redis."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import redis
from pytest_django.fixtures import Settings

from telemetry import counters as module
from telemetry.counters import HASH, Counters
from telemetry.families import IMAGE_SECONDS, IMAGES

pytestmark = pytest.mark.usefixtures("servers")


@pytest.fixture(autouse=True)
def counting(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing has been counted, and nothing is sent but by the test."""
    settings.METRICS_KEY = "a key"
    monkeypatch.setattr(module, "SEND_SECONDS", 3600.0)
    with redis.Redis.from_url(settings.REDIS_URL) as connection:
        connection.delete(HASH)
        yield
        connection.delete(HASH)


def test_processes_add_to_the_same_counts() -> None:
    one, other = Counters(), Counters()
    for process in (one, other, one):
        process.count(IMAGES, "ok")
    other.count(IMAGES, "failed")
    for seconds in (0.01, 0.3, 99.0):
        one.observe(IMAGE_SECONDS, "find", seconds=seconds)
    one.send()
    other.send()
    other.send()
    found = {(family.name, *labels): sample for family, labels, sample in Counters().read()}
    assert (found["faceapp_images", "ok"].count, found["faceapp_images", "failed"].count) == (3, 1)
    times = found["faceapp_image_duration_seconds", "find"]
    assert (times.count, round(times.sum, 6)) == (3, 99.31)
    within = {IMAGE_SECONDS.buckets.index(0.01): 1.0, IMAGE_SECONDS.buckets.index(0.5): 1.0}
    assert times.buckets == within | {len(IMAGE_SECONDS.buckets): 1.0}


def test_what_redis_did_not_take_is_sent_later(settings: Settings) -> None:
    process, address = Counters(), settings.REDIS_URL
    process.count(IMAGES, "ok")
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    with pytest.raises(redis.RedisError):
        process.send()
    process.count(IMAGES, "ok")
    settings.REDIS_URL = address
    process.send()
    [(_, labels, sample)] = process.read()
    assert (labels, sample.count) == (("ok",), 2)


def test_a_forked_child_does_not_send_what_its_parent_counted() -> None:
    process = Counters()
    process.count(IMAGES, "ok")
    child = os.fork()
    if not child:  # pragma: no cover
        status = 1
        try:
            process.send()
            process.count(IMAGES, "refused")
            process.send()
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert [labels for _, labels, _ in process.read()] == [("refused",)]


def test_nothing_is_counted_without_a_key_for_the_metrics(settings: Settings) -> None:
    settings.METRICS_KEY = ""
    process = Counters()
    process.count(IMAGES, "ok")
    process.send()
    assert list(process.read()) == []


def test_families_of_another_version_are_left_out(settings: Settings) -> None:
    with redis.Redis.from_url(settings.REDIS_URL) as connection:
        connection.hset(HASH, '["faceapp_gone", "x", "count"]', 3)
    assert list(Counters().read()) == []
