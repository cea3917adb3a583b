"""Images on their way to workers take a limited room in Redis, client by client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from vision import dispatch, parcels
from vision.exceptions import TooManyBytes
from vision.parcels import parcel

pytestmark = pytest.mark.usefixtures("servers")
HALF = b"\0\r\n\xff" * 150_000


@pytest.fixture(autouse=True)
def budget(settings: Settings, servers: None) -> Iterator[None]:
    settings.CLIENT_WAITING_MB = 1
    forget()
    dispatch.act_for("1")
    yield
    dispatch.act_for("")
    forget()


def forget() -> None:
    if keys := list(dispatch.handoff().scan_iter("faceapp:parcels:*")):
        dispatch.handoff().delete(*keys)


def images() -> int:
    return len(list(dispatch.handoff().scan_iter("faceapp:image:*")))


def test_an_image_lies_there_as_it_came_and_is_gone_afterwards() -> None:
    before = images()
    with parcel(HALF, seconds=30) as key:
        assert dispatch.handoff().get(key) == HALF
        assert 0 < dispatch.handoff().ttl(key) <= 30
    assert images() == before and not list(dispatch.handoff().scan_iter("faceapp:parcels:*"))


def test_a_client_has_a_budget_of_its_own() -> None:
    with parcel(HALF, seconds=30):
        with pytest.raises(TooManyBytes) as refused, parcel(HALF, seconds=30):
            pass
        assert refused.value.retry_after == parcels.RETRY_AFTER
        with parcel(b"small", seconds=30):
            dispatch.act_for("2")
            with parcel(HALF, seconds=30):
                pass
            dispatch.act_for("1")
    with parcel(HALF, seconds=30):
        pass


def test_a_single_image_may_be_larger_than_the_budget() -> None:
    with parcel(3 * HALF, seconds=30) as key:
        assert dispatch.handoff().strlen(key) == 3 * len(HALF)


def test_what_nobody_took_away_counts_no_longer_than_it_lies_there() -> None:
    dispatch.handoff().zadd("faceapp:parcels:1", {f"{len(HALF)}:lost": 1})
    with parcel(HALF, seconds=30):
        pass


@pytest.mark.parametrize(("client", "megabytes"), [("", 1), ("1", 0)])
def test_there_may_be_no_budget(settings: Settings, client: str, megabytes: int) -> None:
    settings.CLIENT_WAITING_MB = megabytes
    dispatch.act_for(client)
    with parcel(HALF, seconds=30), parcel(HALF, seconds=30):
        pass
