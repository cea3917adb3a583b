"""Every person listed from one photograph is found in all their other photographs, and nobody else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from recognition.tests.contract_api import Api
from recognition.tests.photographs import GROUPS, PORTRAITS

pytestmark = [pytest.mark.models, pytest.mark.timeout(300)]


def found_in(api: Api, photograph: Path) -> set[str]:
    """The names that screening finds."""
    [result] = api.process(photograph.read_bytes()).json()
    assert result["error"] is None
    return {match["entry_name"] for face in result["faces"] for match in face["blacklist_matches"]}


def test_listed_people_are_found_and_nobody_else(api: Api, faces: Path) -> None:
    for name, files in PORTRAITS.items():
        assert api.enlist(name, (faces / files[0]).read_bytes()).status_code == 201
    others = {file: {name} for name, files in PORTRAITS.items() for file in files[1:]} | GROUPS
    assert {file: found_in(api, faces / file) for file in others} == others


def test_the_choice_of_the_listed_photograph_does_not_matter(api: Api, faces: Path) -> None:
    listed = {name: files[-1] for name, files in PORTRAITS.items()}
    for name, file in listed.items():
        assert api.enlist(name, (faces / file).read_bytes()).status_code == 201
    others = {file: {name} for name, files in PORTRAITS.items() for file in files if file != listed[name]} | GROUPS
    assert {file: found_in(api, faces / file) for file in others} == others


def test_strangers_are_not_found(api: Api, faces: Path) -> None:
    """With one person listed at a time, no photograph of anybody else matches."""
    assert api.enlist("obama", (faces / PORTRAITS["obama"][0]).read_bytes()).status_code == 201
    strangers = [file for name, files in PORTRAITS.items() if name != "obama" for file in files]
    assert {file: found_in(api, faces / file) for file in [*strangers, "kit_and_rose.jpg"]} == {
        file: set() for file in [*strangers, "kit_and_rose.jpg"]
    }
