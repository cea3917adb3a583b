"""The command `faceapp` against a small server: options, configuration, output and exit codes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from faceapp_client.cli import main
from faceapp_client.cli.pictures import pictures
from faceapp_client.tests.scripted import Answer, hangs_up, refuses, says, scripted

AREA = {"x": 1, "y": 2, "w": 30, "h": 40, "left_eye": None, "right_eye": None, "nose": None} | {
    "mouth_left": None, "mouth_right": None,
}  # fmt: skip
FACES = [{"facial_area": AREA, "confidence": 0.98765, "quality": {}, "liveness": None}]
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
    found = {picture.title: picture.person for picture in pictures([str(album), str(album / "notes.txt")])}
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
        (["--url", "localhost:8000"], "no address of a service"),
        (["--url", "http://x:port"], "no address of a service"),
        (["--key", "schlüssel"], "characters that no key has"),
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
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "nowhere.jpg: No such file or directory (client.unreadable_file)\n"
    wrong = subprocess.run([command[0], "detekt"], capture_output=True, text=True, timeout=60)
    assert wrong.returncode == 2 and "invalid choice" in wrong.stderr
