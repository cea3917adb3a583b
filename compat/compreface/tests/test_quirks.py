"""CF-90 to CF-95, and the parameters: what clients send that nobody would expect."""

from __future__ import annotations

import pytest

from compat.compreface.tests.conftest import DRAWN, Stocked, World
from compat.compreface.tests.wire import DETECT, FACES, RECOGNISE, SUBJECTS

pytestmark = pytest.mark.django_db


def test_cf_90_plugins_undefined(stocked: Stocked) -> None:
    answer = stocked.caller.image(f"{RECOGNISE}?face_plugins=undefined&det_prob_threshold=0.8", stocked.world.ann)
    assert answer.status == 200 and list(answer.body["result"][0]) == ["box", "subjects"]


def test_cf_91_the_python_sdk(stocked: Stocked) -> None:
    query = "&limit=0&det_prob_threshold=0.8&prediction_count=2&face_plugins=age,gender&status=True"
    answer = stocked.caller.image(f"{RECOGNISE}?{query}", stocked.world.ann)
    assert list(answer.body) == ["result", "plugins_versions"]
    assert len(answer.body["result"][0]["subjects"]) == 2


def test_cf_91_a_subject_ends_where_their_query_does(world: World) -> None:
    answer = world.caller.image(f"{FACES}?subject=Jane%20Doe%20& Co".replace(" ", "%20"), world.ann)
    assert (answer.status, answer.body["subject"]) == (201, "Jane Doe ")


def test_cf_92_the_javascript_sdk(world: World) -> None:
    answer = world.caller.image(f"{FACES}?subject=Jane%20Doe?det_prob_threshold=0.9", world.ann)
    assert (answer.status, answer.body["subject"]) == (201, "Jane Doe")
    image = answer.body["image_id"]
    verified = world.caller.image(f"{FACES}/{image}/verify?det_prob_threshold=0.8?status=true", world.ann)
    assert list(verified.body) == ["result", "plugins_versions"]
    kept = world.caller.image(f"{FACES}?subject=Who%3Fstatus=x&det_prob_threshold=0.1", world.bob)
    assert kept.body["subject"] == "Who?status=x"


def test_cf_93_a_type_without_a_body(world: World) -> None:
    world.caller.json(SUBJECTS, {"subject": "Cleo"})
    assert world.caller.call("GET", SUBJECTS, kind="application/json").body == {"subjects": ["Cleo"]}
    assert world.caller.call("DELETE", f"{SUBJECTS}/Cleo", kind="application/json").body == {"subject": "Cleo"}


def test_cf_95_a_stranger_is_no_confident_match(stocked: Stocked) -> None:
    """Nobody is left out for being far, and only whom we decide to be the same has half or more."""
    caller, world = stocked.caller, stocked.world
    result = caller.image(f"{RECOGNISE}?prediction_count=-1&extended=true", world.both).body
    assert list(result) == ["result", "model"]
    for face in result["result"]:
        assert len(face["subjects"]) == 2
        for one in face["subjects"]:
            assert one["threshold"] == 0.5
            assert one["match"] == (one["similarity"] >= 0.5)
    [same] = caller.image(RECOGNISE, world.ann).body["result"]
    assert same["subjects"][0]["similarity"] > 0.99


@DRAWN
def test_limit(world: World) -> None:
    answer = world.caller.image(f"{DETECT}?limit=-1", world.ann)
    assert answer.body == {"message": "Limit should be equal or greater than 0; ", "code": 26}


@DRAWN
@pytest.mark.parametrize("count", ["0", "-2"])
def test_prediction_count(stocked: Stocked, count: str) -> None:
    answer = stocked.caller.image(f"{RECOGNISE}?prediction_count={count}", stocked.world.ann)
    assert answer.body == {"message": "prediction_count should be equal or greater than 1; ", "code": 26}


@DRAWN
@pytest.mark.parametrize("threshold", ["1", "1.5", "-0.1", "nan", "inf"])
def test_a_threshold_that_no_face_exceeds(stocked: Stocked, threshold: str) -> None:
    answer = stocked.caller.image(f"{DETECT}?det_prob_threshold={threshold}", stocked.world.ann)
    assert answer.body == {"message": "No face is found in the given image", "code": 28}
    added = stocked.caller.image(f"{FACES}?subject=x&det_prob_threshold={threshold}", stocked.world.ann)
    assert added.error == (400, 28)


@DRAWN
def test_an_image_that_is_one_face(stocked: Stocked) -> None:
    [face] = stocked.caller.image(f"{RECOGNISE}?detect_faces=false", stocked.world.both).body["result"]
    assert face["box"]["probability"] == 1.0
    assert (face["box"]["x_min"], face["box"]["y_min"]) == (0, 0)


@DRAWN
def test_examples_are_counted_rather_than_subjects(world: World) -> None:
    for data in (world.ann, world.ann_again):
        world.caller.add("Ann", data)
    world.caller.add("Bob", world.bob)
    [face] = world.caller.image(f"{RECOGNISE}?prediction_count=2", world.ann).body["result"]
    assert [one["subject"] for one in face["subjects"]] == ["Ann", "Ann"]
