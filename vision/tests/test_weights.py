"""Fetching weights: from the installed package, and over HTTP from a server in this process."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from vision.engines import engines, weights
from vision.engines.dlib_native import NativeDlibPipeline
from vision.engines.downloads import Fetcher, FetchError, in_place
from vision.engines.weights import WeightFile
from vision.exceptions import EngineUnavailable

CONTENT = bytes(range(256)) * 20_000  # 5 MB
REAL = {"default": {"BACKEND": "vision.engines.deepface.DeepFaceEngine", "OPTIONS": {}}}


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT with ranges at /file, half of it at /broken, a page at /page, and 404 elsewhere."""

    ranges: list[str | None] = []

    def do_GET(self) -> None:
        self.ranges.append(self.headers["Range"])
        if self.path == "/page":
            return self.answer(200, b"<html>sign in</html>", "text/html")
        if self.path not in ("/file", "/broken"):
            return self.answer(404, b"", "text/plain")
        start = int((self.headers["Range"] or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        if start > len(CONTENT):
            return self.answer(416, b"", "text/plain")
        body = CONTENT[start:]
        return self.answer(206 if start else 200, body, "application/octet-stream", cut=self.path == "/broken")

    def answer(self, status: int, body: bytes, kind: str, *, cut: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[str]:
    Handler.ranges = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def models_dir(settings: Settings, tmp_path: Path) -> Iterator[Path]:
    settings.MODELS_DIR = tmp_path / "models"
    engines.reset()
    yield settings.MODELS_DIR
    engines.reset()


def fetch(file: WeightFile) -> list[str]:
    lines: list[str] = []
    Fetcher(lines.append).fetch(file)
    return lines


def pinned(*urls: str) -> WeightFile:
    return WeightFile("net.onnx", urls, sha256=hashlib.sha256(CONTENT).hexdigest())


def test_a_file_of_a_package_is_put_in_place_and_verified() -> None:
    assert "as pinned" in fetch(weights.DLIB_5_POINTS)[0]
    assert in_place(weights.DLIB_5_POINTS)
    assert fetch(weights.DLIB_5_POINTS) == []


def test_a_missing_file_is_named_with_its_folder() -> None:
    with pytest.raises(EngineUnavailable) as refusal:
        weights.require([weights.FR_FEATURE])
    assert refusal.value.code == "engine.weights_missing"
    for part in ("fr_feature.onnx", "fetch_models", str(weights.folder())):
        assert part in refusal.value.message


def test_a_damaged_file_is_replaced_without_touching_the_package() -> None:
    fetch(weights.DLIB_5_POINTS)
    weights.DLIB_5_POINTS.path.unlink()
    weights.DLIB_5_POINTS.path.write_bytes(b"damaged")
    with pytest.raises(Exception, match="damaged"):
        weights.verify([weights.DLIB_5_POINTS])
    fetch(weights.DLIB_5_POINTS)
    weights.verify([weights.DLIB_5_POINTS])


def test_a_file_is_downloaded_and_its_hash_compared(server: str) -> None:
    file = pinned(f"{server}/missing", f"{server}/file")
    assert "as pinned" in fetch(file)[0]
    assert file.path.read_bytes() == CONTENT
    assert [p.name for p in file.path.parent.iterdir()] == ["net.onnx"]


def test_an_unpinned_file_is_called_so(server: str) -> None:
    (line,) = fetch(WeightFile("net.onnx", (f"{server}/file",)))
    assert "not pinned" in line and hashlib.sha256(CONTENT).hexdigest() in line


def test_a_broken_download_is_continued(server: str) -> None:
    with pytest.raises(FetchError, match="run the command again"):
        fetch(pinned(f"{server}/broken"))
    file = pinned(f"{server}/file")
    part = file.path.with_name("net.onnx.part")
    assert not file.path.exists() and 0 < part.stat().st_size < len(CONTENT)
    kept = part.stat().st_size
    fetch(file)
    assert file.path.read_bytes() == CONTENT
    assert Handler.ranges == [None, f"bytes={kept}-"]


def test_a_page_in_place_of_the_file_is_refused(server: str) -> None:
    with pytest.raises(FetchError, match="page"):
        fetch(WeightFile("net.onnx", (f"{server}/page",)))
    assert not weights.folder().joinpath("net.onnx").exists()


def test_a_file_with_another_hash_is_refused_and_removed(server: str) -> None:
    with pytest.raises(FetchError, match="SHA-256"):
        fetch(WeightFile("net.onnx", (f"{server}/file",), sha256="0" * 64))
    assert list(weights.folder().iterdir()) == []


def test_a_host_that_does_not_answer_is_asked_once() -> None:
    fetcher = Fetcher(lambda line: None)
    for _ in range(2):
        with pytest.raises(FetchError, match="does not answer"):
            fetcher.fetch(WeightFile("net.onnx", ("http://127.0.0.1:9/file", "http://127.0.0.1:9/other")))
    assert fetcher._dead_hosts == {"127.0.0.1"}


def test_the_command_puts_the_default_engine_in_place_and_is_quiet_the_second_time(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FACE_ENGINES, settings.FACE_DETECTORS = REAL, ["mtcnn", "opencv"]
    monkeypatch.setattr("vision.management.commands.fetch_models.optional_files", dict)
    first, second = io.StringIO(), io.StringIO()
    call_command("fetch_models", stdout=first)
    call_command("fetch_models", stdout=second)
    assert len(first.getvalue().splitlines()) == 3 and second.getvalue() == ""
    assert engines["default"].missing_weights() == []
    assert NativeDlibPipeline().missing_weights(detectors=["mmod", "hog"], points=5) == []
    assert NativeDlibPipeline().missing_weights(detectors=["hog"], points=68) == [weights.DLIB_68_POINTS.name]


def test_the_command_fetches_68_points_where_they_are_permitted(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FACE_ENGINES, settings.NEXTCLOUD_68_POINTS = REAL, True
    monkeypatch.setattr("vision.management.commands.fetch_models.optional_files", dict)
    call_command("fetch_models", stdout=io.StringIO())
    assert NativeDlibPipeline().missing_weights(detectors=["hog"], points=68) == []


def test_the_command_warns_about_what_is_optional(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.FACE_ENGINES = REAL
    unreachable = WeightFile("live.onnx", ("http://127.0.0.1:9/live.onnx",))
    monkeypatch.setattr("vision.management.commands.fetch_models.liveness_files", lambda: (unreachable,))
    errors = io.StringIO()
    call_command("fetch_models", stdout=io.StringIO(), stderr=errors)
    assert "Liveness checks are incomplete: live.onnx" in errors.getvalue()
    with pytest.raises(CommandError, match=r"live\.onnx"):
        call_command("fetch_models", "--liveness", stdout=io.StringIO())


@pytest.mark.parametrize(("licence", "fetched"), [("any", True), ("MIT", True), ("BSL-1.0", False)])
def test_the_command_fetches_what_recognisability_needs_for_dlib_too(
    settings: Settings, tmp_path: Path, licence: str, fetched: bool
) -> None:
    settings.FACE_ENGINES, settings.LICENCE = REAL, licence
    errors = io.StringIO()
    call_command("fetch_models", "--from", str(tmp_path), stdout=io.StringIO(), stderr=errors, skip_checks=True)
    assert ("Recognisability is not assessed" in errors.getvalue()) == fetched


def test_the_command_fails_when_a_required_file_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vision.engines.downloads.find_spec", lambda name: None)
    with pytest.raises(CommandError, match="face_recognition_models, which is not installed"):
        call_command("fetch_models", "--model", "Dlib", stdout=io.StringIO())


def test_the_command_refuses_names_that_do_not_exist() -> None:
    for option in ("--model", "--detector"):
        with pytest.raises(CommandError, match="Known:"):
            call_command("fetch_models", option, "nothing")


@pytest.mark.models
def test_warm_engines_prints_a_row_for_each_engine(settings: Settings, faces: Path) -> None:
    settings.FACE_ENGINES = REAL
    call_command("fetch_models", "--model", "Dlib", "--detector", "mmod", stdout=io.StringIO())
    output = io.StringIO()
    call_command("warm_engines", str(faces / "obama_and_biden.jpg"), stdout=output)
    header, row = output.getvalue().splitlines()
    assert header.split()[:2] == ["engine", "space"]
    assert row.split()[0] == "default" and row.split()[3] == "3"


def test_warm_engines_names_what_is_missing(settings: Settings) -> None:
    settings.FACE_ENGINES = REAL
    with pytest.raises(CommandError, match="fetch_models"):
        call_command("warm_engines")
