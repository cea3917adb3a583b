"""When a call is repeated, and when not: against a server that really answers 503 and really cuts connections."""

from __future__ import annotations

import asyncio
import socket
import time
from email.utils import formatdate

import pytest

from faceapp_client import (
    AnswerLost,
    AsyncFaceApp,
    Conflict,
    ConnectionFailed,
    FaceApp,
    FaceAppError,
    InvalidInput,
    JobTimeout,
    NotPermitted,
    RateLimited,
    Retries,
    Unavailable,
)
from faceapp_client.tests.scripted import Answer, Server, cuts, hangs_up, proxy, refuses, resets, says, scripted

QUICK = Retries(tries=3, first_pause=0.01)
PERSON = {
    "id": 7, "external_id": None, "name": "Jane", "source": "", "metadata": {}, "created_at": "2030-01-01T00:00:00Z",
    "image_count": 0, "primary_image": None, "enrolment": None,
}  # fmt: skip
JOB = {
    "id": "j", "status": "processing", "total": 2, "done": 1, "failed": 0, "metric": "m", "threshold": 0.6,
    "created_at": "2030-01-01T00:00:00Z",
}  # fmt: skip
KEPT_NOTHING = ["database.unavailable", "queue.unavailable", "storage.full", "engine.timeout"]


def client(server: Server, retries: Retries = QUICK, timeout: float = 5) -> FaceApp:
    return FaceApp(server.url, "a-key", retries=retries, timeout=timeout)


@pytest.mark.parametrize("code", KEPT_NOTHING)
def test_what_the_service_says_it_has_not_kept_is_sent_again_even_if_it_creates(code: str) -> None:
    with scripted(refuses(503, code, Retry_After="0"), says(PERSON, status=201)) as server, client(server) as faces:
        assert faces.people.enrol(b"image", name="Jane").id == 7
        assert [method for method, _, _ in server.seen] == ["POST", "POST"]
        first, second = (body for _, _, body in server.seen)
        assert b"image" in first and len(first) == len(second)  # the file is sent whole each time


def test_a_rate_limit_is_waited_for() -> None:
    with scripted(refuses(429, "rate_limited", Retry_After="1"), says(PERSON)) as server, client(server) as faces:
        started = time.monotonic()
        assert faces.people.enrol(name="Jane").id == 7
        assert 1 <= time.monotonic() - started < 30


def test_a_date_to_come_back_at_is_understood() -> None:
    header = formatdate(time.time() + 4, usegmt=True)  # whole seconds: three to four from now
    script = (refuses(503, "queue.unavailable", Retry_After=header), says(PERSON))
    with scripted(*script) as server, client(server) as faces:
        started = time.monotonic()
        faces.people.get(7)
        assert 0.5 <= time.monotonic() - started < 30


def test_nobody_waits_for_hours() -> None:
    refusal = refuses(429, "rate_limited", Retry_After="3600", X_Request_ID="r1")
    with scripted(refusal) as server, client(server) as faces:
        with pytest.raises(RateLimited) as raised:
            faces.people.get(7)
        assert (raised.value.retry_after, raised.value.request_id, len(server.seen)) == (3600, "r1", 1)


def test_what_patience_cannot_mend_is_an_error_at_once() -> None:
    with scripted(refuses(503, "engine.weights_missing", Retry_After="5")) as server, client(server) as faces:
        with pytest.raises(Unavailable, match=r"engine\.weights_missing"):
            faces.detect(b"image")
        assert len(server.seen) == 1


def test_after_so_many_tries_it_is_an_error() -> None:
    with scripted(refuses(503, "queue.unavailable", Retry_After="0")) as server, client(server) as faces:
        with pytest.raises(Unavailable) as raised:
            faces.people.get(7)
        assert (raised.value.code, raised.value.status, len(server.seen)) == ("queue.unavailable", 503, 3)


LOST = [hangs_up, resets, cuts, proxy(500), proxy(502), proxy(503), proxy(504), refuses(500, "internal")]


@pytest.mark.parametrize("broken", LOST)
def test_a_call_that_stores_is_repeated_with_its_key(broken: Answer) -> None:
    with scripted(broken, says(PERSON, status=201)) as server, client(server) as faces:
        assert faces.people.enrol(b"image", name="Jane").id == 7
        first, second = server.keys
        assert first == second and len(first or "") == 36
        assert [b"image" in body for _, _, body in server.seen] == [True, True]
        faces.people.enrol(b"image", name="Jane")
        assert server.keys[2] not in (None, first)


def test_a_caller_may_choose_the_key_and_go_on_with_it() -> None:
    with scripted(hangs_up, hangs_up, hangs_up, says(PERSON)) as server, client(server) as faces:
        with pytest.raises(AnswerLost):
            faces.people.enrol(name="Jane", idempotency_key="row-17")
        assert faces.people.enrol(name="Jane", idempotency_key="row-17").id == 7
        assert server.keys == ["row-17"] * 4


def test_a_call_that_still_runs_is_waited_for() -> None:
    running = refuses(409, "idempotency.running", Retry_After="0")
    with scripted(hangs_up, running, says(PERSON)) as server, client(server) as faces:
        assert faces.people.enrol(name="Jane").id == 7
        assert len(server.seen) == 3
    with scripted(running) as server, client(server) as faces:
        with pytest.raises(Conflict):
            faces.people.enrol(name="Jane")
        assert len(server.seen) == 3


@pytest.mark.parametrize(
    ("status", "code"),
    [(409, "idempotency.answer_gone"), (422, "idempotency.key_reused"), (409, "person.external_id_taken")],
)
def test_what_a_repetition_cannot_change_is_an_error_at_once(status: int, code: str) -> None:
    with scripted(refuses(status, code), says(PERSON)) as server, client(server) as faces:
        with pytest.raises(FaceAppError) as raised:
            faces.people.enrol(name="Jane")
        assert (raised.value.code, len(server.seen)) == (code, 1)


@pytest.mark.parametrize("broken", LOST)
def test_a_call_that_may_have_been_carried_out_is_not_repeated_without_a_key(broken: Answer) -> None:
    with scripted(broken, says(PERSON)) as server, client(server) as faces:
        with pytest.raises(FaceAppError):
            faces.request("POST", "/api/v1/people/", json={"name": "Jane"})
        assert (len(server.seen), server.keys) == (1, [None])
    with scripted(broken, says(PERSON)) as server, client(server) as faces:
        faces.request("POST", "/api/v1/people/", json={"name": "Jane"}, idempotency_key="k")
        assert server.keys == ["k", "k"]


@pytest.mark.parametrize("broken", LOST)
def test_a_question_is_asked_again(broken: Answer) -> None:
    with scripted(broken, says(PERSON)) as server, client(server) as faces:
        assert faces.people.get(7).name == "Jane"
        assert len(server.seen) == 2
    with scripted(broken, says([])) as server, client(server) as faces:
        assert faces.detect(b"image") == []
        assert len(server.seen) == 2


def test_an_erasure_whose_receipt_is_lost_is_not_repeated() -> None:
    with scripted(hangs_up, refuses(404, "person.not_found")) as server, client(server) as faces:
        with pytest.raises(AnswerLost) as raised:
            faces.people.delete(7)
        assert (raised.value.code, len(server.seen)) == ("client.answer_lost", 1)


def test_a_slow_answer_is_told_from_none() -> None:
    with scripted(lambda handler: time.sleep(2)) as server, client(server, Retries(tries=1), timeout=0.1) as faces:
        with pytest.raises(AnswerLost) as raised:
            faces.people.enrol(name="Jane")
        assert raised.value.code == "client.timeout"


def test_where_nobody_listens_even_creating_is_tried_again() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening
        faces = FaceApp(f"http://127.0.0.1:{taken.getsockname()[1]}", "a-key", retries=QUICK)
        with faces, pytest.raises(ConnectionFailed) as raised:
            faces.people.enrol(name="Jane")
        assert raised.value.code == "client.connection_failed"


def test_errors_carry_the_services_codes() -> None:
    mistake = {"type": "max_length", "loc": ["body", "items", 1, "name"], "msg": "Too long."}
    body = {"detail": [mistake], "code": "validation_error"}
    script = (says(body, status=422), refuses(401, "auth.invalid_key"), proxy(502))
    with scripted(*script) as server, client(server) as faces:
        with pytest.raises(InvalidInput) as raised:
            faces.people.enrol(name="Jane")
        assert (raised.value.code, raised.value.message) == ("validation_error", "items.1.name: Too long.")
        assert raised.value.mistakes[0].place == ("body", "items", 1, "name")
        with pytest.raises(NotPermitted, match=r"It is so\. \(auth\.invalid_key\)"):
            faces.people.get(7)
        with pytest.raises(FaceAppError, match="Is the address right") as foreign:
            faces.people.get(7)
        assert foreign.value.code == "client.foreign_answer"


def test_another_programs_page_is_no_result() -> None:
    with scripted(lambda handler: handler.say(200, b"<h1>Hello</h1>", {})) as server, client(server) as faces:
        with pytest.raises(FaceAppError) as raised:
            faces.people.get(7)
        assert raised.value.code == "client.foreign_answer"


def test_the_asynchronous_client_does_the_same() -> None:
    async def calls(server: Server) -> None:
        async with AsyncFaceApp(server.url, "a-key", retries=QUICK) as faces:
            assert (await faces.people.get(7)).name == "Jane"
            with pytest.raises(AnswerLost):
                await faces.people.enrol(b"image")

    script = (refuses(503, "queue.unavailable", Retry_After="0"), hangs_up, says(PERSON), hangs_up)
    with scripted(*script) as server:
        asyncio.run(calls(server))
        assert len(server.seen) == 6


def test_a_job_is_waited_for_and_a_caller_may_lose_patience() -> None:
    looks: list[int] = []
    with scripted(says(JOB)) as server, client(server) as faces:
        with pytest.raises(JobTimeout) as raised:
            faces.screening.wait("j", timeout=0.4, progress=lambda job: looks.append(job.done))
        assert raised.value.job_id == "j"
    assert looks[0] == 1 and len(looks) >= 2


def test_lists_are_read_page_by_page_and_no_further_than_asked() -> None:
    page = {"total_items": 201, "limit": 100, "offset": 0}
    pages = [says(page | {"items": [PERSON] * count}) for count in (100, 100, 1)]
    with scripted(*pages) as server, client(server) as faces:
        people = faces.people.list(name="a b")
        assert next(people).id == 7
        assert len(server.seen) == 1
        assert len(list(people)) == 200
        assert [path.partition("?")[2] for _, path, _ in server.seen] == [
            f"name=a+b&limit=100&offset={offset}" for offset in (0, 100, 200)
        ]


def test_the_services_link_names_the_next_page() -> None:
    """It keeps a list still to which rows are added meanwhile."""
    page = {"total_items": 3, "limit": 100, "offset": 0}
    link = '<http://elsewhere/api/v1/people/?limit=2&name=a&name=b&newest=9&offset=2>; rel="next"'
    pages = [says(page | {"items": [PERSON] * 2}, Link=link), says(page | {"items": [PERSON]})]
    with scripted(*pages) as server, client(server) as faces:
        assert len(list(faces.people.list())) == 3
        assert server.seen[1][1] == "/api/v1/people/?limit=2&name=a&name=b&newest=9&offset=2"
