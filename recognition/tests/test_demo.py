"""`make demo` as a newcomer runs it: a separate process that talks to a live service."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from django.conf import settings

from demo.photographs import packaged
from faceapp.tests.live_stack import OF_TESTS, LiveStack, free_port


def demo(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name not in OF_TESTS}
    return subprocess.run(
        [sys.executable, "-m", "demo", *arguments],
        cwd=settings.BASE_DIR,
        env=inherited | {"COLUMNS": "160"} | environment,
        capture_output=True,
        text=True,
        timeout=200,
    )


def row(output: str, image: str) -> list[str]:
    """The cells of the table's line for an image."""
    line = next(line for line in output.splitlines() if line.startswith(f"│ {image}"))
    return [cell.strip() for cell in line.strip("│").split("│")]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.models
def test_the_listed_match_and_strangers_do_not_and_it_can_be_repeated(live: LiveStack) -> None:
    for words in ("Added to the blacklist: Eileen Collins", "Already on the blacklist: Eileen Collins"):
        run = demo(FACEAPP_URL=live.url, FACEAPP_VAR=str(live.var))  # makes its own key
        assert run.returncode == 0, run.stdout + run.stderr
        assert words in run.stdout
        assert row(run.stdout, "astronaut")[1:3] == ["1", "Eileen Collins (face 1)"]
        faces, match, distance, threshold = row(run.stdout, "group")[1:5]
        assert (faces, match.split(" (")[0]) == ("6", "Guest of the group")
        assert float(distance) <= float(threshold)
        assert row(run.stdout, "Tom Hanks")[1:4] == ["1", "no match", ""]
        assert row(run.stdout, "cat")[1:3] == ["0", "no face"]
        assert f"{live.url}/console/jobs/" in run.stdout
    links = re.findall(rf"{live.url}/api/v1/processed-images/\d+/", run.stdout)
    key = live.manage("create_api_key", "default", "--scopes", "all").stdout.strip()  # as `make run` prints one
    shown = [requests.get(link, headers={"X-API-Key": key}, timeout=60) for link in links]
    assert [answer.json()["image_path_or_identifier"] for answer in shown] == [
        "astronaut", "group", "Tom Hanks", "cat", "cup of coffee",
    ]  # fmt: skip

    kept = requests.post(
        f"{live.url}/api/v1/blacklist/", headers={"X-API-Key": key}, timeout=60, data={"name": "Not of the demo"},
        files={"images": packaged("insightface/data/images/Tom_Hanks_54745.png")},
    )  # fmt: skip
    assert kept.status_code == 201
    removed = demo("--remove", FACEAPP_URL=live.url, FACEAPP_VAR=str(live.var))
    assert "Removed: 2 blacklist entries, 10 screened images." in removed.stdout
    assert {requests.get(link, headers={"X-API-Key": key}, timeout=60).status_code for link in links} == {404}
    entry = f"{live.url}/api/v1/blacklist/{kept.json()['id']}/"
    assert requests.delete(entry, headers={"X-API-Key": key}, timeout=60).status_code == 200


@pytest.mark.models
def test_own_photographs(live: LiveStack, faces: Path, tmp_path: Path) -> None:
    listed, screened = tmp_path / "blacklist" / "Kit", tmp_path / "screen"
    listed.mkdir(parents=True)
    screened.mkdir()
    shutil.copy(faces / "kit_1.jpg", listed)
    shutil.copy(faces / "kit_and_rose.jpg", screened)
    shutil.copy(faces / "alex_1.jpg", screened)
    (screened / "notes.txt").write_text("not an image")

    run = demo("--photos", str(tmp_path), FACEAPP_URL=live.url, FACEAPP_API_KEY=live.api_key)

    assert run.returncode == 0, run.stdout + run.stderr
    assert row(run.stdout, "kit_and_rose.jpg")[2].startswith("Kit (face")
    assert row(run.stdout, "alex_1.jpg")[2] == "no match"
    assert row(run.stdout, "notes.txt")[1] == "0"


def test_says_what_is_missing_for_a_service_elsewhere() -> None:
    run = demo(FACEAPP_URL="http://faceapp.invalid")
    assert run.returncode == 1
    assert "Nothing answers at http://faceapp.invalid." in run.stdout


def test_another_program_on_the_port_is_not_taken_for_the_service(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as other:
        try:
            while not listens(port):
                assert other.poll() is None
            run = demo(FACEAPP_URL=f"http://127.0.0.1:{port}")
        finally:
            other.terminate()
    assert run.returncode == 1
    assert "another program listens there" in run.stdout
