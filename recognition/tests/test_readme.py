"""The README's calls work as they are written, from the first to the last, on a fresh client."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from environment import BASE_DIR
from recognition.tests.contract_api import Api

pytestmark = pytest.mark.models
README = (BASE_DIR / "README.md").read_text()


def calls() -> Iterator[str]:
    """Every curl line of the README, in order."""
    for block in re.findall(r"```bash\n(.*?)```", README, re.DOTALL):
        yield from (line for line in block.splitlines() if line.startswith("curl "))


def run(line: str, folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Status code and body of one call."""
    line = line.replace("curl ", "curl -s -w '\\n%{http_code}' ", 1)
    done = subprocess.run(["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, check=True)
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_every_call_of_the_readme_works(api: Api, photos: dict[str, bytes], tmp_path: Path) -> None:
    for name, photo in (("jane.jpg", "S2"), ("party.jpg", "M"), ("door.jpg", "V")):
        (tmp_path / name).write_bytes(photos[photo])
    environment = os.environ | {"URL": api.live.url, "KEY": api.key}
    entry = image = person = album = 0
    for line in calls():
        line = line.replace("/blacklist/1/", f"/blacklist/{entry}/").replace(
            "/processed-images/1/", f"/processed-images/{image}/"
        )
        line = line.replace("/people/1/", f"/people/{person}/").replace("/albums/1/", f"/albums/{album}/")
        status, body = run(line, tmp_path, environment)
        assert status in {200, 201, 202, 204}, (line, status, body)
        if "external_id=u-17 " in line:
            person = json.loads(body)["id"]
        elif line.endswith("/albums/"):
            album = json.loads(body)["id"]
        elif "name=" in line:
            entry = json.loads(body)["id"]
        if "party.jpg -F images=@door.jpg $URL" in line and status == 200:
            results = json.loads(body)
            image = results[0]["db_id"]
            assert [result["has_blacklist_match"] for result in results] == [True, False]
        if line.endswith("/verify"):
            assert json.loads(body)["decision"] == "no_match"
        if line.endswith("$URL/search"):
            assert [hit["people_id"] for hit in json.loads(body)["data"]] == ["u-18"]
        if line.endswith("$URL/face-otp"):
            assert json.loads(body)["compare_result"] == "MATCH"
        if line.endswith("/people/search"):
            assert sum(_matches(face) for face in json.loads(body)["faces"]) == 1
    assert (tmp_path / "evidence.jpg").read_bytes() == photos["M"]


def _matches(face: dict[str, list[dict[str, dict[str, str]]]]) -> int:
    return sum(found["comparison"]["decision"] == "match" for found in face["candidates"])


def test_links_of_the_readme_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (BASE_DIR / target).exists(), target
