"""CF-20 to CF-24, CF-60 to CF-73 and CF-80 to CF-85: images, who is on them, and embeddings."""

from __future__ import annotations

import base64
import io
import uuid
from typing import Any

import pytest
from PIL import Image

from compat.compreface.tests.conftest import Stocked, World
from compat.compreface.tests.wire import DETECT, EMBEDDINGS, FACES, RECOGNISE, VERIFY

pytestmark = pytest.mark.django_db
NO_FACE = {"message": "No face is found in the given image", "code": 28}
UNUSED = str(uuid.uuid4())


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def named(result: list[Any]) -> list[str]:
    """Who is named first for each face."""
    return [face["subjects"][0]["subject"] for face in result]


@pytest.mark.parametrize(("kind", "name"), [("BMP", "x.txt"), ("TIFF", "x"), ("WEBP", "x.docx"), ("GIF", "ä.gif")])
def test_cf_20_formats_by_content(stocked: Stocked, kind: str, name: str) -> None:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(stocked.world.ann)).convert("RGB").save(buffer, kind)
    assert stocked.caller.form(DETECT, {"file": buffer.getvalue()}, name=name).status == 200


def test_cf_21_no_image(world: World) -> None:
    answer = world.caller.form(RECOGNISE, {"picture": world.nobody})
    assert (answer.status, answer.body) == (400, {"message": "Required part file is missing", "code": 34})
    for body in ({}, {"file": ""}, {"file": 7}, []):
        answer = world.caller.json(RECOGNISE, body)
        assert (answer.status, answer.body) == (400, {"message": "Field content cannot be empty", "code": 5})


def test_cf_22_base64(stocked: Stocked) -> None:
    caller, ann = stocked.caller, stocked.world.ann
    for text in ("!?", "https://images.example/ann.jpg", "/etc/passwd.txt"):
        answer = caller.json(RECOGNISE, {"file": text})
        assert (answer.status, answer.body) == (400, {"message": "Provided value is not Base64", "code": 21})
    for text in (encoded(ann), f"data:image/png;base64,{encoded(ann)}"):
        assert named(caller.json(RECOGNISE, {"file": text}).body["result"]) == ["Ann"]


def test_cf_23_no_image_at_all(world: World) -> None:
    for data in (b"no image", world.ann[:60], b""):
        answer = world.caller.image(RECOGNISE, data)
        assert answer.body == NO_FACE and answer.status == 400
    assert world.caller.json(RECOGNISE, {"file": encoded(b"no image at all")}).body == NO_FACE


def test_cf_24_boxes_in_pixels_of_the_original(stocked: Stocked) -> None:
    picture = Image.open(io.BytesIO(stocked.world.ann)).convert("RGB")
    buffer = io.BytesIO()
    picture.resize((picture.width * 3, picture.height * 3)).save(buffer, "PNG")
    small, large = (
        stocked.caller.image(DETECT, data).body["result"][0]["box"]["x_max"]
        for data in (stocked.world.ann, buffer.getvalue())
    )
    assert large == pytest.approx(3 * small, rel=0.1)


def test_cf_60_who_is_on_an_image(stocked: Stocked) -> None:
    answer = stocked.caller.image(f"{RECOGNISE}?limit=0&prediction_count=2", stocked.world.both)
    assert answer.status == 200 and list(answer.body) == ["result"]
    assert sorted(named(answer.body["result"])) == ["Ann", "Bob"]
    for face in answer.body["result"]:
        assert list(face) == ["box", "subjects"]
        first, second = face["subjects"]
        assert list(first) == ["subject", "similarity"]
        assert first["similarity"] > 0.5 > second["similarity"]


def test_cf_61_what_is_not_asked_for_is_absent(stocked: Stocked) -> None:
    [face] = stocked.caller.image(f"{RECOGNISE}?face_plugins=mask,age,gender,unknown", stocked.world.ann).body["result"]
    assert list(face) == ["box", "subjects"]
    assert list(face["box"]) == ["probability", "x_max", "y_max", "x_min", "y_min"]
    assert all(type(face["box"][edge]) is int for edge in ("x_max", "y_max", "x_min", "y_min"))
    assert face["box"]["probability"] == round(face["box"]["probability"], 5)


def test_cf_62_embeddings(stocked: Stocked) -> None:
    [face] = stocked.caller.image(f"{RECOGNISE}?face_plugins=calculator", stocked.world.ann).body["result"]
    assert list(face) == ["embedding", "box", "subjects"]
    assert all(type(one) is float for one in face["embedding"])
    [alone] = stocked.caller.image(f"{DETECT}?face_plugins=calculator", stocked.world.ann).body["result"]
    assert alone["embedding"] == pytest.approx(face["embedding"], abs=5e-3)


def test_cf_63_landmarks(stocked: Stocked) -> None:
    [face] = stocked.caller.image(f"{RECOGNISE}?face_plugins=landmarks", stocked.world.ann).body["result"]
    if "landmarks" not in face:  # drawn faces have two points
        assert not stocked.caller.url
        return
    left, right, nose, mouth_left, mouth_right = face["landmarks"]
    assert left[0] < nose[0] < right[0] and mouth_left[0] < mouth_right[0]
    assert max(left[1], right[1]) < nose[1] < min(mouth_left[1], mouth_right[1])
    assert all(type(value) is int for point in face["landmarks"] for value in point)


@pytest.mark.parametrize("plugin", ["age", "gender", "mask"], ids=["cf_64", "cf_65", "cf_66"])
def test_absent_unless_an_administrator_switched_it_on(stocked: Stocked, plugin: str) -> None:
    for path in (RECOGNISE, DETECT):
        [face] = stocked.caller.image(f"{path}?face_plugins={plugin}", stocked.world.ann).body["result"]
        assert plugin not in face


def test_cf_67_pose(stocked: Stocked) -> None:
    [face] = stocked.caller.image(f"{RECOGNISE}?face_plugins=pose", stocked.world.ann).body["result"]
    if "pose" not in face:
        assert not stocked.caller.url
        return
    assert list(face["pose"]) == ["pitch", "roll", "yaw"]
    assert all(abs(value) < 40 for value in face["pose"].values())


def test_cf_68_the_largest_face_and_the_nearest_subject_come_first(stocked: Stocked) -> None:
    result = stocked.caller.image(f"{RECOGNISE}?prediction_count=5", stocked.world.both).body["result"]
    areas = [
        (one["box"]["x_max"] - one["box"]["x_min"]) * (one["box"]["y_max"] - one["box"]["y_min"]) for one in result
    ]
    assert areas == sorted(areas, reverse=True)
    for face in result:
        numbers = [one["similarity"] for one in face["subjects"]]
        assert numbers == sorted(numbers, reverse=True) == [round(one, 5) for one in numbers]
    one = stocked.caller.image(f"{RECOGNISE}?limit=1", stocked.world.both).body["result"]
    assert [face["box"] for face in one] == [result[0]["box"]]


def test_cf_69_no_face_and_nobody_known(world: World) -> None:
    assert world.caller.image(RECOGNISE, world.nobody).body == NO_FACE
    [face] = world.caller.image(RECOGNISE, world.ann).body["result"]
    assert face["subjects"] == []


def test_cf_70_versions_and_times(stocked: Stocked) -> None:
    for status in ("True", "on", "1"):
        answer = stocked.caller.image(f"{RECOGNISE}?status={status}", stocked.world.ann).body
        assert list(answer) == ["result", "plugins_versions"]
        assert all(value.startswith("faceapp.") for value in answer["plugins_versions"].values())
        assert answer["result"][0]["execution_time"]["detector"] >= 0
    assert list(stocked.caller.image(f"{RECOGNISE}?status=false", stocked.world.ann).body) == ["result"]


def test_cf_71_an_image_against_an_example(stocked: Stocked) -> None:
    caller, path = stocked.caller, f"{FACES}/{stocked.ann}/verify"
    result = caller.image(f"{path}?limit=0", stocked.world.both).body["result"]
    assert [face["subject"] for face in result] == ["Ann", "Ann"]
    assert sorted(face["similarity"] > 0.5 for face in result) == [False, True]
    unknown = caller.image(f"{FACES}/{UNUSED}/verify", stocked.world.ann)
    assert (unknown.status, unknown.body) == (404, {"message": "Image Id is incorrect", "code": 44})
    assert stocked.world.other.image(path, stocked.world.ann).error == (404, 44)
    assert caller.image(path, stocked.world.nobody).body == NO_FACE


def test_cf_72_embeddings_are_recognised(stocked: Stocked) -> None:
    caller = stocked.caller
    result = caller.image(f"{RECOGNISE}?face_plugins=calculator", stocked.world.both).body["result"]
    sent = [face["embedding"] for face in result]
    answer = caller.json(f"{EMBEDDINGS}?prediction_count=2", {"embeddings": sent}).body["result"]
    assert [one["embedding"] for one in answer] == sent
    assert [one["similarities"][0]["subject"] for one in answer] == named(result)
    assert all(len(one["similarities"]) == 2 for one in answer)
    for body in ({}, {"embeddings": []}, {"embeddings": None}):
        empty = caller.json(EMBEDDINGS, body)
        assert (empty.status, empty.body) == (400, {"message": "Field embeddings cannot be empty", "code": 5})
    for wrong in ([1.0, 2.0], ["x"], "x", [1e300], []):
        assert caller.json(EMBEDDINGS, {"embeddings": [wrong]}).error == (400, 37)


def test_cf_73_embeddings_against_an_example(stocked: Stocked) -> None:
    caller = stocked.caller
    result = caller.image(f"{RECOGNISE}?face_plugins=calculator", stocked.world.both).body["result"]
    sent = {face["subjects"][0]["subject"]: face["embedding"] for face in result}
    path = f"recognition/embeddings/faces/{stocked.ann}/verify"
    answer = caller.json(path, {"embeddings": [sent["Bob"], sent["Ann"]]}).body["result"]
    assert [one["embedding"] for one in answer] == [sent["Ann"], sent["Bob"]]
    assert answer[0]["similarity"] > 0.5 > answer[1]["similarity"]
    assert caller.json(path.replace(stocked.ann, UNUSED), {"embeddings": [sent["Ann"]]}).error == (404, 44)


def test_cf_80_detection(stocked: Stocked) -> None:
    answer = stocked.caller.image(f"{DETECT}?status=true", stocked.world.both)
    assert list(answer.body) == ["result", "plugins_versions"] and len(answer.body["result"]) == 2
    assert all(list(face) == ["box", "execution_time"] for face in answer.body["result"])
    assert stocked.caller.image(DETECT, stocked.world.nobody).body == NO_FACE


def test_cf_81_verification(stocked: Stocked) -> None:
    caller, world = stocked.caller, stocked.world
    parts = {"source_image": world.ann, "target_image": world.both}
    answer = caller.form(f"{VERIFY}?status=true", parts)
    assert answer.status == 200 and list(answer.body) == ["result"]
    [pair] = answer.body["result"]
    assert list(pair) == ["source_image_face", "face_matches", "plugins_versions"]
    assert list(pair["source_image_face"]) == ["box", "execution_time"]
    assert sorted(face["similarity"] > 0.5 for face in pair["face_matches"]) == [False, True]
    as_json = caller.json(VERIFY, {name: encoded(data) for name, data in parts.items()})
    assert as_json.body["result"][0]["face_matches"][0]["box"] == pair["face_matches"][0]["box"]


def test_cf_82_verification_of_one_face(stocked: Stocked) -> None:
    caller, world = stocked.caller, stocked.world
    several = caller.form(VERIFY, {"source_image": world.both, "target_image": world.ann})
    assert several.body == {"message": "More than one face in the source image", "code": 31}
    limited = caller.form(f"{VERIFY}?limit=1", {"source_image": world.both, "target_image": world.both})
    assert len(limited.body["result"][0]["face_matches"]) == 1
    for source, target in ((world.nobody, world.ann), (world.ann, world.nobody)):
        assert caller.form(VERIFY, {"source_image": source, "target_image": target}).body == NO_FACE


def test_cf_83_a_missing_part(world: World) -> None:
    answer = world.caller.form(VERIFY, {"target_image": world.ann})
    assert (answer.status, answer.body) == (400, {"message": "Required part source_image is missing", "code": 34})
    answer = world.caller.json(VERIFY, {"target_image": encoded(world.ann)})
    assert (answer.status, answer.body) == (400, {"message": "Field sourceImageBase64 cannot be empty", "code": 5})


def test_cf_84_a_count_that_does_nothing(stocked: Stocked) -> None:
    parts = {"source_image": stocked.world.ann, "target_image": stocked.world.ann_again}
    assert len(stocked.caller.form(f"{VERIFY}?prediction_count=0", parts).body["result"]) == 1


def test_cf_85_verification_of_embeddings(stocked: Stocked) -> None:
    caller, path = stocked.caller, "verification/embeddings/verify"
    result = caller.image(f"{DETECT}?face_plugins=calculator", stocked.world.both).body["result"]
    one, other = (face["embedding"] for face in result)
    answer = caller.json(path, {"source": one, "targets": [other, one]}).body["result"]
    assert [each["embedding"] for each in answer] == [one, other]
    assert answer[0]["similarity"] > 0.99 and answer[1]["similarity"] < 0.5
    assert caller.json(path, {"targets": [one]}).error == (400, 5)
    assert caller.json(path, {"source": one}).error == (400, 5)
    few = caller.json(path, {"source": one, "targets": []})
    assert (few.status, few.body["code"]) == (400, 37)
    assert few.body["message"] == "2 embeddings were expected, but 1 were provided"
