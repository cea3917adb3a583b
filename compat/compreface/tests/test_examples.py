"""CF-30 to CF-41: examples of subjects."""

from __future__ import annotations

import base64
import uuid

import pytest

from compat.compreface.tests.conftest import Stocked, World
from compat.compreface.tests.wire import FACES, RECOGNISE, SUBJECTS

pytestmark = pytest.mark.django_db
NO_FACE = {"message": "No face is found in the given image", "code": 28}


def test_cf_30_adding_an_example(world: World) -> None:
    caller = world.caller
    answer = caller.image(f"{FACES}?subject=Bob", world.bob)
    assert answer.status == 201 and list(answer.body) == ["image_id", "subject"]
    assert answer.body == {"image_id": str(uuid.UUID(answer.body["image_id"])), "subject": "Bob"}
    again = caller.json(f"{FACES}?subject=bOB", {"file": base64.b64encode(world.bob_again).decode()})
    assert (again.status, again.body["subject"]) == (201, "bOB")
    assert caller.get(SUBJECTS).body == {"subjects": ["Bob"]}
    assert caller.get(FACES).body["total_elements"] == 2


def test_cf_31_more_than_one_face(world: World) -> None:
    answer = world.caller.image(f"{FACES}?subject=Both", world.both)
    assert (answer.status, answer.body) == (400, {"message": "More than one face in the source image", "code": 31})
    assert world.caller.get(SUBJECTS).body == {"subjects": []}


def test_cf_32_no_face(world: World) -> None:
    answer = world.caller.image(f"{FACES}?subject=Nobody", world.nobody)
    assert (answer.status, answer.body) == (400, NO_FACE)


def test_cf_33_no_subject(world: World) -> None:
    answer = world.caller.image(FACES, world.ann)
    assert (answer.status, answer.body) == (400, {"message": "Required parameter subject is missing", "code": 33})
    for blank in ("", "%20%09"):
        answer = world.caller.image(f"{FACES}?subject={blank}", world.ann)
        assert (answer.status, answer.body) == (400, {"message": "Subject name is empty; ", "code": 26})


def test_cf_34_any_name_in_the_query(world: World) -> None:
    name = "a/b;c\\d & e" + "x" * 200
    world.caller.add(name, world.ann)
    found = world.caller.image(RECOGNISE, world.ann).body["result"][0]["subjects"]
    assert found[0]["subject"] == name
    assert world.caller.image(f"{FACES}?subject={'x' * 600}", world.ann).error == (400, 26)
    assert world.caller.image(f"{FACES}?subject=a%00b", world.ann).error == (400, 26)


def test_cf_35_pages_of_examples(stocked: Stocked) -> None:
    caller = stocked.caller
    ann, bob = {"image_id": stocked.ann, "subject": "Ann"}, {"image_id": stocked.bob, "subject": "Bob"}
    shape = {"page_number": 0, "page_size": 20, "total_pages": 1, "total_elements": 2}
    assert caller.get(FACES).body == {"faces": [ann, bob], **shape}
    second = caller.get(f"{FACES}?page=1&size=1&sort=id").body
    assert second == {"faces": [bob], "page_number": 1, "page_size": 1, "total_pages": 2, "total_elements": 2}
    assert caller.get(f"{FACES}?subject=Bob").body["faces"] == [bob]
    empty = {"faces": [], "page_number": 0, "page_size": 20, "total_pages": 0, "total_elements": 0}
    assert caller.get(f"{FACES}?subject=bob").body == caller.get(f"{FACES}?subject=Cleo").body == empty
    assert caller.get(f"{FACES}?size=9999&page=x").body["page_size"] == 2000


def test_cf_36_deleting_a_subject_s_examples(world: World) -> None:
    world.enrol()
    assert world.caller.delete(f"{FACES}?subject=Bob").body == {"deleted": 1}
    assert world.caller.get(SUBJECTS).body == {"subjects": ["Ann"]}
    assert world.caller.delete(f"{FACES}?subject=Bob").body == {"deleted": 0}
    assert world.caller.delete(f"{FACES}?subject=").error == (400, 26)
    assert world.caller.get(SUBJECTS).body == {"subjects": ["Ann"]}


def test_cf_37_deleting_all_examples(world: World) -> None:
    world.enrol()
    assert world.caller.delete(FACES).body == {"deleted": 2}
    assert world.caller.get(SUBJECTS).body == {"subjects": []}


def test_cf_38_deleting_one_example(world: World) -> None:
    ann, _ = world.enrol()
    refused = world.other.delete(f"{FACES}/{ann}")
    assert refused.body == {"message": f"Image {ann} not found", "code": 44} and refused.status == 404
    assert world.caller.delete(f"{FACES}/{ann}").body == {"image_id": ann, "subject": "Ann"}
    assert world.caller.delete(f"{FACES}/{ann}").error == (404, 44)
    assert world.caller.get(SUBJECTS).body == {"subjects": ["Ann", "Bob"]}


def test_cf_39_deleting_several_examples(world: World) -> None:
    ann, bob = world.enrol()
    answer = world.caller.json(f"{FACES}/delete", [ann, str(uuid.uuid4()), bob])
    assert answer.status == 200
    assert answer.body == [{"image_id": ann, "subject": "Ann"}, {"image_id": bob, "subject": "Bob"}]
    assert world.caller.json(f"{FACES}/delete", [ann]).body == []
    assert world.caller.json(f"{FACES}/delete", ["x"]).error == (400, 0)
    assert world.caller.json(f"{FACES}/delete", {"ids": []}).error == (400, 5)


def test_cf_40_the_photograph(stocked: Stocked) -> None:
    answer = stocked.caller.get(f"{FACES}/{stocked.ann}/img")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/octet-stream")
    assert answer.content == stocked.world.ann
    assert answer.headers["Cache-Control"] == "private, no-store"
    for caller, image in ((stocked.caller, str(uuid.uuid4())), (stocked.world.other, stocked.ann)):
        missing = caller.get(f"{FACES}/{image}/img")
        assert (missing.status, missing.content) == (200, b"")


def test_cf_41_the_photograph_by_a_key_in_the_path(stocked: Stocked, settings: object) -> None:
    settings.COMPREFACE_STATIC = True  # type: ignore[attr-defined]
    caller = stocked.caller.with_key(None)
    answer = caller.get(f"static/{stocked.caller.key}/images/{stocked.ann}")
    assert (answer.status, answer.content) == (200, stocked.world.ann)
    for key in (str(uuid.uuid4()), stocked.world.other.key, "x"):
        missing = caller.get(f"static/{key}/images/{stocked.ann}")
        assert (missing.status, missing.content) == (200, b"")
