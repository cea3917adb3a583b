"""CF-50 to CF-56: subjects."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from compat.compreface.tests.conftest import Stocked, World
from compat.compreface.tests.wire import FACES, RECOGNISE, SUBJECTS

pytestmark = pytest.mark.django_db


def test_cf_50_a_new_subject(world: World) -> None:
    answer = world.caller.json(SUBJECTS, {"subject": "Cleo"})
    assert (answer.status, answer.body) == (201, {"subject": "Cleo"})
    again = world.caller.json(SUBJECTS, {"subject": "cLEO"})
    assert (again.status, again.body) == (400, {"message": "Subject already exists", "code": 43})


def test_cf_51_names_that_are_refused(world: World) -> None:
    special = "The name cannot contain the following special characters: ';', '/', '\\'"
    for name in ("a;b", "a/b", "a\\b"):
        answer = world.caller.json(SUBJECTS, {"subject": name})
        assert (answer.status, answer.body) == (400, {"message": special, "code": 36})
    for body in ({"subject": " "}, {"subject": None}, {}, [], {"subject": 7}):
        answer = world.caller.json(SUBJECTS, body)
        assert (answer.status, answer.body) == (400, {"message": "Subject name cannot be empty", "code": 26})
    answer = world.caller.json(SUBJECTS, {"subject": "x" * 51})
    assert answer.body == {"message": "Subject name size must be between 1 and 50", "code": 26}
    assert world.caller.json(SUBJECTS, {"subject": "x" * 50}).status == 201


def test_cf_52_all_subjects(stocked: Stocked) -> None:
    assert stocked.caller.get(SUBJECTS).body == {"subjects": ["Ann", "Bob"]}
    assert stocked.world.other.get(f"{SUBJECTS}/").body == {"subjects": []}


def test_cf_53_renaming_and_merging(world: World) -> None:
    world.enrol()
    caller = world.caller
    assert caller.json(f"{SUBJECTS}/Ann", {"subject": "Ann"}, "PUT").body == {"updated": False}
    assert caller.json(f"{SUBJECTS}/ann", {"subject": "Anna"}, "PUT").body == {"updated": True}
    assert caller.json(f"{SUBJECTS}/Ann", {"subject": "x"}, "PUT").body == {
        "message": "Subject Ann not found",
        "code": 42,
    }
    assert caller.json(f"{SUBJECTS}/Anna", {"subject": "Bob"}, "PUT").body == {"updated": True}
    assert caller.get(SUBJECTS).body == {"subjects": ["Bob"]}
    assert caller.get(f"{FACES}?subject=Bob").body["total_elements"] == 2
    assert caller.image(RECOGNISE, world.ann).body["result"][0]["subjects"][0]["subject"] == "Bob"
    assert caller.json(f"{SUBJECTS}/Bob", {"subject": "a;b"}, "PUT").error == (400, 36)


def test_cf_54_deleting_a_subject(world: World) -> None:
    world.enrol()
    assert world.other.delete(f"{SUBJECTS}/Bob").error == (404, 42)
    assert world.caller.delete(f"{SUBJECTS}/bob").body == {"subject": "Bob"}
    assert world.caller.delete(f"{SUBJECTS}/Bob").error == (404, 42)
    assert world.caller.get(FACES).body["total_elements"] == 1


def test_cf_55_deleting_all_subjects(world: World) -> None:
    world.caller.json(SUBJECTS, {"subject": "Cleo"})
    world.caller.add("Ann", world.ann)
    assert world.caller.delete(SUBJECTS).body == {"deleted": 2}
    assert world.caller.get(FACES).body["total_elements"] == 0


def test_cf_56_names_in_paths(world: World) -> None:
    for name in ("Zoë X", "a&b", "x[1]", "100%", "Ünal +1", "张伟", "q?page=2"):
        assert world.caller.json(SUBJECTS, {"subject": name}).status == 201
        path = f"{SUBJECTS}/{quote(name)}"
        assert world.caller.json(path, {"subject": f"{name}!"}, "PUT").body == {"updated": True}
        assert world.caller.delete(f"{SUBJECTS}/{quote(name)}%21").body == {"subject": f"{name}!"}


def test_cf_56_names_in_latin_1(world: World) -> None:
    assert world.caller.json(SUBJECTS, {"subject": "Zoë X"}).status == 201
    assert world.caller.delete(f"{SUBJECTS}/Zo%EB%20X").body == {"subject": "Zoë X"}
    world.caller.image(f"{FACES}?subject=Zo%EB%20X", world.ann)
    assert world.caller.get(SUBJECTS).body == {"subjects": ["Zoë X"]}
    assert world.caller.get(f"{FACES}?subject=Zo%C3%AB+X").body["total_elements"] == 1
