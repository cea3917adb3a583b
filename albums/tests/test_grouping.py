"""Faces of one person come into one group, ids stay, and what somebody decided is not undone."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection

from albums import curation
from albums.exceptions import BadGrouping
from albums.grouping import _keep_ids
from albums.models import Album, AlbumFace, AlbumImage, FaceGroup
from albums.tests.conftest import Add
from clients.models import Client
from faceapp.tests.rivals import Rival
from people.exceptions import NoEmbeddingsThere
from people.models import FaceTemplate, Person, ReferenceImage
from vision.clusters import whisper
from vision.tests.drawing import BLUE, GREEN, RED

pytestmark = pytest.mark.django_db
STEP = 40  # of 255: neighbours match, the next but one do not


def groups(album: Album) -> dict[int, list[tuple[int, int]]]:
    """Group id to the (image, index) of its faces."""
    found: dict[int, list[tuple[int, int]]] = {}
    for face in album.faces.order_by("pk"):
        assert face.group_id
        found.setdefault(face.group_id, []).append((face.image_id, face.index))
    return found


def shade(steps: float) -> tuple[int, int, int]:
    """Reds along a line."""
    return (100 + round(steps * STEP), 0, 0)


def test_each_person_gets_a_group_whose_id_stays(add: Add, album: Album) -> None:
    first, second = add(RED, BLUE), add(BLUE)
    before = groups(album)
    assert sorted(map(len, before.values())) == [1, 2]
    third = add(GREEN, RED)
    after = groups(album)
    assert set(before) < set(after)
    assert all(after[group][: len(faces)] == faces for group, faces in before.items())
    assert sorted(after.values()) == [
        [(first.pk, 0), (third.pk, 1)], [(first.pk, 1), (second.pk, 0)], [(third.pk, 0)],
    ]  # fmt: skip


@pytest.mark.parametrize("order", [*permutations([0, 1, 2])])
def test_a_face_between_two_joins_them_and_the_older_group_keeps_its_id(
    add: Add, album: Album, order: tuple[int, ...]
) -> None:
    for step in order:
        add(shade(step))
    [(group, faces)] = groups(album).items()
    assert len(faces) == 3
    assert group == min(FaceGroup.objects.values_list("pk", flat=True))


@pytest.mark.parametrize("order", [*permutations([0, 1, 2])])
def test_a_person_who_is_on_one_image_several_times_has_one_group(
    add: Add, album: Album, order: tuple[int, ...]
) -> None:
    """Collages, mirrors and video calls, whichever image comes first."""
    for number in order:
        add(*[(RED, RED, RED, RED), (BLUE, RED, BLUE), (BLUE,)][number])
    assert sorted(map(len, groups(album).values())) == [3, 5]


def test_the_faces_of_a_single_image_are_grouped(add: Add, album: Album) -> None:
    image = add(RED, RED, BLUE, RED)
    assert sorted(groups(album).values()) == [[(image.pk, 0), (image.pk, 1), (image.pk, 3)], [(image.pk, 2)]]


def test_one_face_between_two_crowds_does_not_merge_them(add: Add, album: Album) -> None:
    """What connected components would do."""
    for _ in range(4):
        add(shade(0))
        add(shade(2))
    before = groups(album)
    assert sorted(map(len, before.values())) == [4, 4]
    add(shade(0.95))
    after = groups(album)
    assert sorted(map(len, after.values())) == [4, 5]
    assert set(after) == set(before)


def test_clusters_are_dense_parts_of_the_graph() -> None:
    def clique(*vertices: int) -> list[tuple[int, int, float]]:
        return [(a, b, 0.5) for a in vertices for b in vertices if a < b]

    labels = whisper(11, [*clique(0, 1, 2, 3, 4), *clique(5, 6, 7, 8), (4, 5, 0.1)])
    assert [len({*labels[:5]}), len({*labels[5:9]}), len({*labels})] == [1, 1, 4]
    assert whisper(2, []) == [0, 1]


def test_groups_keep_the_id_with_most_of_their_faces() -> None:
    before = {1: 10, 2: 10, 3: 10, 4: 20, 5: 20}
    assert list(_keep_ids([{1, 2, 6}, {3, 4, 5}], before)) == [({1, 2, 6}, 10), ({3, 4, 5}, 20)]
    assert list(_keep_ids([{3, 6}, {1, 2, 4, 5}], before)) == [({3, 6}, None), ({1, 2, 4, 5}, 10)]


# ---- what people do with groups ---------------------------------------------------------------------------------
def group_of(image: AlbumImage) -> FaceGroup:
    face = image.faces.first()
    assert face
    assert face.group
    return curation.get_group(album=image.album, group_id=face.group.number)


def test_a_named_group_is_a_person_of_the_gallery(add: Add) -> None:
    image = add(RED)
    add(RED)
    group = curation.name_group(group=group_of(image), name="Rose")
    person = Person.objects.get()
    assert (group.name, person.name, person.client) == ("Rose", "Rose", image.album.client)
    assert FaceTemplate.objects.filter(person=person, space=image.album.space).count() == 2
    face = image.faces.get()
    assert FaceTemplate.objects.earliest("pk").embedding.text == face.embedding.text
    assert set(ReferenceImage.objects.values_list("image", flat=True)) == {""}


def test_naming_again_renames_the_person(add: Add) -> None:
    image = add(RED)
    curation.name_group(group=group_of(image), name="Rose")
    curation.name_group(group=group_of(image), name="Rosa")
    assert Person.objects.get().name == "Rosa"
    assert FaceTemplate.objects.count() == 1


def test_a_person_who_is_erased_leaves_a_group_without_a_name(add: Add) -> None:
    image = add(RED)
    curation.name_group(group=group_of(image), name="Rose")
    Person.objects.all().delete()
    assert group_of(image).name == ""


def test_reference_images_have_a_picture_where_the_album_keeps_files(add: Add) -> None:
    Album.objects.update(keep_images=True)
    image = add(BLUE, RED)
    curation.name_group(group=group_of(image), name="Rose")
    reference = ReferenceImage.objects.get()
    assert reference.image
    assert (reference.width, reference.height) == (69, 69)
    assert (reference.box_x, reference.box_y, reference.box_w) == (14, 14, 41)


def test_a_remote_service_keeps_nobody_without_a_picture(add: Add, client_a: Client) -> None:
    """They would be found by nobody: faces are looked up there."""
    image = add(RED)
    Client.objects.filter(pk=client_a.pk).update(backend="aws_rekognition")
    with pytest.raises(NoEmbeddingsThere):
        curation.name_group(group=group_of(image), name="Rose")
    assert not Person.objects.exists() and not FaceTemplate.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_files_are_read_before_the_album_is_held(add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for the album does not wait for the store."""
    Album.objects.update(keep_images=True)
    image = add(RED)
    real = curation.read_file

    def read(**options: Any) -> bytes:
        assert not connection.in_atomic_block
        return real(**options)

    monkeypatch.setattr(curation, "read_file", read)
    curation.name_group(group=group_of(image), name="Rose")
    assert ReferenceImage.objects.get().image


def test_a_face_that_is_erased_while_its_group_is_named_is_not_adopted(
    add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    Album.objects.update(keep_images=True)
    kept, erased = add(RED), add(RED)
    real = curation.read_file

    def erasing(**options: Any) -> bytes:
        data = real(**options)
        AlbumImage.objects.filter(pk=erased.pk).delete()
        return data

    monkeypatch.setattr(curation, "read_file", erasing)
    curation.name_group(group=group_of(kept), name="Rose")
    assert FaceTemplate.objects.count() == 1


def test_a_group_that_cannot_be_named_leaves_no_file(
    add: Add, monkeypatch: pytest.MonkeyPatch, media_root: Path
) -> None:
    Album.objects.update(keep_images=True)
    image = add(RED)
    add(RED)
    kept = {path for path in media_root.rglob("*") if path.is_file()}

    def gone(group: FaceGroup, **options: Any) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(FaceGroup, "save", gone)
    with pytest.raises(OperationalError):
        curation.name_group(group=group_of(image), name="Rose")
    assert not Person.objects.exists()
    assert {path for path in media_root.rglob("*") if path.is_file()} == kept


def test_a_named_group_is_not_taken_apart(add: Add, album: Album) -> None:
    first, second = add(shade(0)), add(shade(2))
    for image, name in ((first, "Rose"), (second, "Kit")):
        curation.name_group(group=group_of(image), name=name)
    add(shade(0.95))
    assert (group_of(first).name, group_of(second).name) == ("Rose", "Kit")
    assert sorted(map(len, groups(album).values())) == [1, 2]


def test_merged_groups_stay_merged(add: Add, album: Album) -> None:
    rose, young = add(RED), add(GREEN)
    other = group_of(young)
    merged = curation.merge_groups(group=group_of(rose), others=[other.number])
    assert list(groups(album)) == [merged.pk]
    add(GREEN)
    assert len(groups(album)[merged.pk]) == 3


def test_split_faces_are_a_group_of_their_own(add: Add, album: Album) -> None:
    first, second = add(RED), add(RED)
    group = group_of(first)
    new = curation.split_group(group=group, faces=[second.faces.get().number])
    assert groups(album) == {group.pk: [(first.pk, 0)], new.pk: [(second.pk, 0)]}
    add(RED)
    assert sorted(map(len, groups(album).values())) == [1, 2]


def test_what_makes_no_sense_is_refused(add: Add) -> None:
    first, second = group_of(add(RED)), group_of(add(BLUE))
    curation.name_group(group=second, name="Rose")
    everybody = list(AlbumFace.objects.filter(group=first).values_list("number", flat=True))
    for others in ([], [first.number], [99999], [second.number]):
        with pytest.raises(BadGrouping):
            curation.merge_groups(group=first, others=others)
    for faces in ([], everybody, [99999]):
        with pytest.raises(BadGrouping):
            curation.split_group(group=first, faces=faces)


@pytest.mark.django_db(transaction=True)
def test_two_people_who_name_a_group_at_once_make_one_person(add: Add) -> None:
    group = group_of(add(RED))
    rivals = [Rival(lambda name=name: curation.name_group(group=group, name=name)) for name in ("Rose", "Rosa")]  # type: ignore[misc]
    for rival in rivals:
        rival.finish()
    assert Person.objects.count() == FaceTemplate.objects.count() == 1
