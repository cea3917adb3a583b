"""The calls of README.md and docs/api.md work as written, each from the first to the last on a fresh client."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from recognition.tests.contract_api import Api

ROOT = Path(settings.BASE_DIR)
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


class Reader:
    """Types the curl calls of a document, one after the other."""

    def __init__(self, api: Api, folder: Path) -> None:
        self.folder = folder
        self.environment = os.environ | {"URL": api.live.url, "KEY": api.key}
        self.ids: dict[str, int] = {}

    def run(self, line: str) -> tuple[int, str]:
        """Status code and body of one call; ids in the document become those that the service gave."""
        line = line.replace("curl ", "curl -s -w '\\n%{http_code}' ", 1)
        for resource, number in self.ids.items():
            line = line.replace(f"/{resource}/1/", f"/{resource}/{number}/")
        done = subprocess.run(
            ["bash", "-c", line], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=True
        )
        body, _, status = done.stdout.rpartition("\n")
        assert int(status) in {200, 201, 202, 204}, (line, status, body)
        return int(status), body


@pytest.fixture
def reader(api: Api, photos: dict[str, bytes], tmp_path: Path) -> Reader:
    """With Jane, Jane between two others, and another person in the current folder."""
    for name, photo in (("jane.jpg", "S2"), ("party.jpg", "M"), ("door.jpg", "V")):
        (tmp_path / name).write_bytes(photos[photo])
    return Reader(api, tmp_path)


def calls(document: str) -> list[str]:
    """Every curl line of the document's shell blocks, in order."""
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("curl ")]


def matches(face: dict[str, Any]) -> int:
    return sum(found["comparison"]["decision"] == "match" for found in face["candidates"])


@pytest.mark.models
@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_three_calls_of_the_readme_enrol_search_and_screen(reader: Reader) -> None:
    enrolled, searched, screened = (json.loads(reader.run(line)[1]) for line in calls("README.md"))
    assert enrolled["name"] == "Jane Doe"
    assert [matches(face) for face in searched["faces"]].count(1) == 1
    assert [result["has_blacklist_match"] for result in screened] == [False, False]  # nobody is listed yet


@pytest.mark.models
@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_every_call_of_the_api_tour_works(reader: Reader, photos: dict[str, bytes]) -> None:
    for line in calls("docs/api.md"):
        status, body = reader.run(line)
        if "external_id=u-17 " in line:
            reader.ids["people"] = json.loads(body)["id"]
        elif line.endswith("/albums/"):
            reader.ids["albums"] = json.loads(body)["id"]
        elif "name=" in line:
            reader.ids["blacklist"] = json.loads(body)["id"]
        if "party.jpg -F images=@door.jpg $URL" in line and status == 200:
            results = json.loads(body)
            reader.ids["processed-images"] = results[0]["db_id"]
            assert [result["has_blacklist_match"] for result in results] == [True, False]
        if line.endswith("/verify"):
            assert json.loads(body)["decision"] == "no_match"
        if line.endswith("$URL/search"):
            assert [hit["people_id"] for hit in json.loads(body)["data"]] == ["u-18"]
        if line.endswith("$URL/face-otp"):
            assert json.loads(body)["compare_result"] == "MATCH"
        if line.endswith("/people/search"):
            assert sum(matches(face) for face in json.loads(body)["faces"]) == 1
    assert (reader.folder / "evidence.jpg").read_bytes() == photos["M"]


def anchors(document: Path) -> set[str]:
    """The names under which GitHub links to the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", document.read_text()):
        path, _, anchor = target.partition("#")
        if not target.startswith("https://"):
            assert (linked := document.parent / path if path else document).exists(), target
            assert not anchor or anchor in anchors(linked), target


def test_the_readme_names_every_document() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [path.name for path in DOCUMENTS[2:] if f"(docs/{path.name})" not in readme] == []


def test_the_walks_of_the_architecture_lead_to_files_that_exist() -> None:
    walks = (ROOT / "docs" / "architecture.md").read_text().partition("## Five walks")[2]
    files = re.findall(r"`([\w/.-]+\.(?:py|md|html|yml|txt))`", walks)
    assert [file for file in files if not (ROOT / file).exists()] == []
