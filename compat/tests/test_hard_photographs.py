"""Turned, blurred, posterised, covered and tiny faces through every interface: no two strangers are one person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from compat.ekyc.tests.wire import Ekyc
from compat.faceanalysis.tests.program import Program
from compat.facehash.tests.wire import Page
from faceapp.tests.live_stack import LiveStack
from people.tests.hard_photographs import CHANGES, TURNS, cut_portraits
from recognition.tests.contract_api import Api, data_url
from recognition.tests.photographs import jpeg
from vision.engines.onnx.engine import OnnxEngine
from vision.tests.shared_weights import put_in_place

pytestmark = [pytest.mark.models, pytest.mark.timeout(600)]
BATCH = 46  # pictures of a call
MAKE_CLIENT = """
from clients.models import Client
from clients.services import create_api_key
from django.contrib.auth.hashers import make_password
from compat.faceanalysis.models import Account
_, key = create_api_key(client_name="hard")
Account.objects.create(client=Client.objects.get(name="hard"), username="hard", password=make_password("correct horse"))
print(key)
"""
Name = tuple[str, str]  # what was done to whose portrait


@dataclass
class Hard:
    """The pictures, and a client who knows the six people, `numbers`, by their upright portraits.

    `refused`: pictures without a face that can be recognised, once the others are enrolled too.
    """

    live: LiveStack
    key: str
    pictures: dict[Name, bytes]
    numbers: dict[str, int]
    refused: set[Name]

    @property
    def api(self) -> Api:
        return Api(self.live, self.key)

    @property
    def source(self) -> str:
        return f"FaceHash {self.key.partition('.')[0]}"

    def post(self, path: str, name: Name, **body: Any) -> Any:
        body |= {"image": data_url(self.pictures[name])}
        return self.api.call("POST", f"/api/v1{path}", json=body).json()

    def of(self, change: str) -> list[Name]:
        return [(change, who) for who in self.numbers]

    def usable(self, change: str) -> list[Name]:
        return [name for name in self.of(change) if name not in self.refused]

    def pairs(self) -> list[tuple[Name, Name]]:
        """Every two strangers to whom the same was done and who can be recognised."""
        return [pair for change in CHANGES for pair in combinations(self.usable(change), 2)]

    def candidates(self, names: Sequence[Name]) -> dict[Name, list[Any]]:
        """Whom a search finds on each picture, the most similar first, whether they match or not."""
        answers = in_parallel(
            lambda name: self.post("/people/search", name, faces="largest", sources=[self.source]), names
        )
        faces = [answer.get("faces", ()) for answer in answers]
        return {
            name: [one for face in some for one in face["candidates"]] for name, some in zip(names, faces, strict=True)
        }

    def known_to_facehash(self, names: Sequence[Name]) -> set[tuple[str, ...]]:
        page = Page(self.live.url, self.key)
        answers = in_parallel(lambda name: page.who(self.pictures[name]), names)
        return {(*name, found["foundFace"]) for name, found in zip(names, answers, strict=True) if found["foundFlag"]}

    def known_to_ekyc(self, names: Sequence[Name]) -> set[tuple[str, ...]]:
        ekyc, said = Ekyc(self.live, self.key), set()
        for some in batches(names):
            images = [{"image_id": str(at), "image": self.pictures[name]} for at, name in enumerate(some)]
            for item in ekyc.ok("/api/v2/search", source=self.source, images=images)["data"]:
                said |= {(*some[int(item["image_id"])], hit["people_id"]) for hit in item["match_faces"]}
        return said

    def screened(self, names: Sequence[Name], listed: dict[str, str]) -> set[tuple[str, ...]]:
        """`listed`: names by the number of a blacklist entry."""
        results = [
            result for some in batches(names) for result in self.api.process(*map(self.pictures.get, some)).json()
        ]
        return {
            (*name, listed[match["identity"].split("/")[1]])
            for name, result in zip(names, results, strict=True)
            for face in result["faces"]
            for match in face["blacklist_matches"]
        }


def matched(candidates: dict[Name, list[Any]]) -> set[tuple[str, ...]]:
    """The names, each with those of the people who are said to be on the picture."""
    return {
        (*name, one["external_id"])
        for name, found in candidates.items()
        for one in found
        if one["comparison"]["decision"] == "match"
    }


def wrong(said: Iterable[tuple[str, ...]]) -> set[tuple[str, ...]]:
    """Who is named though somebody else is on the picture."""
    return {one for one in said if one[1] != one[2]}


def batches(names: Sequence[Name]) -> list[Sequence[Name]]:
    return [names[start : start + BATCH] for start in range(0, len(names), BATCH)]


def in_parallel(call: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(call, items))


@pytest.fixture(scope="module")
def hard(live: LiveStack, real_faces: Path) -> Hard:
    """FaceHash has learned the upright portraits."""
    engine = OnnxEngine()
    put_in_place(engine.files())
    portraits = {Path(name).stem: portrait for name, portrait in cut_portraits(engine, real_faces).items()}
    pictures = {(change, who): jpeg(done(face)) for change, done in CHANGES.items() for who, face in portraits.items()}
    key = live.manage("shell", "--no-imports", "-c", MAKE_CLIENT).stdout.strip()
    own = Hard(live, key, pictures, {}, set())
    for who in portraits:
        assert Page(live.url, key).train(who, pictures["upright", who])["trainingSuccess"] == 1
    people = own.api.get("/api/v1/people/", params={"source": own.source}).json()["items"]
    own.numbers = {person["external_id"]: person["id"] for person in people}
    assert set(own.numbers) == set(portraits)
    return own


@pytest.fixture(scope="module")
def full(hard: Hard) -> Hard:
    """The same gallery with every other picture that enrolment takes; nobody in it looks like another person."""

    def enrol(name: Name) -> set[tuple[str, ...]]:
        answer = hard.post(f"/people/{hard.numbers[name[1]]}/images", name, quality_gate="off")
        if answer.get("code"):
            hard.refused.add(name)
        return {(*name, other["external_id"]) for other in answer.get("duplicates", ())}

    others = in_parallel(enrol, [name for name in hard.pictures if name[0] != "upright"])
    assert set().union(*others) == set()
    return hard


def test_a_person_is_found_whichever_way_the_photograph_lies(hard: Hard) -> None:
    names = [name for turn in TURNS for name in hard.of(turn)]
    right = {(*name, name[1]) for name in names}
    assert matched(hard.candidates(names)) == hard.known_to_facehash(names) == hard.known_to_ekyc(names) == right
    verified = in_parallel(lambda name: hard.post(f"/people/{hard.numbers[name[1]]}/verify", name), names)
    assert {answer["decision"] for answer in verified} == {"match"}


@pytest.fixture(scope="module")
def candidates(full: Hard) -> dict[Name, list[Any]]:
    return full.candidates(list(full.pictures))


def test_a_search_names_nobody_else(full: Hard, candidates: dict[Name, list[Any]]) -> None:
    said = matched(candidates)
    assert wrong(said) == set()
    assert {one[:2] for one in said} == full.pictures.keys() - full.refused


@pytest.mark.parametrize("ask", [Hard.known_to_facehash, Hard.known_to_ekyc])
def test_other_interfaces_name_the_same_people(
    full: Hard, candidates: dict[Name, list[Any]], ask: Callable[[Hard, Sequence[Name]], set[tuple[str, ...]]]
) -> None:
    some = list(full.pictures)[::5]  # every change, and each person several times
    assert ask(full, some) == matched({name: candidates[name] for name in some})


def test_comparisons_match_no_strangers(full: Hard) -> None:
    """For each change, a picture that can be recognised, if there is one, and those of the five others.

    `people/tests/test_hard_photographs.py` compares every two strangers.
    """

    def compared(change: str) -> list[str]:
        first, *others = sorted(full.of(change), key=full.refused.__contains__)
        answer = full.post("/compare/", first, images=[data_url(full.pictures[other]) for other in others])
        results = answer.get("results") or [{"comparison": None, "error": answer}]
        return [(one["comparison"] or {}).get("decision") or one["error"]["code"] for one in results]

    decisions = dict(zip(CHANGES, in_parallel(compared, CHANGES), strict=True))
    assert set().union(*decisions.values()) <= {"no_match", "not_recognisable", "face.none"}
    for change, said in decisions.items():
        assert said.count("no_match") == max(len(full.usable(change)) - 1, 0)


def test_nobody_is_verified_as_another_person(full: Hard, candidates: dict[Name, list[Any]]) -> None:
    """Not even as the most similar one, whose other pictures are enrolled too."""
    strangers = {
        name: next(one["external_id"] for one in candidates[name] if one["external_id"] != name[1])
        for name in full.pictures.keys() - full.refused
    }
    said = in_parallel(
        lambda name: full.post(f"/people/{full.numbers[strangers[name]]}/verify", name)["decision"], strangers
    )
    assert [name for name, decision in zip(strangers, said, strict=True) if decision != "no_match"] == []


def test_ekyc_compares_strangers(full: Hard) -> None:
    ekyc = Ekyc(full.live, full.key)
    # Every seventh pair: what decides here too has seen all of them.
    pairs = [(full.pictures[one], full.pictures[other]) for one, other in full.pairs()[::7]]
    answers = in_parallel(lambda pair: ekyc.compare(*pair)["compare_result"], pairs)
    assert set(answers) == {"DO_NOT_MATCH"}


def test_screening_alarms_for_nobody_else(full: Hard) -> None:
    ids = {who: full.api.enlist(who, full.pictures["upright", who]).json()["id"] for who in full.numbers}
    listed = {str(number): who for who, number in ids.items()}
    turned = [name for turn in TURNS for name in full.of(turn)]
    assert full.screened(turned, listed) == {(*name, name[1]) for name in turned}
    for who, number in ids.items():
        more = [full.pictures[change, who] for change in CHANGES if (change, who) not in full.refused]
        assert full.api.add(number, *more[1:]).ok
    assert wrong(full.screened(list(full.pictures), listed)) == set()


def test_albums_and_faceanalysis_join_nobody_else(hard: Hard) -> None:
    program = Program(hard.live, "hard", "correct horse", hard.key)

    def add(name: Name) -> str:
        return program.add(f"{'-'.join(name).replace(' ', '_')}.jpg", hard.pictures[name])

    ids = dict(zip(in_parallel(add, hard.pictures), hard.pictures, strict=True))
    program.wait(*ids)
    found = in_parallel(lambda image: {ids[other] for other in program.matches(image)}, ids)
    matches = dict(zip(ids.values(), found, strict=True))
    assert wrong((*name, who) for name, others in matches.items() for _, who in others) == set()
    assert all(matches["upright", who] >= {(turn, who) for turn in TURNS} for who in hard.numbers)
    [album] = program.native("")["items"]
    groups = program.native(f"{album['id']}/groups/?limit=100")
    images = program.native(f"{album['id']}/images/?limit=100")["items"]
    images += program.native(f"{album['id']}/images/?limit=100&offset=100")["items"]
    whose = {image["id"]: ids[image["external_id"]][1] for image in images}
    assert groups["total_items"] == len(groups["items"])
    assert all(len({whose[face["image_id"]] for face in group["faces"]}) == 1 for group in groups["items"])
