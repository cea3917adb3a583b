"""The state that every page shows."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from pytest_django.fixtures import Settings
from redis.exceptions import RedisError

from console import state

REPORT = {"database": "ok", "queue": "ok", "worker": "No worker answered.", "weights": "ok"}
asked: list[str] = []


def report() -> dict[str, str]:
    asked.append("once")
    return REPORT


@pytest.fixture(autouse=True)
def stand_in(settings: Settings, redis_flush: None) -> None:
    settings.READINESS = f"{__name__}.report"
    asked.clear()


def test_all_pages_share_one_question() -> None:
    assert state.known_state().word == "Checking…" and not asked  # no page waits for an answer
    assert state.current_state().word == state.current_state().word == state.known_state().word == "Workers: down"
    assert asked == ["once"]
    assert [part.problem for part in state.known_state().problems] == ["No worker answered."]


def test_a_missing_master_key_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.REPORT", dict.fromkeys(REPORT, "ok") | {"master_key": "It is missing."})
    assert state.current_state().word == "Master key: down"


def test_without_a_queue_the_question_is_asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RedisError

    monkeypatch.setattr(cache, "get", refuse)
    monkeypatch.setattr(cache, "set", refuse)
    assert state.known_state().word == "Queue: down"
    assert state.current_state().word == "Workers: down"
