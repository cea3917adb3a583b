"""Every person listed from one photograph is found in all their other photographs, and nobody else is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from faceapp.tests.live_stack import LiveStack
from recognition.tests.contract_api import Api
from recognition.tests.photographs import GROUPS, PORTRAITS

pytestmark = [pytest.mark.models, pytest.mark.timeout(300)]

Found = dict[str, set[str]]  # the names that screening finds, by file
BATCH = 6


@pytest.fixture(scope="module")
def found(live: LiveStack, keys: Iterator[str], faces: Path) -> Found:
    """Everybody is listed twice, "first" and "last", from their first and their last photograph."""
    api = Api(live, next(keys))
    for name, files in PORTRAITS.items():
        for which, file in (("first", files[0]), ("last", files[-1])):
            assert api.enlist(f"{name} {which}", (faces / file).read_bytes()).status_code == 201
    photographs = [file for files in PORTRAITS.values() for file in files] + list(GROUPS)
    batches = [photographs[start : start + BATCH] for start in range(0, len(photographs), BATCH)]
    return {file: names for batch in batches for file, names in screened(api, faces, batch).items()}


def screened(api: Api, faces: Path, files: list[str]) -> Found:
    results = api.process(*[(faces / file).read_bytes() for file in files]).json()
    assert [result["error"] for result in results] == [None] * len(files)
    return {
        file: {match["entry_name"] for face in result["faces"] for match in face["blacklist_matches"]}
        for file, result in zip(files, results, strict=True)
    }


def those(names: set[str], which: str) -> set[str]:
    return {name.removesuffix(which).strip() for name in names if name.endswith(which)}


def test_listed_people_are_found_and_nobody_else(found: Found) -> None:
    others = {file: {name} for name, files in PORTRAITS.items() for file in files[1:]} | GROUPS
    assert {file: those(found[file], "first") for file in others} == others


def test_the_choice_of_the_listed_photograph_does_not_matter(found: Found) -> None:
    others = {file: {name} for name, files in PORTRAITS.items() for file in files[:-1]} | GROUPS
    assert {file: those(found[file], "last") for file in others} == others


def test_strangers_are_not_found(found: Found) -> None:
    """No photograph of anybody else matches; every match within the threshold is told, not the best alone."""
    for name, files in PORTRAITS.items():
        assert {f"{name} first", f"{name} last"} <= found[files[0]]
        strangers = [file for other, files in PORTRAITS.items() if other != name for file in files]
        strangers += [file for file, people in GROUPS.items() if name not in people]
        assert not [file for file in strangers if {f"{name} first", f"{name} last"} & found[file]]
