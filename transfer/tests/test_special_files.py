"""Pipes, sockets and devices where a file is expected: refused at once by every command, as files of no access are."""

import os
import socket
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from environment import open_regular, read_regular
from vision.tests.drawing import RED, picture

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["pipe", "socket", "device", "link to a pipe"])
def special(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    place = tmp_path / "people" / "Ada" / "special.png"
    place.parent.mkdir(parents=True)
    if request.param == "pipe":
        os.mkfifo(place)
    elif request.param == "socket":
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(str(place))
    elif request.param == "device":
        place.symlink_to("/dev/zero")
    else:
        os.mkfifo(tmp_path / "pipe")
        place.symlink_to(tmp_path / "pipe")
    return place


def test_only_regular_files_are_opened(special: Path) -> None:
    with pytest.raises(OSError, match="Not a regular file"):
        open_regular(special)
    (special.parent / "a.txt").write_text("content")
    assert read_regular(special.parent / "a.txt") == b"content"
    with pytest.raises(IsADirectoryError):
        read_regular(special.parent)


@pytest.mark.parametrize(
    "command",
    [
        ["import_people", "{}", "--client", "alice"],
        ["import_people", "--archive", "{}", "--client", "alice"],
        ["import_blacklist", "{}"],
        ["import_blacklist", "{}/../..", "--database", "{}"],
        ["evaluate", "{}"],
        ["vectorize", "{}"],
        ["warm_engines", "{}"],
        ["evaluate_antispoof", "{}", "{}"],
        ["train_antispoof", "{}", "{}"],
    ],
    ids=lambda command: " ".join(command),
)
def test_every_command_refuses_them_at_once(command: list[str], special: Path) -> None:
    name, *arguments = command
    with pytest.raises(CommandError) as refused:
        call_command(name, *(argument.format(special) for argument in arguments))
    assert str(special.parent) not in str(refused.value) or name == "vectorize"


def test_a_folder_with_them_is_imported_without_them(special: Path, tmp_path: Path) -> None:
    (special.parent / "1.png").write_bytes(picture(RED))
    for command, *options in (("import_people", "--client", "alice"), ("import_blacklist", "--dry-run")):
        report = tmp_path / f"{command}.csv"
        call_command(command, str(tmp_path / "people"), *options, "--report", str(report))
        assert "Ada/special.png" in report.read_text() and "1.png" not in report.read_text()
