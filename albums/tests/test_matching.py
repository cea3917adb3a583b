"""Who is found again on which image, also when images are processed at the same instant."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import connection

from albums import grouping, services
from albums.exceptions import AlreadyQueued, ImageExists
from albums.linking import link_point
from albums.models import Album, AlbumFace, AlbumImage, FaceGroup
from albums.tests.conftest import Add
from calibration.services import set_calibration
from calibration.tests.measured import measured as measured  # a fixture
from clients.models import Client
from errors import Unavailable
from faceapp.tests.rivals import Rival
from vectors.stored import all_to_store
from vision import inference
from vision.tests.drawing import BLUE, DIM, GREEN, RED, picture
from vision.types import Upload
from work.models import Status
from work.services import sweep
from work.submissions import read_submission

pytestmark = pytest.mark.django_db

OTHER_RED = (RED[0] - 43, *RED[1:])  # 0.17 from red


def matched(image: AlbumImage) -> list[int]:
    return [match.image_id for match in services.matches_of(image=image)]  # numbers


def test_images_of_one_person_match_in_both_directions(add: Add) -> None:
    first, second, stranger = add(RED), add(RED), add(BLUE)
    assert (matched(first), matched(second), matched(stranger)) == ([second.number], [first.number], [])
    distances = {services.matches_of(image=image)[0].distance for image in (first, second)}
    assert len(distances) == 1


def test_a_match_is_the_closest_pair_of_faces(add: Add) -> None:
    near, far = (RED[0] - 30, *RED[1:]), RED
    alone, group = add(RED), add(BLUE, near, far)
    [match] = services.matches_of(image=alone)
    assert (match.image_id, match.face, match.other_face, match.distance) == (group.number, 0, 2, 0)


def test_faces_of_the_same_image_are_no_match(add: Add) -> None:
    assert matched(add(RED, RED)) == []


def test_albums_do_not_mix(add: Add, client_a: Client) -> None:
    image = add(RED)
    other = services.create_album(client=client_a, name="other")
    services.add_images(album=other, submissions=[read_submission(Upload(picture(RED)))])
    services.queue_images(album=other)
    assert AlbumFace.objects.count() == 2
    assert matched(image) == []


def test_a_smaller_threshold_holds_at_once(add: Add, album: Album) -> None:
    first, second = add(RED), add((RED[0] - 30, *RED[1:]))
    assert matched(first) == [second.number]
    album.threshold = 0.05
    services.save_album(album=album, fields=["threshold"])
    assert matched(AlbumImage.objects.get(pk=first.pk)) == []


def test_an_album_begins_with_the_clients_operating_point(client_a: Client, client_b: Client) -> None:
    set_calibration(client=client_a, space="default", threshold=0.05)
    thresholds = [services.create_album(client=client, name="new").threshold for client in (client_a, client_b)]
    assert thresholds == [0.05, 0.2]
    assert services.create_album(client=client_a, name="own", threshold=0.1).threshold == 0.1


@pytest.mark.django_db(transaction=True)
def test_images_processed_at_the_same_instant_always_find_each_other(
    upload: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty times: both have been analysed before either is stored."""
    both_analysed = threading.Barrier(2)
    real = inference.run_engines_on

    def analyse(*args: object, **options: object) -> object:
        answer = real(*args, **options)  # type: ignore[arg-type]
        both_analysed.wait(timeout=60)
        return answer

    monkeypatch.setattr(inference, "run_engines_on", analyse)
    for _ in range(20):
        AlbumImage.objects.all().delete()
        FaceGroup.objects.all().delete()
        pair = [upload(RED, BLUE), upload(BLUE, RED)]
        AlbumImage.objects.update(status=Status.PENDING)
        rivals = [Rival(lambda pk=row.pk: services.process(image_ids=[pk], task_id=str(pk))) for row in pair]  # type: ignore[misc]
        for rival in rivals:
            rival.finish()
        assert [matched(row) for row in pair] == [[pair[1].number], [pair[0].number]]
        groups = FaceGroup.objects.with_size()
        assert [group.size for group in groups] == [2, 2]


@pytest.mark.django_db(transaction=True)
def test_an_image_given_twice_at_once_is_taken_once(upload: Add) -> None:
    image = upload(RED)
    refused: list[Exception] = []

    def give() -> None:
        try:
            services.queue_image(image=image)
        except AlreadyQueued as error:
            refused.append(error)

    rivals = [Rival(give) for _ in range(4)]
    for rival in rivals:
        rival.finish()
    assert len(refused) == 3
    assert AlbumFace.objects.count() == 1


def test_file_goes_when_the_image_is_processed_and_results_stay(add: Add, media_root: Path) -> None:
    image = add(RED)
    assert (image.status, image.image.name, image.width) == ("done", "", 80)
    assert not [path for path in media_root.rglob("*") if path.is_file()]
    assert matched(add(RED)) == [image.number]


def test_album_may_keep_its_files(add: Add, album: Album, media_root: Path) -> None:
    Album.objects.update(keep_images=True)
    image = add(RED)
    assert (media_root / str(image.image.name)).is_file()


def test_image_without_faces_is_done_and_matches_nothing(add: Add) -> None:
    image = add()
    assert (image.status, image.error_code, matched(image)) == ("done", "", [])


def test_damaged_image_fails_alone_and_its_file_goes(album: Album, media_root: Path) -> None:
    good, damaged = read_submission(Upload(picture(RED))), read_submission(Upload(picture(RED)[:60]))
    text = read_submission(Upload(b"no image"))
    rows = services.add_images(album=album, submissions=[good, damaged, text])
    assert [row.status for row in rows] == ["uploaded", "uploaded", "failed"]
    assert services.queue_images(album=album) == 2
    states = dict(album.images.values_list("pk", "error_code"))
    assert [states[row.pk] for row in rows] == ["", "image.truncated", "image.not_an_image"]
    assert not [path for path in media_root.rglob("*") if path.is_file()]


def test_own_ids_are_unique_in_an_album(album: Album, media_root: Path) -> None:
    submission = read_submission(Upload(picture(RED)))
    services.add_image(album=album, submission=submission, external_id="a")
    with pytest.raises(ImageExists):
        services.add_image(album=album, submission=submission, external_id="a")
    assert len([path for path in media_root.rglob("*") if path.is_file()]) == 1


def test_queue_that_is_away_leaves_images_to_be_given_again(upload: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise Unavailable("queue", code="queue.unavailable")

    image = upload(RED)
    with monkeypatch.context() as patch:
        patch.setattr(services, "enqueue", away)
        with pytest.raises(Unavailable):
            services.queue_image(image=image)
    services.queue_image(image=image)
    image.refresh_from_db()
    assert image.status == "done"


# ---- workers that die -------------------------------------------------------------------------------------------
def test_image_of_a_dead_worker_is_processed_by_another(upload: Add) -> None:
    image = upload(RED)
    AlbumImage.objects.update(status="pending", queued_at="2020-01-01T00:00Z")
    assert AlbumImage.objects.claim([image.pk], task_id="dead")
    AlbumImage.objects.update(started_at="2020-01-01T00:00Z")
    sweep()
    image.refresh_from_db()
    assert (image.status, image.attempts) == ("done", 2)


def test_task_that_lost_its_claim_stores_nothing_and_keeps_the_file(
    upload: Add, monkeypatch: pytest.MonkeyPatch, media_root: Path
) -> None:
    image = upload(RED)
    AlbumImage.objects.update(status="pending")
    real = inference.run_engines_on

    def slow(*args: object, **options: object) -> object:
        AlbumImage.objects.update(claim="somebody else")
        return real(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(inference, "run_engines_on", slow)
    services.process(image_ids=[image.pk], task_id="a")
    assert not AlbumFace.objects.exists()
    assert [path for path in media_root.rglob("*") if path.is_file()]


def test_image_that_kills_its_worker_is_given_up(upload: Add) -> None:
    image = upload(RED)
    AlbumImage.objects.update(status="pending", attempts=3)
    services.process(image_ids=[image.pk], task_id="a")
    image.refresh_from_db()
    assert (image.status, image.error_code) == ("failed", "processing.given_up")


# ---- erasing ----------------------------------------------------------------------------------------------------
def test_erased_image_is_gone_from_matches_and_groups(add: Add, album: Album) -> None:
    first, second, alone = add(RED), add(RED, GREEN), add(BLUE)
    assert services.delete_images(album=album, images=[second, alone]) == 2
    assert matched(first) == []
    assert FaceGroup.objects.count() == 1


def test_erased_album_leaves_no_file(upload: Add, add: Add, album: Album, media_root: Path) -> None:
    upload(RED)
    add(RED)
    services.delete_album(album=album)
    assert not AlbumFace.objects.exists()
    assert not [path for path in media_root.rglob("*") if path.is_file()]


def test_matches_take_a_fixed_number_of_queries(add: Add) -> None:
    image = add(RED, BLUE)
    for _ in range(3):
        add(RED)
    image = AlbumImage.objects.select_related("album").get(pk=image.pk)
    connection.queries_log.clear()
    connection.force_debug_cursor = True
    try:
        assert len(matched(image)) == 3
        assert len(connection.queries) == 6  # the switch, faces, the client, its calibration, matches, the audit
    finally:
        connection.force_debug_cursor = False


def test_images_of_one_message_are_grouped_with_each_other_and_a_bad_one_harms_none(
    upload: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [upload(RED), upload(BLUE), upload(RED, BLUE), upload(RED)]
    AlbumImage.objects.update(status=Status.PENDING)
    rows[1].image.storage.delete(rows[1].image.name)
    batches: list[int] = []
    real = inference.run_engines_on

    def count(*args: Any) -> Any:
        answer = real(*args)
        batches.append(len(answer))
        return answer

    monkeypatch.setattr(inference, "run_engines_on", count)
    services.process(image_ids=[row.pk for row in rows], task_id="a")
    assert batches == [3]
    found = AlbumImage.objects.order_by("pk").values_list("status", "error_code")
    assert list(found) == [("done", ""), ("failed", "image.gone"), ("done", ""), ("done", "")]
    assert sorted(group.size for group in FaceGroup.objects.with_size()) == [1, 3]
    assert matched(rows[0]) == [rows[2].number, rows[3].number]


# ---- when faces are linked ---------------------------------------------------------------------------------------
def test_faces_that_cannot_be_recognised_are_linked_with_nobody(add: Add, album: Album) -> None:
    first, second = add(DIM), add(DIM, RED)
    assert matched(first) == matched(second) == []
    assert [face.group for face in first.faces.all()] == [None]
    assert FaceGroup.objects.get().faces.get().image == second


def add_strangers(image: AlbumImage, count: int, groups: Sequence[FaceGroup] = ()) -> None:
    """Faces that are at least 1 apart from each other, each in a group if there are groups."""
    vectors = [np.array([0, 0, 0, index + bool(groups)], np.float32) for index in range(count)]
    stored = all_to_store(vectors, client_id=image.album.client_id, space=image.album.space)
    AlbumFace.objects.bulk_create(
        AlbumFace(
            album=image.album, image=image, group=group, number=1000 + index, index=1000 + index, embedding=vector,
            box_x=0, box_y=0, box_w=1, box_h=1, confidence=1,
        )
        for index, (vector, group) in enumerate(zip_longest(stored, groups))
    )  # fmt: skip


def test_links_become_stricter_as_the_album_grows(add: Add, album: Album, measured: Path) -> None:
    """A distance of 0.17 has a rate of 2.5e-5: few enough false links among 400 faces, too many among more."""
    near = add(RED), add(OTHER_RED)
    assert matched(near[0]) == [near[1].number]
    add_strangers(near[0], 998)
    assert matched(near[0]) == []


def test_groups_are_judged_anew_when_the_distance_has_moved(add: Add, album: Album, measured: Path) -> None:
    near = add(RED), add(OTHER_RED)
    assert [group.size for group in FaceGroup.objects.with_size()] == [2]
    add_strangers(near[0], 997)
    add(GREEN)
    assert sorted(group.size for group in FaceGroup.objects.with_size()) == [1, 1, 1]
    album.refresh_from_db()
    assert album.threshold == pytest.approx(0.15)


def test_groups_of_a_large_album_fall_apart_by_themselves(
    add: Add, album: Album, measured: Path, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    """Faces of one and the same group are compared, and the number of queries does not grow with that of groups."""
    monkeypatch.setattr(grouping, "MOST_SORTED", 10)
    near = add(RED), add(OTHER_RED)
    add(GREEN), add(GREEN)
    one, same = add(BLUE), add(BLUE)
    apart = FaceGroup.objects.create_in(album.pk)
    AlbumFace.objects.filter(image=same).update(group=apart)
    others = [FaceGroup(album=album, number=100 + index) for index in range(20)]
    FaceGroup.objects.bulk_create(others)
    add_strangers(near[0], 20, others)
    with django_assert_max_num_queries(15):
        grouping.judge_anew(album=album, threshold=0.15)
    assert sorted(group.size for group in FaceGroup.objects.with_size()) == [1] * 24 + [2]
    assert one.faces.get().group != same.faces.get().group == apart


def test_an_albums_own_threshold_stays(add: Add, album: Album, measured: Path) -> None:
    album.threshold = 0.3
    services.save_album(album=album, fields=["threshold"])
    assert link_point(album).threshold == 0.3
    assert link_point(album).false_match_rate == pytest.approx(0.01)


def test_an_empty_album_of_another_distance_takes_its_first_image(add: Add, album: Album, measured: Path) -> None:
    Album.objects.update(threshold=1.5)
    add(RED)
    album.refresh_from_db()
    assert album.threshold == pytest.approx(0.2) and FaceGroup.objects.count() == 1
