"""Who may be at work at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from threading import BoundedSemaphore, Event

import pytest

from calls import places
from calls.places import aside, in_turn, working

PATIENCE = 60  # seconds


@pytest.fixture(autouse=True)
def one_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[BoundedSemaphore]:
    place = BoundedSemaphore(1)
    monkeypatch.setattr(places, "_places", place)
    yield place
    assert is_free(place)


def is_free(place: BoundedSemaphore) -> bool:
    free = place.acquire(blocking=False)
    if free:
        place.release()
    return free


@pytest.mark.django_db(transaction=True)
def test_a_call_holds_its_place_but_for_the_time_it_waits(one_place: BoundedSemaphore) -> None:
    with in_turn():
        assert not is_free(one_place)
        with aside():
            assert is_free(one_place)
            with aside():
                assert is_free(one_place)
        assert not is_free(one_place)
        with pytest.raises(ValueError, match="ended"), aside():
            raise ValueError("ended")
        assert not is_free(one_place)


@pytest.mark.django_db(transaction=True)
def test_the_next_call_begins_while_the_first_waits() -> None:
    begun = Event()

    def second() -> None:
        with in_turn():
            begun.set()

    with ThreadPoolExecutor(1) as pool, in_turn():
        done = pool.submit(Context().run, second)
        assert not begun.wait(0.05)
        with aside():
            assert begun.wait(PATIENCE)
    done.result()


@pytest.mark.django_db(transaction=True)
def test_threads_of_a_call_have_places_of_their_own(one_place: BoundedSemaphore) -> None:
    def part() -> bool:
        with working():
            return is_free(one_place)

    with in_turn(), aside(), ThreadPoolExecutor(2) as pool:
        assert [one.result() for one in [pool.submit(copy_context().run, part) for _ in range(4)]] == [False] * 4


def test_other_calls_need_no_place(one_place: BoundedSemaphore) -> None:
    with working():
        assert is_free(one_place)


@pytest.mark.django_db
def test_within_a_transaction_the_place_is_kept(one_place: BoundedSemaphore) -> None:
    with in_turn(), aside():
        assert not is_free(one_place)
