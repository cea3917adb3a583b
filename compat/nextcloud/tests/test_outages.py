"""Parts of the running service are killed while a Nextcloud server waits: its image is answered nevertheless."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from PIL import Image

from compat.nextcloud.tests.pictures import at_area, encode
from compat.nextcloud.tests.wire import Answer, App, images_in_flight
from faceapp.tests.live_stack import LiveStack, eventually

pytestmark = pytest.mark.models


@pytest.fixture
def image(portraits: dict[str, Image.Image]) -> bytes:
    """It takes HOG seconds."""
    return encode(at_area(portraits["F1"], 8_294_400))


@contextmanager
def waiting(app: App, live: LiveStack, image: bytes) -> Iterator[Future[Answer]]:
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(app.post_image, image)
        assert eventually(lambda: images_in_flight(live) > 0)
        yield answer


def test_worker_children_that_die_delay_the_answer(app: App, live: LiveStack, image: bytes) -> None:
    with waiting(app, live, image) as answer:
        for child in live.program("worker").children():
            child.kill()
        assert (answer.result().status, answer.result().json()["faces-count"]) == (200, 1)


def test_queue_that_dies_delays_the_answer(app: App, live: LiveStack, image: bytes) -> None:
    with waiting(app, live, image) as answer:
        live.program("redis").kill()
        assert (answer.result().status, answer.result().json()["faces-count"]) == (200, 1)


def test_web_server_answers_others_while_many_wait(app: App, live: LiveStack, photos: dict[str, bytes]) -> None:
    with ThreadPoolExecutor(16) as pool:
        with live.suspended_workers():
            answers = [pool.submit(app.post_image, photos["F1"]) for _ in range(16)]
            assert eventually(lambda: images_in_flight(live) >= 4)  # a client's turn at a time
            assert app.get("/health").status == 200
        assert {answer.result().status for answer in answers} == {200}
