"""`/metrics`: who may read it, what it counts, and what it says when a part of the service is away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis
import yaml
from django.db import OperationalError, connection
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django.fixtures import Settings

import recognition.tasks
import work.tasks
from clients.models import Client
from clients.services import create_api_key
from environment import BASE_DIR
from errors import Unavailable
from faceapp import health, metrics
from people.services import enrol_face
from people.types import EnrolmentRules, Whom
from recognition.models import Job, ProcessedImage
from telemetry import counters as module
from telemetry.counters import HASH, counters
from telemetry.families import FAMILIES, IMAGE_SECONDS
from telemetry.recurring import note_success, outcome_noted
from vision import dispatch, inference, measured
from vision.engines import engines
from vision.exceptions import InvalidImage
from vision.inference import AnalysisOptions
from vision.tests.drawing import RED, picture
from vision.types import Upload

KEY = "a key of thirty-two hexadecimals"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def counting(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A service with metrics that has counted nothing; the test sends what is counted."""
    settings.METRICS_KEY = KEY
    monkeypatch.setattr(module, "SEND_SECONDS", 3600.0)
    metrics.count_rows.cache_clear()
    address = settings.REDIS_URL
    with redis.Redis.from_url(address) as connection:
        counters.send()
        connection.delete(HASH)
        yield
        settings.REDIS_URL = address
        counters.send()
        connection.delete(HASH)


def scrape(key: str = KEY) -> Any:
    return Browser().get("/metrics", headers={"Authorization": f"Bearer {key}"})


def refuse() -> None:
    raise Unavailable("No.")


def values() -> dict[tuple[str, ...], float]:
    """What is scraped: each value by its name and the values of its labels, in the order of their names."""
    counters.send()
    text = scrape().content.decode()
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


# ---- who may read it --------------------------------------------------------------------------------------------
def test_only_the_key_opens_it(settings: Settings, client_a: Client) -> None:
    assert scrape().status_code == 200
    for header in ({}, {"Authorization": KEY}, {"Authorization": f"Basic {KEY}"}, {"Authorization": "Bearer"}):
        assert Browser().get("/metrics", headers=header).status_code == 401
    other = create_api_key(client_name=client_a.name)[1]
    for wrong in (KEY[:-1], f"{KEY}x", "ä", other):
        answer = scrape(wrong)
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
        assert b"faceapp" not in answer.content
    assert Browser().post("/metrics", headers={"Authorization": f"Bearer {KEY}"}).status_code == 405
    settings.METRICS_KEY = ""
    assert (scrape().status_code, scrape("").status_code) == (404, 404)


# ---- what is counted --------------------------------------------------------------------------------------------
def test_requests_are_counted_by_route_and_never_by_path(client_a: Client) -> None:
    key = {"X-API-Key": create_api_key(client_name=client_a.name)[1]}
    for number in range(3):
        Browser().get(f"/api/v1/people/{number + 1000}/", headers=key)
        Browser().get(f"/nowhere/{number}")
        Browser().get(f"/api/v1/galleries/Jane-{number}/", headers=key)
    Browser().generic("BREW", "/healthz")
    found = values()
    name = "faceapp_http_requests_total"
    assert {labels[1:]: value for labels, value in found.items() if labels[0] == name} == {
        ("GET", "people-detail", "404"): 3,
        ("GET", "unmatched", "404"): 3,
        ("GET", "gallery-detail", "404"): 3,
        ("other", "healthz", "405"): 1,
    }
    histogram = "faceapp_http_request_duration_seconds"
    assert found[f"{histogram}_count", "people-detail"] == found[f"{histogram}_bucket", "+Inf", "people-detail"] == 3
    assert found[f"{histogram}_sum", "people-detail"] > 0
    bounds = [value for labels, value in found.items() if labels[0] == f"{histogram}_bucket" and "unmatched" in labels]
    assert len(bounds) == 13 and bounds == sorted(bounds)


def test_images_of_workers_are_counted_by_outcome_and_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    inference.run_engines(picture(RED), AnalysisOptions())  # not in a worker
    monkeypatch.setattr(engines, "are_here", True)
    inference.run_engines(picture(RED), AnalysisOptions())
    inference.run_engines_on([b"no image", picture(RED)], AnalysisOptions())
    with pytest.raises(InvalidImage), measured.counted("dlib"):
        raise InvalidImage("No.")
    with measured.counted("dlib"):
        pass
    found = values()
    assert (found["faceapp_images_total", "ok"], found["faceapp_images_total", "refused"]) == (3, 2)
    stages = {stage: found["faceapp_image_duration_seconds_count", stage] for stage in ("find", "describe", "dlib")}
    assert stages == {"find": 2, "describe": 2, "dlib": 1}


# ---- the state of this moment -----------------------------------------------------------------------------------
def test_what_waits_is_told_by_queue_and_kind(client_a: Client, redis_flush: None) -> None:
    job = Job.objects.create(client=client_a, metric="euclidean", threshold=0.2)
    for position, minutes in enumerate((1, 9)):
        queued = timezone.now() - timedelta(minutes=minutes)
        ProcessedImage.objects.create(client=client_a, job=job, position=position, queued_at=queued)
    dispatch.handoff().rpush("bulk", "a", "b")
    dispatch.handoff().rpush("faceapp:waiting:bulk:7", "c", "d", "e")
    dispatch.handoff().sadd("faceapp:waiting:bulk", "7")
    try:
        found = values()
    finally:
        dispatch.handoff().delete("bulk", "faceapp:waiting:bulk:7", "faceapp:waiting:bulk")
    assert (found["faceapp_queue_messages", "bulk"], found["faceapp_queue_messages", "interactive"]) == (2, 0)
    held_back = "faceapp_queue_held_back_messages"
    assert (found[held_back, "bulk"], found[held_back, "interactive"]) == (3, 0)
    assert found["faceapp_work_waiting", "recognition.processedimage"] == 2
    assert 540 <= found["faceapp_work_oldest_seconds", "recognition.processedimage"] < 600
    assert found["faceapp_work_waiting", "albums.albumimage"] == 0
    assert found["faceapp_work_oldest_seconds", "albums.albumimage"] == 0


def test_keys_that_expire_soon_are_counted(client_a: Client) -> None:
    for days in (1, 29, 31):
        create_api_key(client_name=client_a.name, expires_in_days=days)
    assert values()[("faceapp_api_keys_expiring",)] == 2


def test_stored_people_are_told_as_totals(client_a: Client, client_b: Client) -> None:
    for client in (client_a, client_b):
        enrol_face(client=client, upload=Upload(picture(RED), "a.png"), whom=Whom(name="Jane"), rules=EnrolmentRules())
    found = values()
    assert (found[("faceapp_people",)], found[("faceapp_templates",)]) == (2, 4)  # the test settings have two engines
    assert found[("faceapp_blacklist_entries",)] == 0
    text = scrape().content.decode()
    assert not [name for name in ("Jane", client_a.name, client_b.name) if name in text]


def test_large_tables_are_not_counted_at_every_scrape(
    client_a: Client, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    monkeypatch.setattr(metrics, "TOTALS_SECONDS", 1e9)
    scrape()
    with django_assert_max_num_queries(20) as asked:
        scrape()
    assert not [query for query in asked.captured_queries if "people_facetemplate" in query["sql"]]


def test_recurring_tasks_tell_when_they_last_ended_well() -> None:
    note_success("recognition.tasks.purge")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), outcome_noted("liveness.tasks.purge"):
            raise ZeroDivisionError
    found = values()
    name = "faceapp_task_last_success_timestamp_seconds"
    assert abs(found[name, "recognition.tasks.purge"] - timezone.now().timestamp()) < 60
    assert (name, "liveness.tasks.purge") not in found
    assert found["faceapp_task_failures_total", "liveness.tasks.purge"] == 2
    ready = Browser().get("/readyz").json()["last_purge"]
    assert list(ready) == ["recognition.tasks.purge"] and ready["recognition.tasks.purge"].endswith("+00:00")


def test_readiness_is_told_as_readyz_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def told() -> dict[str, float]:
        return {labels[1]: value for labels, value in values().items() if labels[0] == "faceapp_ready"}

    assert told() == {"database": 1, "queue": 1, "master_key": 1, "weights": 1, "worker": 1}
    monkeypatch.setattr(health, "check_worker", refuse)
    assert told() == {"database": 1, "queue": 1, "master_key": 1, "weights": 1, "worker": 0}


def test_models_and_disk_are_told(settings: Settings) -> None:
    settings.MEDIA_ROOT.mkdir()
    found = values()
    assert [labels for labels in found if labels[0] == "faceapp_model_info"]
    assert 0 < found["faceapp_disk_free_bytes", "media"] <= found["faceapp_disk_size_bytes", "media"]


# ---- outages ----------------------------------------------------------------------------------------------------
def test_without_redis_the_database_is_still_told(settings: Settings) -> None:
    note_success("work.tasks.sweep")
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    text = scrape().content.decode()
    assert 'faceapp_up{part="queue"} 0.0' in text and 'faceapp_up{part="database"} 1.0' in text
    assert 'faceapp_task_last_success_timestamp_seconds{task="work.tasks.sweep"}' in text


@pytest.mark.parametrize("error", [OperationalError("gone"), Unavailable("gone")])
def test_without_the_database_queues_are_still_told(
    error: Exception, monkeypatch: pytest.MonkeyPatch, redis_flush: None
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(metrics, "backlogs", fail)
    found = values()
    assert (found["faceapp_up", "queue"], found["faceapp_up", "database"]) == (1, 0)
    assert found["faceapp_queue_messages", "interactive"] == 0


def test_a_query_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow() -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(30)")
        return []

    monkeypatch.setattr(metrics, "QUERY_SECONDS", 0.05)
    monkeypatch.setattr(metrics, "backlogs", slow)
    assert values()["faceapp_up", "database"] == 0


# ---- documentation ----------------------------------------------------------------------------------------------
SECTION = (BASE_DIR / "docs" / "operations.md").read_text().partition("\n## Metrics\n")[2].partition("\n## ")[0]
EXAMPLES = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", SECTION, re.DOTALL)]
SUFFIX = re.compile(r"_(total|bucket|count|sum)$")


def exported(settings: Settings) -> set[str]:
    """The names of all metrics, each with a value."""
    settings.MEDIA_ROOT.mkdir()
    Browser().get("/healthz")
    for stage in ("find", "describe"):
        counters.observe(IMAGE_SECONDS, stage, seconds=0.1)
    measured.count_image()
    note_success("work.tasks.sweep")
    return {name for name, *_ in values() if not name.endswith("_created")}


def test_the_table_of_metrics_is_complete(settings: Settings) -> None:
    table = set(re.findall(r"`(faceapp_\w+)`", SECTION.partition("| metric |")[2].partition("\n\n")[0]))
    histograms = {family.name for family in FAMILIES.values() if family.buckets}
    assert {
        name if SUFFIX.sub("", name) not in histograms else SUFFIX.sub("", name) for name in exported(settings)
    } == table


def test_the_example_for_prometheus_scrapes_with_a_key() -> None:
    [job] = EXAMPLES[0]["scrape_configs"]
    assert job["scheme"] == "https" and job["authorization"] == {"credentials_file": "/etc/prometheus/faceapp-key"}
    assert job.get("metrics_path", "/metrics") == reverse("metrics")


def test_the_example_alerts_are_about_metrics_that_exist(settings: Settings) -> None:
    [group] = EXAMPLES[1]["groups"]
    assert len({rule["alert"] for rule in group["rules"]}) == len(group["rules"]) == 5
    names = exported(settings)
    for rule in group["rules"]:
        assert set(rule) == {"alert", "expr", "for", "annotations"} and re.fullmatch(r"\d+[mh]", rule["for"])
        used = set(re.findall(r"faceapp_\w+", rule["expr"]))
        assert used and used <= names
        assert all(rule["expr"].count(one) == rule["expr"].count(other) for one, other in ("()", "{}", "[]"))


def test_the_example_alerts_name_tasks_that_note_their_success() -> None:
    named = set(re.findall(r'task="([\w.]+)"', SECTION))
    assert named == {recognition.tasks.purge.name, work.tasks.sweep.name}


def test_every_counted_family_has_a_limited_number_of_labels() -> None:
    labels = {label for family in FAMILIES.values() for label in family.labels}
    assert labels == {"route", "method", "status", "outcome", "stage"}
