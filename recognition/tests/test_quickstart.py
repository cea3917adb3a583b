"""The quickstart's blocks work as they are written, from the first to the last, on a fresh client."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from environment import BASE_DIR
from recognition.tests.contract_api import Api

pytestmark = pytest.mark.models
QUICKSTART = (BASE_DIR / "docs" / "quickstart.md").read_text()
OBEYED = 'set -e; curl() { command curl -sS --fail-with-body "$@"; }\n'  # an answer such as 400 is a failure, too


def blocks(language: str, api: Api) -> list[str]:
    """The text of each block, with address and key of the test's service."""
    found = re.findall(rf"```{language}\n(.*?)```", QUICKSTART, re.DOTALL)
    return [text.replace("http://localhost:8000", api.live.url).replace("paste-the-key", api.key) for text in found]


@pytest.fixture
def folder(photos: dict[str, bytes], tmp_path: Path) -> Path:
    """What the reader has: Jane, Jane among others, and somebody else."""
    (tmp_path / "photos").mkdir()
    for name, photo in (("jane.jpg", "S2"), ("party.jpg", "M"), ("door.jpg", "V"), ("photos/party.jpg", "M")):
        (tmp_path / name).write_bytes(photos[photo])
    return tmp_path


def run(command: list[str], folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "COLUMNS": "80"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_python_of_the_quickstart_works(api: Api, folder: Path) -> None:
    five_lines, screening, asynchronous, errors = blocks("python", api)
    assert len([line for line in five_lines.splitlines() if line]) == 5
    assert sorted(run([sys.executable, "-c", five_lines], folder).splitlines()) == ["Jane Doe", "unknown", "unknown"]
    screened, person = run([sys.executable, "-c", screening], folder).splitlines()
    assert screened == "party.jpg ['Jane Doe']"
    assert re.fullmatch(r"\d+ Jane Doe 1", person)
    assert run([sys.executable, "-c", asynchronous], folder) == "[1, 3, 1]\n"
    assert run([sys.executable, "-c", errors], folder) == "face.several\n"


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_commands_of_the_quickstart_work(api: Api, folder: Path) -> None:
    output = run(["bash", "-c", OBEYED + "".join(blocks("bash", api))], folder)
    lines = [line for line in output.splitlines() if not line.startswith("{")]
    assert [line for line in lines if len(line) > 80] == []
    searched = output[output.index("similarity", output.index("remarks")) :]
    assert re.search(r"Jane Doe +0\.\d{3} +match", searched)
    # Of curl's enrolment, as Jane is there already, and of its search: of the face, of its comparison, and of the
    # candidate.
    assert output.count('"decision":"match"') == 4
