"""Groups that may be one person, groups that somebody has told apart, and the groups of a photograph."""

from __future__ import annotations

import pytest

from albums import curation, resemblance, services
from albums.exceptions import AlbumNotFound, BadGrouping
from albums.models import Album, AlbumFace, ApartGroups, FaceGroup
from albums.resemblance import alike_groups, find_in_album, groups_like
from albums.tests.conftest import Add
from audit.exceptions import SearchingStopped
from audit.models import Record
from audit.services import stop_searching
from calibration.types import Decision
from people.erasure import erase_person
from people.models import Person
from vision.exceptions import UnusableFace
from vision.tests.drawing import BLUE, DIM, GREEN, RED, picture

pytestmark = pytest.mark.django_db

NEAR_RED = (RED[0] - 43, *RED[1:])  # 0.17 from red; a match up to 0.2


@pytest.fixture
def strict(album: Album) -> Album:
    """Faces are linked up to 0.1, so that two reds make two groups that look alike."""
    album.threshold = 0.1
    return services.save_album(album=album, fields=["threshold"])


@pytest.fixture
def two(strict: Album, add: Add) -> tuple[FaceGroup, FaceGroup]:
    """Red, twice, and nearly red; and blue, who looks like nobody."""
    for colours in ((RED,), (RED,), (NEAR_RED,), (BLUE,)):
        add(*colours)
    red, near, _ = FaceGroup.objects.order_by("number")
    return red, near


def pairs(album: Album) -> list[tuple[int, int]]:
    found = alike_groups(album=album).pairs
    return [(one.face.group.number, one.other_face.group.number) for one in found if one.face.group]  # type: ignore[union-attr]


def like(group: FaceGroup) -> list[int]:
    return [one.other_face.group.number for one in groups_like(group=group) if one.other_face.group]


def sizes(album: Album) -> dict[int, int]:
    return dict(FaceGroup.objects.of_album(album).with_size().values_list("number", "size"))


def numbers(group: FaceGroup) -> list[int]:
    return list(group.faces.order_by("number").values_list("number", flat=True))


# ---- the same person? -------------------------------------------------------------------------------------------
def test_groups_that_are_near_but_not_linked_are_suggested(strict: Album, two: tuple[FaceGroup, FaceGroup]) -> None:
    red, near = two
    found = alike_groups(album=strict)
    assert (len(found.pairs), found.compared, found.groups) == (1, 3, 3)
    assert found.pairs[0].comparison.distance == pytest.approx(0.17, abs=0.01)
    assert pairs(strict) == [(red.number, near.number)]
    assert (like(red), like(near)) == ([near.number], [red.number])
    record = Record.objects.filter(action="match").latest("pk")
    assert record.objects_named == [f"album:{strict.number}", f"group:{near.number}", f"group:{red.number}"]
    assert record.threshold == pytest.approx(0.2)


def test_who_was_told_apart_is_not_suggested_again(strict: Album, two: tuple[FaceGroup, FaceGroup], add: Add) -> None:
    red, near = two
    curation.tell_apart(group=near, other=red.number)
    curation.tell_apart(group=red, other=near.number)  # said twice, kept once
    assert ApartGroups.objects.count() == 1
    assert (pairs(strict), like(red), like(near)) == ([], [], [])
    add((RED[0] - 21, *RED[1:]))  # lies between both, and would have had them clustered as one
    assert sorted(sizes(strict).values()) == [1, 1, 3]
    curation.forget_apart(group=near, other=red.number)
    assert pairs(strict) == [(red.number, near.number)]


def test_what_was_said_of_a_group_holds_for_the_one_it_is_merged_into(
    strict: Album, two: tuple[FaceGroup, FaceGroup]
) -> None:
    red, near = two
    blue = FaceGroup.objects.latest("number")
    curation.tell_apart(group=near, other=red.number)
    curation.merge_groups(group=blue, others=[near.number])
    assert (pairs(strict), like(red)) == ([], [])
    curation.merge_groups(group=red, others=[blue.number])  # they are, after all
    assert not ApartGroups.objects.exists()


def test_two_named_groups_are_not_suggested(strict: Album, two: tuple[FaceGroup, FaceGroup]) -> None:
    for group in two:
        assert pairs(strict)
        curation.name_group(group=group, name="Rose")
    assert pairs(strict) == []


def test_large_albums_compare_the_largest_groups(
    strict: Album, two: tuple[FaceGroup, FaceGroup], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resemblance, "MOST_COMPARED", 2)
    found = alike_groups(album=strict)
    assert (found.pairs, found.compared, found.groups) == ([], 1, 3)
    assert like(two[1]) == [two[0].number]  # one group is compared with every face


def test_nothing_is_compared_while_searching_is_stopped(strict: Album, two: tuple[FaceGroup, FaceGroup]) -> None:
    stop_searching(client_id=strict.client_id)
    for ask in (
        lambda: alike_groups(album=strict),
        lambda: groups_like(group=two[0]),
        lambda: find_in_album(album=strict, data=picture(RED)),
    ):
        with pytest.raises(SearchingStopped):
            ask()


# ---- moving faces -----------------------------------------------------------------------------------------------
def test_faces_are_moved_and_an_emptied_group_goes(strict: Album, two: tuple[FaceGroup, FaceGroup]) -> None:
    red, near = two
    first, second = numbers(red)
    curation.move_faces(group=red, faces=[first], to=near.number)
    assert (numbers(red), first in numbers(near)) == ([second], True)
    curation.move_faces(group=red, faces=[second], to=near.number)
    assert red.number not in sizes(strict)
    assert all(FaceGroup.objects.filter(number=near.number).values_list("is_curated", flat=True))
    with pytest.raises(AlbumNotFound):
        curation.move_faces(group=red, faces=[second], to=near.number)


def test_faces_that_are_not_the_person_get_groups_of_their_own(strict: Album, add: Add) -> None:
    for _ in range(4):
        add(RED)
    [red] = FaceGroup.objects.all()
    wrong = numbers(red)[:2]
    new = curation.take_out(group=red, faces=wrong)
    assert sorted(sizes(strict).values()) == [1, 1, 2]
    assert [numbers(one) for one in new] == [[face] for face in wrong]
    alike = [one.number for one in new]
    assert like(red) == [] and like(new[0]) == [alike[1]]  # of each other, nobody has said anything
    parted = curation.split_group(group=red, faces=numbers(red)[:1])
    assert parted.number not in like(red)


def test_what_cannot_be_moved_is_refused(strict: Album, two: tuple[FaceGroup, FaceGroup], client_a: object) -> None:
    red, near = two
    every, strange = numbers(red), numbers(near)
    before = sizes(strict)
    for faces, to in (
        ([], near.number),
        (strange, near.number),
        (every[:1], 999),
        (every[:1], red.number),
        ([*every, 999], near.number),
    ):
        with pytest.raises(BadGrouping):
            curation.move_faces(group=red, faces=faces, to=to)
    for faces in (every, [], strange):
        with pytest.raises(BadGrouping):
            curation.take_out(group=red, faces=faces)
    for other in (red.number, 999):
        with pytest.raises(BadGrouping):
            curation.tell_apart(group=red, other=other)
    curation.name_group(group=red, name="Rose")
    with pytest.raises(BadGrouping):
        curation.move_faces(group=red, faces=every, to=near.number)  # a named group keeps a face
    assert sizes(strict) == before


# ---- a photograph -----------------------------------------------------------------------------------------------
def test_the_groups_of_a_photograph_are_found(strict: Album, two: tuple[FaceGroup, FaceGroup]) -> None:
    red, near = two
    faces = {one.decision: one for one in find_in_album(album=strict, data=picture(RED, GREEN, DIM))}
    assert set(faces) == {Decision.MATCH, Decision.NO_MATCH, Decision.NOT_RECOGNISABLE}
    groups = [one.face.group for one in faces[Decision.MATCH].near]
    assert groups == [red, near]
    assert [one.comparison.decision for one in faces[Decision.MATCH].near] == [Decision.MATCH, Decision.REVIEW]
    assert not faces[Decision.NO_MATCH].near and not faces[Decision.NOT_RECOGNISABLE].near
    assert AlbumFace.objects.count() == 4  # nothing was stored
    record = Record.objects.get(action="search")
    assert (record.results, record.objects_named[0]) == (2, f"album:{strict.number}")
    with pytest.raises(UnusableFace):
        find_in_album(album=strict, data=picture())


def test_albums_and_clients_do_not_mix(strict: Album, two: tuple[FaceGroup, FaceGroup], client_b: object) -> None:
    other = services.create_album(client=client_b, name="theirs")  # type: ignore[arg-type]
    [found] = find_in_album(album=other, data=picture(RED))
    assert not found.near and alike_groups(album=other).pairs == []


def test_erasing_a_person_forgets_who_was_told_apart_from_her(strict: Album, two: tuple[FaceGroup, FaceGroup]) -> None:
    red, near = two
    curation.name_group(group=red, name="Rose")
    curation.tell_apart(group=red, other=near.number)
    erase_person(person=Person.objects.get())
    assert not ApartGroups.objects.exists()
