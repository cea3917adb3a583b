"""Batches: how calls of many threads become one, in which order they go, and what happens when something fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from errors import Unavailable
from faceapp.tests.live_stack import eventually
from vision import gathering
from vision.gathering import GatheredSession, Gatherer, is_batchable

LONG = 30.0  # seconds that no test waits
BAD = 255


class Border:
    """An input or output of a session."""

    def __init__(self, name: str, shape: list[int | str]) -> None:
        self.name, self.shape = name, shape


class Network:
    """Doubles each row. It keeps the batches that it ran, runs only while it is `open`, and fails for rows of BAD."""

    def __init__(self, *, rows: int | str = "n") -> None:
        self.batches: list[list[int]] = []
        self.open, self.begun = threading.Event(), threading.Event()
        self.open.set()
        self._rows = rows

    def get_inputs(self) -> list[Border]:
        return [Border("x", [self._rows, 3])]

    def get_outputs(self) -> list[Border]:
        return [Border("y", [self._rows, 3])]

    def run(self, outputs: Any, inputs: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
        self.begun.set()
        assert self.open.wait(LONG)
        rows = inputs["x"]
        self.batches.append(rows[:, 0].tolist())
        if (rows == BAD).any():
            raise ValueError("bad row")
        return [rows.astype(int) * 2]


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(32) as threads:
        yield threads


@pytest.fixture
def gatherer() -> Iterator[Gatherer]:
    made = Gatherer(images=4, seconds=LONG)
    yield made
    made.close()


def row(value: int, width: int = 3) -> dict[str, NDArray[np.uint8]]:
    return {"x": np.full((1, width), value, np.uint8)}


def waiting(gatherer: Gatherer) -> int:
    return len(gatherer._waiting)


def hold(gatherer: Gatherer, network: Network, pool: ThreadPoolExecutor) -> Any:
    """Keep the engine busy with a first call until `network.open` is set."""
    network.open.clear()
    first = pool.submit(gatherer.run, network, None, row(0))
    assert network.begun.wait(LONG)
    return first


def test_calls_that_wait_become_one_batch_and_each_gets_its_own_rows(
    gatherer: Gatherer, network: Network, pool: ThreadPoolExecutor
) -> None:
    hold(gatherer, network, pool)
    calls = [pool.submit(gatherer.run, network, None, row(value)) for value in (1, 2, 3)]
    assert eventually(lambda: waiting(gatherer) == 3)
    network.open.set()
    assert [call.result(LONG)[0].tolist() for call in calls] == [[[2, 2, 2]], [[4, 4, 4]], [[6, 6, 6]]]
    assert sorted(network.batches[1]) == [1, 2, 3] and len(network.batches) == 2


def test_calls_keep_their_number_of_rows(gatherer: Gatherer, network: Network, pool: ThreadPoolExecutor) -> None:
    hold(gatherer, network, pool)
    two = pool.submit(gatherer.run, network, None, {"x": np.full((2, 3), 7, np.uint8)})
    one = pool.submit(gatherer.run, network, None, row(9))
    assert eventually(lambda: waiting(gatherer) == 2)
    network.open.set()
    assert two.result(LONG)[0].tolist() == [[14] * 3] * 2 and one.result(LONG)[0].tolist() == [[18] * 3]


def test_a_batch_has_no_more_calls_than_asked_for(
    gatherer: Gatherer, network: Network, pool: ThreadPoolExecutor
) -> None:
    hold(gatherer, network, pool)
    calls = [pool.submit(gatherer.run, network, None, row(value)) for value in range(1, 11)]
    assert eventually(lambda: waiting(gatherer) == 10)
    network.open.set()
    for call in calls:
        call.result(LONG)
    assert [len(batch) for batch in network.batches] == [1, 4, 4, 2]


@pytest.mark.parametrize("limit", ["MOST_ROWS", "MOST_BYTES"])
def test_a_batch_is_limited_by_rows_and_by_bytes(
    gatherer: Gatherer, network: Network, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(gathering, limit, 2 if limit == "MOST_ROWS" else 6)
    hold(gatherer, network, pool)
    calls = [pool.submit(gatherer.run, network, None, row(value)) for value in range(1, 5)]
    assert eventually(lambda: waiting(gatherer) == 4)
    network.open.set()
    for call in calls:
        call.result(LONG)
    assert [len(batch) for batch in network.batches] == [1, 2, 2]


def test_images_of_different_sizes_and_networks_do_not_mix(
    gatherer: Gatherer, network: Network, pool: ThreadPoolExecutor
) -> None:
    other = Network()
    hold(gatherer, network, pool)
    calls = [pool.submit(gatherer.run, network, None, row(1, width)) for width in (3, 4, 3, 4)]
    calls += [pool.submit(gatherer.run, other, None, row(2)) for _ in range(2)]
    assert eventually(lambda: waiting(gatherer) == 6)
    network.open.set()
    assert [call.result(LONG)[0].shape[1] for call in calls] == [3, 4, 3, 4, 3, 3]
    assert network.batches == [[0], [1, 1], [1, 1]] and other.batches == [[2, 2]]


def test_callers_who_wait_go_first_and_bulk_fills_their_batch(
    gatherer: Gatherer, network: Network, pool: ThreadPoolExecutor
) -> None:
    def ranked(rank: int, value: int) -> Any:
        gatherer.rank_thread(rank)
        return gatherer.run(network, None, row(value))

    hold(gatherer, network, pool)
    calls = []
    for rank, value in ((2, 21), (2, 22), (2, 23), (0, 1), (2, 24), (0, 2)):
        calls.append(pool.submit(ranked, rank, value))
        assert eventually(lambda: waiting(gatherer) == len(calls))
    network.open.set()
    for call in calls:
        call.result(LONG)
    assert network.batches == [[0], [1, 2, 21, 22], [23, 24]]


def test_a_lone_image_is_not_delayed(gatherer: Gatherer, network: Network) -> None:
    """It would wait for LONG seconds."""
    started = time.monotonic()
    with gatherer.at_work():
        gatherer.run(network, None, row(1))
    gatherer.run(network, None, row(2))  # nor one that has not said that it is at work
    assert time.monotonic() - started < LONG


def test_an_idle_card_waits_for_threads_at_work_until_all_have_called(
    gatherer: Gatherer, network: Network, pool: ThreadPoolExecutor
) -> None:
    decoded = threading.Event()

    def slow() -> Any:
        with gatherer.at_work():
            assert decoded.wait(LONG)
            return gatherer.run(network, None, row(2))

    def quick() -> Any:
        with gatherer.at_work():
            return gatherer.run(network, None, row(1))

    second = pool.submit(slow)
    assert eventually(lambda: gatherer._threads_at_work == 1)
    first = pool.submit(quick)
    assert eventually(lambda: waiting(gatherer) == 1)
    assert not network.batches
    decoded.set()
    first.result(LONG), second.result(LONG)
    assert network.batches == [[1, 2]]


def test_a_thread_that_ends_without_a_call_is_not_waited_for(
    gatherer: Gatherer, network: Network, pool: ThreadPoolExecutor
) -> None:
    with gatherer.at_work():
        call = pool.submit(lambda: _at_work(gatherer, network))
        assert eventually(lambda: waiting(gatherer) == 1)
    assert call.result(LONG)[0].tolist() == [[2, 2, 2]]


def _at_work(gatherer: Gatherer, network: Network) -> Any:
    with gatherer.at_work():
        return gatherer.run(network, None, row(1))


def test_a_call_waits_for_others_no_longer_than_asked_for(network: Network) -> None:
    gatherer = Gatherer(images=4, seconds=0.2)
    with gatherer.at_work(), gatherer.at_work():
        started = time.monotonic()
        gatherer.run(network, None, row(1))
        assert time.monotonic() - started > 0.15
    gatherer.close()


def test_one_bad_image_harms_no_other(
    gatherer: Gatherer, network: Network, pool: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    hold(gatherer, network, pool)
    calls = {value: pool.submit(gatherer.run, network, None, row(value)) for value in (1, BAD, 3)}
    assert eventually(lambda: waiting(gatherer) == 3)
    network.open.set()
    assert calls[1].result(LONG)[0].tolist() == [[2] * 3] and calls[3].result(LONG)[0].tolist() == [[6] * 3]
    with pytest.raises(ValueError, match="bad row"):
        calls[BAD].result(LONG)
    assert len(network.batches) == 5  # the first, the batch, and its three calls
    assert "A batch of 3 failed" in caplog.text


def test_a_network_that_does_not_answer_row_by_row_is_asked_one_by_one(
    gatherer: Gatherer, network: Network, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "run", lambda outputs, inputs: [inputs["x"].sum(axis=0, keepdims=True)])
    blocker = Network()
    hold(gatherer, blocker, pool)
    calls = [pool.submit(gatherer.run, network, None, row(value)) for value in (1, 2)]
    assert eventually(lambda: waiting(gatherer) == 2)
    blocker.open.set()
    assert [call.result(LONG)[0].tolist() for call in calls] == [[[1, 1, 1]], [[2, 2, 2]]]


def test_at_the_end_what_waits_is_answered_and_the_rest_refused(network: Network, pool: ThreadPoolExecutor) -> None:
    gatherer = Gatherer(images=4, seconds=LONG)
    first = hold(gatherer, network, pool)
    second = pool.submit(gatherer.run, network, None, row(1))
    assert eventually(lambda: waiting(gatherer) == 1)
    closing = pool.submit(gatherer.close)
    assert eventually(lambda: gatherer._closed)
    network.open.set()
    closing.result(LONG)
    assert [call.result(LONG)[0].tolist() for call in (first, second)] == [[[0, 0, 0]], [[2, 2, 2]]]
    assert not gatherer._thread.is_alive()
    with pytest.raises(Unavailable) as refused:
        gatherer.run(network, None, row(2))
    assert refused.value.code == "engine.worker_lost"


def test_a_gathered_session_looks_like_the_session(gatherer: Gatherer, network: Network) -> None:
    session = gatherer.session(network)
    assert isinstance(session, GatheredSession)
    assert session.get_inputs()[0].name == "x" and session.get_outputs()[0].name == "y"
    assert session.run(None, row(4))[0].tolist() == [[8, 8, 8]]


def test_only_networks_that_take_any_number_of_rows_are_gathered() -> None:
    assert is_batchable(Network()) and not is_batchable(Network(rows=1))


def test_many_threads_get_their_own_answers(network: Network, pool: ThreadPoolExecutor) -> None:
    gatherer = Gatherer(images=8, seconds=0.002)

    def work(value: int) -> int:
        with gatherer.at_work():
            return int(gatherer.run(network, None, row(value))[0][0, 0])

    values = [number % 250 for number in range(500)]
    assert list(pool.map(work, values)) == [2 * value for value in values]
    assert len(network.batches) < len(values)
    gatherer.close()
