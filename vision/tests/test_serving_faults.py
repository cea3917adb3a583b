"""Servers of networks that fail: every failure has its code, and another server is asked."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from pytest_django.fixtures import Settings

from vision.engines.networks import trial
from vision.engines.serving import messages, replicas
from vision.engines.serving.engine import ServedEngine
from vision.exceptions import EmbedderUnavailable, EngineUnavailable
from vision.tests.replica_servers import Http, Rpc, rest_server, rpc_server, self_signed

SIZE, DIMENSIONS = 16, 8
CHIPS = [np.full((SIZE, SIZE, 3), level, np.uint8) for level in (10, 20, 30)]
ENTRY = {
    "preset": "insightface", "file": "mine.onnx", "sha256": "a" * 64, "size": [SIZE, SIZE], "dimensions": DIMENSIONS,
    "threshold": 0.5, "licence": "MIT", "source": "made for a test",
}  # fmt: skip
Vectors = list[list[Any]]
Server = Callable[..., AbstractContextManager[str]]


@pytest.fixture(autouse=True)
def untried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "require_faces_told_apart", lambda **_: None)
    monkeypatch.setattr(replicas, "PAUSE", 0.0)


def engine(settings: Settings, *endpoints: str, entry: dict[str, Any] = ENTRY, **serving: Any) -> ServedEngine:
    settings.NETWORKS = {"mine": entry | {"serving": {"endpoints": list(endpoints), "seconds": 20} | serving}}
    made = ServedEngine(model="mine")
    made._load_model()
    return made


def code(served: ServedEngine) -> str:
    with pytest.raises(EmbedderUnavailable) as caught:
        served._ask(CHIPS[:1])
    assert "127.0.0.1" not in caught.value.message and not isinstance(caught.value, EngineUnavailable)
    return caught.value.code.removeprefix("engine.serving_")


def vectors(count: int, value: Any = 1.0) -> Vectors:
    return [[value] * DIMENSIONS for _ in range(count)]


def rest(settings: Settings, rows: Any = None, *, spaces: Any = None) -> Callable[[bytes], Http]:
    """What a server answers to a call; by default what it should."""

    def answer(body: bytes) -> Http:
        count = len(json.loads(body)["inputs"]["chips"])
        outputs = {"embeddings": vectors(count) if rows is None else rows, "space": spaces or [space()] * count}
        return 200, "application/json", json.dumps({"outputs": outputs}).encode()

    return answer


def rpc(settings: Settings, rows: Any = None, *, spaces: Any = None) -> Callable[[bytes], Rpc]:
    def answer(content: bytes) -> Rpc:
        asked = messages._classes()["PredictRequest"].FromString(content)
        count = asked.inputs[0].value.tensor_shape.dim[0].size
        answered = messages._classes()["PredictResponse"]()
        floats, texts = answered.outputs.add(key="embeddings").value, answered.outputs.add(key="space").value
        values = np.array(vectors(count) if rows is None else rows, np.float32)
        floats.dtype, texts.dtype = messages.DT_FLOAT, messages.DT_STRING
        floats.float_val.extend(values.ravel().tolist())
        names = spaces or [space()] * count
        texts.string_val.extend(name.encode() for name in names)
        for tensor, sizes in ((floats, values.shape), (texts, [len(names)])):
            for size in sizes:
                tensor.tensor_shape.dim.add(size=size)
        return bytes(answered.SerializeToString())

    return answer


def space() -> str:
    from vision.engines.spaces import space_of

    return space_of("mine").name


BOTH = pytest.mark.parametrize(("server", "right"), [(rest_server, rest), (rpc_server, rpc)], ids=["rest", "grpc"])


@BOTH
def test_faces_go_in_batches_and_come_back_in_order(server: Server, right: Any, settings: Settings) -> None:
    sizes: list[int] = []

    def counted(content: bytes) -> Any:
        sizes.append(len(content))
        return right(settings)(content)

    with server(counted) as endpoint:
        served = engine(settings, endpoint, batch=2)
        answer = served._ask(CHIPS)
    assert answer.shape == (3, DIMENSIONS) and len(sizes) == 2
    np.testing.assert_allclose(np.linalg.norm(answer, axis=1), 1, atol=1e-6)


@BOTH
@pytest.mark.parametrize(
    ("rows", "spaces", "expected"),
    [
        (vectors(2), None, "answer"),
        ([[1.0] * 7], None, "answer"),
        ([], None, "answer"),
        (vectors(1, float("nan")), None, "answer"),
        (None, ["fr512.87aacdfe.points112"], "space"),
        (None, ["", ""], "space"),
    ],
    ids=["too many", "wrong size", "none", "no numbers", "another space", "no space"],
)
def test_answers_of_another_shape_or_space_are_refused(
    server: Server, right: Any, rows: Any, spaces: Any, expected: str, settings: Settings
) -> None:
    with server(lambda content: right(settings, rows, spaces=spaces)(content)) as endpoint:
        assert code(engine(settings, endpoint)) == expected


def test_a_pinned_version_of_ours_tells_its_space_too(settings: Settings) -> None:
    answer = json.dumps({"outputs": vectors(1)}).encode()
    with rest_server(lambda _: (200, "application/json", answer)) as endpoint:
        assert code(engine(settings, endpoint, version=3)) == "space"


HTML = b"<html><body>Sign in</body></html>"


@pytest.mark.parametrize(
    ("answer", "expected", "calls"),
    [
        ((200, "text/html", HTML), "answer", 2),
        ((404, "text/html", HTML), "answer", 2),
        ((302, "text/html", HTML), "answer", 2),
        ((502, "text/html", HTML), "away", 2),
        ((200, "application/json", b'{"outputs": {"embeddings": [["a"]]}}'), "space", 2),
        ((200, "application/json", b'{"predictions": []}'), "answer", 2),
        ((200, "application/json", b"[1]"), "answer", 2),
        ((200, "application/json", b"[" * 100_000), "answer", 2),
        ((404, "application/json", b"[" * 100_000), "answer", 2),
        ((200, "application/json", b'{"outputs": {"embeddings": [[1%s]]}}' % (b"0" * 400)), "answer", 2),
        ((200, "application/json", b'{"outputs": {"embeddings": [[1]], "space": ["a", ["b"]]}}'), "space", 2),
        ((404, "application/json", b'{"error": "Servable not found"}'), "refused", 2),
        ((400, "application/json", b'{"error": "JSON Value: [[[10,10"}'), "refused", 1),
        ((503, "application/json", b'{"error": "overloaded"}'), "away", 2),
        ((504, "application/json", b'{"error": "deadline"}'), "timeout", 2),
    ],
)
def test_what_http_answers_instead_has_its_code(
    answer: Http, expected: str, calls: int, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[bytes] = []
    with rest_server(lambda body: (seen.append(body), answer)[1]) as endpoint, caplog.at_level(logging.DEBUG):
        assert code(engine(settings, endpoint)) == expected
    assert len(seen) == calls
    assert "10,10" not in caplog.text and f"engine.serving_{expected}" in caplog.text


@pytest.mark.parametrize(
    ("answer", "expected", "calls"),
    [
        (b"\xff\xff\xff", "answer", 2),
        (b"", "space", 2),
        (grpc.StatusCode.UNAVAILABLE, "away", 2),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "away", 2),
        (grpc.StatusCode.NOT_FOUND, "refused", 2),
        (grpc.StatusCode.PERMISSION_DENIED, "refused", 2),
        (grpc.StatusCode.INVALID_ARGUMENT, "refused", 1),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "timeout", 2),
        (grpc.StatusCode.INTERNAL, "answer", 2),
    ],
)
def test_what_grpc_answers_instead_has_its_code(answer: Rpc, expected: str, calls: int, settings: Settings) -> None:
    seen: list[bytes] = []
    with rpc_server(lambda content: (seen.append(content), answer)[1]) as endpoint:
        assert code(engine(settings, endpoint)) == expected
    assert len(seen) == calls


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_nobody_at_the_address(scheme: str, settings: Settings) -> None:
    with socket.socket() as held:  # bound, not listening: nobody else gets the port meanwhile
        held.bind(("127.0.0.1", 0))
        assert code(engine(settings, f"{scheme}://127.0.0.1:{held.getsockname()[1]}")) == "away"


def test_grpc_is_spoken_to_a_web_server(settings: Settings) -> None:
    with rest_server(lambda _: (200, "text/html", HTML)) as endpoint:
        assert code(engine(settings, endpoint.replace("http", "grpc"))) in ("answer", "away")


@pytest.fixture
def silence() -> Iterator[threading.Event]:
    """Holds up answers until the test ends."""
    event = threading.Event()
    yield event
    event.set()


@BOTH
def test_a_deadline_that_passes(server: Server, right: Any, settings: Settings, silence: threading.Event) -> None:
    with server(lambda content: silence.wait(60) and right(settings)(content)) as endpoint:
        started = time.monotonic()
        assert code(engine(settings, endpoint, seconds=0.4)) == "timeout"
        assert time.monotonic() - started < 30
        silence.set()


def test_a_server_that_hangs_leaves_time_for_another(
    settings: Settings, silence: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "REST_SECONDS", 600.0)
    calls = [0, 0]

    def hang(content: bytes) -> Http:
        calls[0] += 1
        silence.wait(60)
        return rest(settings)(content)

    def work(content: bytes) -> Http:
        calls[1] += 1
        return rest(settings)(content)

    with rest_server(hang) as first, rest_server(work) as second:
        served = engine(settings, first, second, seconds=8)
        for _ in range(5):
            assert served._ask(CHIPS[:1]).shape == (1, DIMENSIONS)
        assert calls == [1, 5]  # it rests then
        silence.set()


@BOTH
def test_a_server_that_is_gone_is_replaced_and_asked_again_later(
    server: Server, right: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "REST_SECONDS", 0.0)
    refusing = {rest: (503, "text/html", HTML), rpc: grpc.StatusCode.UNAVAILABLE}[right]
    calls, back = [0, 0], threading.Event()

    def first(content: bytes) -> Any:
        calls[0] += 1
        return right(settings)(content) if back.is_set() else refusing

    def second(content: bytes) -> Any:
        calls[1] += 1
        return right(settings)(content)

    with server(first) as one, server(second) as two:
        served = engine(settings, one, two)
        for _ in range(4):
            served._ask(CHIPS[:1])
        assert calls == [2, 4]
        back.set()
        for _ in range(4):
            served._ask(CHIPS[:1])
        assert calls == [4, 6]


@BOTH
def test_a_certificate_must_verify(server: Server, right: Any, settings: Settings, tmp_path: Path) -> None:
    certificate, asked = self_signed(tmp_path / "server.pem"), list[bytes]()
    with server(lambda content: (asked.append(content), right(settings)(content))[1], certificate=certificate) as at:
        assert code(engine(settings, at)) == "certificate"
        assert not asked
        other = self_signed(tmp_path / "other.pem")
        assert code(engine(settings, at, ca=str(other))) == "certificate"
        assert engine(settings, at, ca=str(certificate))._ask(CHIPS).shape == (3, DIMENSIONS)
        assert code(engine(settings, at, ca=str(tmp_path / "absent.pem"))) == "certificate"


@BOTH
def test_a_foreign_model_is_sent_what_it_wants(server: Server, right: Any, settings: Settings) -> None:
    """Its version is pinned, it tells no space, and its pixels are prepared here."""
    entry = {key: value for key, value in ENTRY.items() if key not in ("file", "sha256")} | {"colours": "bgr"}
    settings.NETWORKS = {"mine": entry | {"serving": {"endpoints": ["http://a:1"], "version": 3}}}
    seen: list[Any] = []

    def answer(content: bytes) -> Any:
        if right is rest:
            seen.append(np.array(json.loads(content)["inputs"]["chips"]))
            return 200, "application/json", json.dumps({"outputs": vectors(1, 2.0)}).encode()
        asked = messages._classes()["PredictRequest"].FromString(content)
        assert asked.model_spec.version.value == 3
        tensor = asked.inputs[0].value
        sizes = [dim.size for dim in tensor.tensor_shape.dim]
        seen.append(np.frombuffer(tensor.tensor_content, np.float32).reshape(sizes))
        return rpc(settings, vectors(1, 2.0))(content)

    chip = np.zeros((SIZE, SIZE, 3), np.uint8) + np.array([0, 127, 255], np.uint8)
    with server(answer) as endpoint:
        served = engine(settings, endpoint, entry=entry, version=3)
        if right is rpc:  # which tells the space, that of this version
            assert space().startswith("mine.served3.")
        np.testing.assert_allclose(served._ask([chip]), np.full((1, DIMENSIONS), DIMENSIONS**-0.5), atol=1e-6)
    [values] = seen
    assert values.shape == (1, 3, SIZE, SIZE)
    np.testing.assert_allclose(values[0, :, 0, 0], [1, -0.5 / 127.5, -1], atol=1e-6)
