"""The command `faceapp` against a small server: options, configuration, output and exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from faceapp_client.cli import main
from faceapp_client.cli.pictures import find
from faceapp_client.tests.scripted import Answer, hangs_up, refuses, says, scripted

AREA = {"x": 1, "y": 2, "w": 30, "h": 40, "left_eye": None, "right_eye": None, "nose": None} | {
    "mouth_left": None, "mouth_right": None,
}  # fmt: skip
FACES = [{"facial_area": AREA, "confidence": 0.98765, "quality": {}, "liveness": None, "turn": 0, "attributes": None}]
PERSON = {
    "id": 7, "external_id": "u-7", "name": "[red]Jane", "source": "staff", "metadata": {}, "image_count": 2,
    "created_at": "2030-01-01T00:00:00Z", "primary_image": None,
}  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("FACEAPP_API_KEY", "a-key")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FACEAPP_URL", raising=False)


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Images, an unreadable one, and what is none."""
    folder = tmp_path / "album"
    (folder / "Jane Doe").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    for name in ("a.jpg", "Jane Doe/1.PNG", "Jane Doe/2.jpg", "notes.txt", ".hidden/x.jpg"):
        (folder / name).write_bytes(b"image")
    (folder / "broken.jpg").symlink_to(tmp_path / "nowhere")
    return folder


def run(*arguments: object, url: str = "") -> int:
    options = ["--url", url] if url else []
    return main([*map(str, arguments), *options])


def test_folders_stand_for_their_images_and_inner_folders_for_people(album: Path) -> None:
    pictures = [*find(str(album)).pictures, *find(str(album / "notes.txt")).pictures]
    found = {picture.title: picture.person for picture in pictures}
    assert found == {
        "Jane Doe/1.PNG": "Jane Doe", "Jane Doe/2.jpg": "Jane Doe", "a.jpg": "a", "broken.jpg": "broken",
        str(album / "notes.txt"): "notes",
    }  # fmt: skip


def test_a_table_and_what_could_not_be_read(album: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with scripted(says(FACES), refuses(400, "image.truncated"), says([])) as server:
        assert run("detect", album, url=server.url) == 1
    told = capsys.readouterr()
    assert re.search(r"Jane Doe/1.PNG +1 +1, 2 +30 x 40 +0.99\n", told.out)
    assert re.search(r"a.jpg +none", told.out)
    assert "Jane Doe/2.jpg: It is so. (image.truncated)" in told.err
    assert "broken.jpg: No such file or directory (client.unreadable_file)" in told.err


def test_json_is_one_document_with_the_errors_in_it(album: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with scripted(says(FACES), refuses(400, "image.truncated"), says([])) as server:
        assert run("detect", "--json", album, url=server.url) == 1
    first, second, third, fourth = json.loads(capsys.readouterr().out)
    assert first == {"file": "Jane Doe/1.PNG", "faces": FACES}
    assert second == {"file": "Jane Doe/2.jpg", "error": {"code": "image.truncated", "message": "It is so."}}
    assert third == {"file": "a.jpg", "faces": []}
    assert fourth["error"]["code"] == "client.unreadable_file"


def test_what_was_found_before_the_service_went_away_is_shown(album: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with scripted(says(FACES), refuses(401, "auth.revoked_key")) as server:
        assert run("detect", album, url=server.url) == 3
        assert len(server.seen) == 2  # the others are not even tried
    told = capsys.readouterr()
    assert "0.99" in told.out
    assert "faceapp: It is so. (auth.revoked_key)" in told.err


def test_names_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    with scripted(says({"total_items": 1, "items": [PERSON], "limit": 100, "offset": 0})) as server:
        assert run("people", "list", "--source", "staff", url=server.url) == 0
        assert "source=staff" in server.seen[0][1]
    assert re.search(r"7 +\[red\]Jane +u-7 +staff +2 +2030-01-01", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (hangs_up, 1, "client.answer_lost"),
        (refuses(403, "auth.missing_scope"), 3, "auth.missing_scope"),
        (lambda handler: handler.say(404, b"<h1>Not here</h1>", {}), 3, "Is the address right?"),
        (lambda handler: handler.say(200, b"<h1>Hello</h1>", {}), 3, "Is the address right?"),
        (refuses(500, "internal"), 1, "internal"),
    ],
)
def test_trouble_with_the_service(answer: Answer, code: int, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with scripted(answer) as server:
        assert run("people", "delete", "7", url=server.url) == code
    told = capsys.readouterr()
    assert words in told.err and "Traceback" not in told.err
    assert told.out == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--url", "localhost:8000"], "not the address of a service"),
        (["--url", "http://x:port"], "not the address of a service"),
        (["--key", "schlüssel"], "characters that keys never have"),
        (["--config", "/nowhere.toml"], "There is no file /nowhere.toml"),
    ],
)
def test_wrong_configuration(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["people", "list", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_no_key(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("FACEAPP_API_KEY")
    assert main(["people", "list"]) == 2
    assert "FACEAPP_API_KEY" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["url = ", 'urk = "x"', "key = 3", "\xff\xfe"])
def test_a_broken_configuration_file(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(text.encode("latin-1"))
    assert main(["people", "list", "--config", str(file)]) == 2
    assert str(file) in capsys.readouterr().err


def test_options_win_over_environment_over_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page: dict[str, Any] = {"total_items": 0, "items": [], "limit": 100, "offset": 0}
    with scripted(says(page)) as server, scripted(says(page)) as other:
        file = tmp_path / "config" / "faceapp" / "config.toml"
        file.parent.mkdir(parents=True)
        file.write_text(f'url = "{server.url}"\nkey = "from-file"\n')
        monkeypatch.delenv("FACEAPP_API_KEY")
        assert main(["people", "list"]) == 0
        monkeypatch.setenv("FACEAPP_URL", other.url)
        assert main(["people", "list"]) == 0
        assert main(["people", "list", "--url", server.url]) == 0
        assert (len(server.seen), len(other.seen)) == (2, 1)
    assert capsys.readouterr().err == ""


def test_as_a_program(tmp_path: Path) -> None:
    """The installed command, with a file that is not there: no traceback, exit code 1."""
    command = [str(Path(sys.executable).with_name("faceapp")), "detect", "nowhere.jpg", "--url", "http://127.0.0.1:1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "nowhere.jpg: No such file or directory (client.unreadable_file)\n"
    wrong = subprocess.run([command[0], "detekt"], capture_output=True, text=True, timeout=200)
    assert wrong.returncode == 2 and "invalid choice" in wrong.stderr


# ---- names of all kinds ----------------------------------------------------------------------------------------------
UNDECODABLE = b"caf\xe9.jpg"  # Latin-1
ESCAPES = b"\x1b[31mred\x1b]0;pwned\x07.jpg"
SHOWN = {r"caf\xe9.jpg", r"\x1b[31mred\x1b]0;pwned\x07.jpg", "plain.jpg"}
COMPARISON = {"distance": 0.1, "similarity": 0.9, "threshold": 0.6, "decision": "match", "margin": None}
ENROLLED = PERSON | {"name": "x", "enrolment": None}
JOB = {
    "id": "j", "status": "done", "total": 3, "done": 3, "failed": 0, "metric": "m", "threshold": 0.6,
    "created_at": "2030-01-01T00:00:00Z",
}  # fmt: skip
SCREENED = {
    "db_id": 1, "job_id": "j", "image_path_or_identifier": "x", "status": "done", "faces": [], "error": None,
    "error_code": None, "has_blacklist_match": False, "image_url": None, "processing_timestamp": "2030-01-01T00:00:00Z",
}  # fmt: skip
SPACE = {"space": "s", "metric": "m", "threshold": 0.6}
# What the service answers to each command, the last one for ever.
ANSWERS: dict[str, list[Any]] = {
    "detect": [FACES],
    "search": [SPACE | {"faces": []}],
    "compare": [SPACE | {"results": [{"comparison": COMPARISON, "error": None}]}],
    "enrol": [ENROLLED],
    "screen": [JOB, JOB, {"total_items": 3, "items": [SCREENED] * 3}],
}


@pytest.fixture
def odd_names(tmp_path: Path) -> Path:
    folder = tmp_path / "odd"
    folder.mkdir()
    for name in (UNDECODABLE, ESCAPES, b"plain.jpg"):
        (folder / os.fsdecode(name)).write_bytes(b"image")
    return folder


def command(name: str, folder: Path, url: str, *options: str) -> subprocess.CompletedProcess[bytes]:
    """The real program, whose output is bytes."""
    first = [str(folder / "plain.jpg")] if name == "compare" else []
    line = [sys.executable, "-m", "faceapp_client", name, *first, str(folder), "--url", url, *options]
    return subprocess.run(line, capture_output=True, timeout=200)


@pytest.mark.parametrize("name", ANSWERS)
def test_file_names_of_any_bytes_are_sent_and_printed_harmlessly(name: str, odd_names: Path) -> None:
    with scripted(*map(says, ANSWERS[name])) as server:
        done = command(name, odd_names, server.url)
        sent = b"".join(body for _, _, body in server.seen)
    assert (done.returncode, done.stderr) == (0, b"")
    assert sent.count(b"\r\n\r\nimage") >= 3
    assert "caf\ufffd.jpg".encode() in sent
    shown = done.stdout.decode()
    assert all(title in shown for title in SHOWN)
    assert shown.replace("\n", "").isprintable()


@pytest.mark.parametrize("name", ANSWERS)
def test_json_names_the_files_exactly(name: str, odd_names: Path) -> None:
    with scripted(*map(says, ANSWERS[name])) as server:
        done = command(name, odd_names, server.url, "--json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().replace("\n", "").isprintable()
    files = {os.fsencode(answer["file"]) for answer in json.loads(done.stdout)}
    assert files == {UNDECODABLE, ESCAPES, b"plain.jpg"}


def test_errors_of_such_files_are_reported_and_the_others_go_on(odd_names: Path) -> None:
    with scripted(refuses(400, "image.truncated"), says(FACES)) as server:
        done = command("detect", odd_names, server.url)
        assert len(server.seen) == 3
    assert done.returncode == 1
    assert rb"\x1b[31mred\x1b]0;pwned\x07.jpg: It is so. (image.truncated)" in done.stderr
    assert b"\x1b" not in done.stderr + done.stdout


def test_a_pipe_is_reported_and_the_others_go_on(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "1.jpg").symlink_to(tmp_path / "pipe")
    (tmp_path / "2.jpg").write_bytes(b"image")
    with scripted(says(FACES)) as server:
        done = command("detect", tmp_path, server.url)
        assert len(server.seen) == 1
    assert done.returncode == 1 and b"Not a regular file" in done.stderr


def test_people_of_different_undecodable_names_stay_different(tmp_path: Path) -> None:
    for name in (b"caf\xe8", b"caf\xe9"):
        folder = tmp_path / "staff" / os.fsdecode(name)
        folder.mkdir(parents=True)
        (folder / "1.jpg").write_bytes(b"image")
    with scripted(says(ENROLLED)) as server:
        assert command("enrol", tmp_path / "staff", server.url).returncode == 0
        assert [path for _, path, _ in server.seen] == ["/api/v1/people/"] * 2
        first, second = (body for _, _, body in server.seen)
    assert rb"caf\xe8" in first and rb"caf\xe9" in second


def test_names_of_people_do_not_reach_the_terminal_as_commands(capsys: pytest.CaptureFixture[str]) -> None:
    person = PERSON | {"name": "\x1b[31mRED\x1b]0;pwned\x07", "source": "a\u202eb", "external_id": "\x9b2J"}
    page = {"total_items": 1, "items": [person], "limit": 100, "offset": 0}
    with scripted(says(page)) as server:
        assert run("people", "list", url=server.url) == 0
        told = capsys.readouterr().out
        assert r"\x1b[31mRED\x1b]0;pwned\x07" in told and r"\u202e" in told and r"\x9b2J" in told
        assert told.replace("\n", "").isprintable()
        assert run("people", "list", "--json", url=server.url) == 0
    told = capsys.readouterr().out
    assert told.replace("\n", "").isprintable()
    assert json.loads(told)[0]["name"] == person["name"]


def test_an_error_of_the_service_is_printed_harmlessly(capsys: pytest.CaptureFixture[str]) -> None:
    with scripted(says({"detail": "\x1b[2J", "code": "internal"}, status=500)) as server:
        assert run("people", "list", url=server.url) == 1
    assert r"\x1b[2J" in capsys.readouterr().err


def test_an_output_without_unicode_shows_numbers(odd_names: Path) -> None:
    (odd_names / "jané.jpg").write_bytes(b"image")
    line = [sys.executable, "-m", "faceapp_client", "detect", str(odd_names)]
    with scripted(says(FACES)) as server:
        ascii_only = os.environ | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C.UTF-8"}
        done = subprocess.run([*line, "--url", server.url], capture_output=True, timeout=200, env=ascii_only)
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"jan\xe9.jpg" in done.stdout


def test_options_that_are_not_utf_8_are_wrong_use(odd_names: Path) -> None:
    line = [os.fsencode(sys.executable), b"-m", b"faceapp_client", b"enrol", os.fsencode(odd_names), b"--name", b"\xe9"]
    done = subprocess.run(line, capture_output=True, timeout=200)
    assert done.returncode == 2
    assert b"argument --name: not valid UTF-8" in done.stderr


# ---- folders ---------------------------------------------------------------------------------------------------------
def test_a_folder_is_searched_for_every_suffix_of_the_services_formats(tmp_path: Path) -> None:
    read = ["a.JFIF", "b.jpe", "c.hif", "d.mpo", "e.heic", "f.Tiff", "g.webp", "h.avif"]
    for name in (*read, "h.jxl", "i.jxl", "README", "notes.txt", ".hidden.doc"):
        (tmp_path / name).write_bytes(b"image")
    found = find(str(tmp_path))
    assert [picture.title for picture in found.pictures] == read
    assert found.skipped == {".jxl": 2, "": 1, ".txt": 1}


def test_files_that_are_left_out_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.jpg", "b.jxl", "c", "d.\x1b[2J"):
        (tmp_path / name).write_bytes(b"image")
    with scripted(says(FACES)) as server:
        assert run("detect", tmp_path, url=server.url) == 0
        assert len(server.seen) == 1
        assert run("detect", tmp_path / "b.jxl", url=server.url) == 0  # named itself it is sent
        assert len(server.seen) == 2
    told = capsys.readouterr().err
    assert told == f"{tmp_path}: skipped 3 files not named as images (no suffix, .\\x1b[2j, .jxl).\n"


@pytest.mark.parametrize("name", ["detect", "search", "screen", "enrol"])
def test_a_folder_without_images_is_said(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run(name, empty, url="http://127.0.0.1:1") == 1
    told = capsys.readouterr()
    assert told.err == f"{empty}: There is no image in this folder. (client.no_images)\n"
    assert told.out == ""
