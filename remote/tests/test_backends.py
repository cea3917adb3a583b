"""What every back end keeps of the contract, on real faces: stand-ins of the vendors, and our own endpoint for AWS."""

from __future__ import annotations

import io
import uuid
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from recognition.tests.photographs import faceless, jpeg, reduced, side_by_side
from remote.contract import RemoteFace
from remote.exceptions import CollectionGone, NoRemoteFace
from remote.fitting import fitted
from remote.scores import POINT
from remote.tests.stand_ins import cases
from remote.tests.stand_ins.cases import Case

pytestmark = pytest.mark.models
PEOPLE = {"obama": ("obama_1.jpg", "obama_2.jpg"), "rose": ("rose_1.jpg", "rose_2.jpg"),
          "biden": ("biden_1.jpg", "biden_2.jpg")}  # fmt: skip


@pytest.fixture(scope="module")
def portraits(real_faces: Path) -> dict[str, tuple[bytes, bytes]]:
    return {
        who: (reduced(real_faces / one, 480), reduced(real_faces / other, 480)) for who, (one, other) in PEOPLE.items()
    }


@pytest.fixture(scope="module")
def collection(case: Case) -> str:
    return case.new_collection()


@pytest.fixture(scope="module")
def enrolled(case: Case, collection: str, portraits: dict[str, tuple[bytes, bytes]]) -> dict[str, RemoteFace]:
    """The first photograph of each person."""
    return dict(zip(portraits, case.enrol(collection, *(one for one, _ in portraits.values())), strict=True))


def test_everybody_is_found_by_another_photograph(
    case: Case,
    collection: str,
    enrolled: dict[str, RemoteFace],
    portraits: dict[str, tuple[bytes, bytes]],
) -> None:
    """On our scale, on the right side of our point: 3 true pairs, 6 of strangers."""
    for who, (_, other) in portraits.items():
        found = case.similarities(collection, other)
        above = [own_id for own_id, similarity in found.items() if similarity >= POINT]
        assert above == [enrolled[who].own_id], (who, found)


def test_the_ends_of_the_scale(
    case: Case,
    collection: str,
    enrolled: dict[str, RemoteFace],
    portraits: dict[str, tuple[bytes, bytes]],
) -> None:
    found = case.similarities(collection, portraits["rose"][0])
    assert found.pop(enrolled["rose"].own_id) == pytest.approx(1.0, abs=5e-3)
    assert all(0.0 <= one < 0.6 for one in found.values())


def test_hits_are_ordered_limited_and_above_the_score(
    case: Case,
    collection: str,
    enrolled: dict[str, RemoteFace],
    portraits: dict[str, tuple[bytes, bytes]],
) -> None:
    probe, search = portraits["obama"][1], case.backend.search
    every = search(collection, probe, limit=10, score=0.0)
    assert {hit.face for hit in every} <= set(enrolled.values())
    assert [hit.score for hit in every] == sorted((hit.score for hit in every), reverse=True)
    assert all(0.0 <= hit.score <= case.abilities.largest_score for hit in every)
    assert [hit.face for hit in search(collection, probe, limit=1, score=0.0)] == [enrolled["obama"]]
    at_point = search(collection, probe, limit=10, score=case.abilities.score_at_point)
    assert [hit.face for hit in at_point] == [enrolled["obama"]]
    assert search(collection, probe, limit=10, score=case.abilities.largest_score) == []


def test_the_largest_face_is_searched_and_enrolled(
    case: Case, collection: str, enrolled: dict[str, RemoteFace], real_faces: Path
) -> None:
    with Image.open(real_faces / "rose_1.jpg") as picture:
        picture.thumbnail((240, 240))
        small = jpeg(picture)
    group = jpeg(beside(real_faces / "obama_2.jpg", Image.open(io.BytesIO(small))))
    [hit] = case.backend.search(collection, group, limit=1, score=0.0)
    assert hit.face == enrolled["obama"]
    other = case.new_collection()
    [face] = case.enrol(other, group)
    assert [
        hit.face for hit in case.backend.search(other, reduced(real_faces / "obama_1.jpg", 480), limit=9, score=0)
    ] == [face]


def beside(file: Path, other: Image.Image) -> Image.Image:
    with Image.open(io.BytesIO(side_by_side(file, height=500))) as large:
        row = Image.new("RGB", (large.width + other.width, 500), (90, 90, 90))
        row.paste(large, (0, 0))
        row.paste(other, (large.width, 0))
    return row


def test_no_face_is_no_result(
    case: Case, collection: str, enrolled: dict[str, RemoteFace], portraits: dict[str, tuple[bytes, bytes]]
) -> None:
    nobody, somebody = faceless(), portraits["rose"][0]
    assert case.backend.search(collection, nobody, limit=5, score=0.0) == []
    assert case.backend.compare(nobody, somebody) is None
    assert case.backend.compare(somebody, nobody) is None
    with pytest.raises(NoRemoteFace) as caught:
        case.backend.add(collection, nobody, str(uuid.uuid4()), is_first=True)
    assert caught.value.code == "remote.no_face"
    assert set(case.backend.faces(collection)) == set(enrolled.values())


def test_comparing(case: Case, portraits: dict[str, tuple[bytes, bytes]]) -> None:
    def similarity(one: bytes, other: bytes) -> float:
        score = case.backend.compare(one, other)
        assert score is not None
        return case.scale.similarity_of(score)

    for one, other in portraits.values():
        assert similarity(one, other) >= POINT
        assert similarity(one, one) == pytest.approx(1.0, abs=5e-3)
    assert similarity(portraits["obama"][0], portraits["rose"][0]) < 0.6
    assert similarity(portraits["rose"][0], portraits["biden"][0]) < 0.6


def test_repeated_calls_change_nothing(case: Case, portraits: dict[str, tuple[bytes, bytes]]) -> None:
    collection, own_id = case.new_collection(), str(uuid.uuid4())
    case.backend.ensure(collection)
    one, other = (fitted(image, case.abilities) for image in portraits["biden"])
    first = case.backend.add(collection, one, own_id)
    case.backend.train(collection)
    wait_until_there(case, collection, first)
    assert case.backend.add(collection, one, own_id) == first
    assert case.backend.find(collection, own_id) == [first]
    [second] = case.enrol(collection, other)
    assert set(case.backend.faces(collection)) == {first, second}
    for _ in range(2):
        case.backend.remove(collection, [first.face_id])
    assert case.backend.find(collection, own_id) == []
    assert [hit.face for hit in case.backend.search(collection, one, limit=9, score=0.0)] == [second]
    case.backend.remove(collection, [first.face_id, second.face_id])
    assert list(case.backend.faces(collection)) == []
    assert case.backend.search(collection, one, limit=9, score=0.0) == []
    for _ in range(2):
        case.backend.drop(collection)


def wait_until_there(case: Case, collection: str, face: RemoteFace) -> None:
    assert any(face in case.backend.find(collection, face.own_id) for _ in range(cases.LAG + 1))


def test_a_collection_that_is_gone(case: Case, portraits: dict[str, tuple[bytes, bytes]]) -> None:
    gone, image = f"c-{uuid.uuid4()}", portraits["rose"][0]
    for call in (
        lambda: case.backend.search(gone, image, limit=1, score=0.0),
        lambda: case.backend.add(gone, image, str(uuid.uuid4()), is_first=True),
        lambda: list(case.backend.faces(gone)),
    ):
        with pytest.raises(CollectionGone) as caught:
            call()
        assert caught.value.code == "remote.collection_gone"
    assert case.backend.find(gone, str(uuid.uuid4())) == []
    case.backend.remove(gone, [str(uuid.uuid4())])
    case.backend.drop(gone)


def test_images_beyond_the_limits_are_made_to_fit(
    case: Case, collection: str, enrolled: dict[str, RemoteFace], real_faces: Path
) -> None:
    """A portrait smaller than the least side, and one of more bytes than are taken: both are found."""
    with Image.open(real_faces / "obama_2.jpg") as picture:
        face = picture.convert("RGB").crop((190, 180, 490, 680))
        small = jpeg(face.resize((60, 100)))
        noise = np.random.default_rng(1).integers(0, 255, (2600, 2600, 3), np.uint8)
        large = Image.fromarray(noise)
        large.paste(face.resize((1200, 2000)), (600, 200))
        buffer = io.BytesIO()
        large.save(buffer, "JPEG", quality=98)
    assert len(buffer.getvalue()) > case.abilities.largest_bytes
    for image in (small, buffer.getvalue()):
        sent = fitted(image, case.abilities)
        with Image.open(io.BytesIO(sent)) as picture:
            assert min(picture.size) >= case.abilities.smallest_side
        assert len(sent) <= case.abilities.largest_bytes
        [hit] = case.backend.search(collection, sent, limit=1, score=0.0)
        assert hit.face == enrolled["obama"]
