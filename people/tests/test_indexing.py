"""Search indexes of large galleries: when there is one, what it is worth, and when it goes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client as Browser
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from clients.erasure import reset_client
from clients.models import Client
from clients.services import create_api_key
from faceapp.tests.rivals import Rival, wait_for_backend
from people import indexing, services
from people.checks import check_index_from, check_search_indexes
from people.indexing import Recall, recall_of
from people.models import FaceTemplate, Gallery, GalleryKind, Person, SearchIndex
from people.tasks import tend_search_indexes
from people.tests.many_templates import add_templates, fill, indexes, pages, stored
from people.types import Neighbour
from vision.distances import distance
from vision.engines import engines
from vision.types import Embedding, Space
from work.alone import alone

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("as_owner")]
SIZE, LARGE = 400, 300
MARK = np.array([[1.25, -2.5, 3.75, 4.5]], np.float32)  # a vector that is found again in the pages of an index


@pytest.fixture(autouse=True)
def large(as_owner: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(indexing, "PROBES", 40)
    settings.INDEX_FROM = LARGE
    yield
    settings.INDEX_FROM = 0
    indexing.tend_search_indexes()
    assert not indexes()


@pytest.fixture
def gallery(client_a: Client) -> Gallery:
    gallery = Gallery.objects.default_of(client_a)
    fill(gallery, SIZE)
    return gallery


def index_of(gallery: Gallery) -> SearchIndex:
    return SearchIndex.objects.get(gallery=gallery)


def nearest(gallery: Gallery, vector: Embedding, limit: int = 1) -> list[Neighbour]:
    searched = services.search_in(client=gallery.client, galleries=[gallery])
    return searched.neighbourhood().nearest(searched.rotated(vector), limit=limit)


def erase(gallery: Gallery, count: int) -> None:
    people = Person.objects.filter(gallery=gallery).order_by("pk")[:count]
    Person.objects.filter(pk__in=[person.pk for person in people]).delete()


@contextmanager
def build_held_up() -> Iterator[tuple[Rival, int]]:
    """A build that waits, as all do, for a transaction that began to write before it; with the id of its process."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE people_facetemplate IN ROW EXCLUSIVE MODE")
        build = Rival(indexing.tend_search_indexes)
        yield build, wait_for_backend("query LIKE 'CREATE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'")


# ---- made -------------------------------------------------------------------------------------------------------
def test_a_large_gallery_gets_an_index_whose_recall_is_measured(gallery: Gallery, client_b: Client) -> None:
    small = Gallery.objects.named(gallery.client, "small")
    fill(small, 20)
    fill(Gallery.objects.default_of(client_b), LARGE - 1)
    tend_search_indexes()
    index = SearchIndex.objects.get()
    assert (index.gallery, index.is_used, index.problem, index.templates) == (gallery, True, "", SIZE)
    assert all(0.99 <= share <= 1 for share in (index.recall, index.recall_first, index.recall_nearest))
    assert index.size > 0 and index.build_seconds > 0 and index.ef_search == 200
    assert indexes() == {index.name: True}
    built_at = index.built_at
    tend_search_indexes()  # nothing to do
    assert index_of(gallery).built_at == built_at


def test_blacklists_and_several_galleries_have_an_index_each(gallery: Gallery) -> None:
    blacklist = Gallery.objects.default_of(gallery.client, GalleryKind.BLACKLIST)
    fill(blacklist, LARGE, seed=2)
    tend_search_indexes()
    assert set(indexes()) == {index_of(gallery).name, index_of(blacklist).name}


def test_only_the_space_that_decides_in_a_gallery_is_indexed(gallery: Gallery) -> None:
    tend_search_indexes()
    Gallery.objects.filter(pk=gallery.pk).update(space=engines["second"].space.name)
    tend_search_indexes()
    assert not SearchIndex.objects.exists() and not indexes()


def test_a_face_that_is_enrolled_during_the_build_is_found(gallery: Gallery) -> None:
    with build_held_up() as (build, _):

        def enrol() -> None:
            person = Person.objects.create(client=gallery.client, gallery=gallery, name="new", number=SIZE + 1)
            add_templates(gallery, [person.pk], MARK)

        Rival(enrol).finish()  # without waiting for the build
        assert build.is_alive()
    build.finish()
    index = index_of(gallery)
    assert index.is_used and stored(gallery, MARK) in pages(index.name)
    assert Person.objects.get(pk=nearest(gallery, MARK[0])[0].person_id).name == "new"


def test_a_build_that_was_killed_is_done_again(gallery: Gallery) -> None:
    with build_held_up() as (build, backend), connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [backend])
        build.join()
    assert build.error
    name = index_of(gallery).name
    assert indexes() == {name: False}
    assert len(nearest(gallery, MARK[0], limit=5)) == 5
    tend_search_indexes()
    assert indexes() == {name: True} and index_of(gallery).is_used


def test_an_index_whose_worker_was_killed_before_the_measurement_is_measured(gallery: Gallery) -> None:
    tend_search_indexes()
    fresh = {"is_used": False, "recall": None, "templates": 0, "last_template": 0}
    SearchIndex.objects.update(**fresh)
    built_at = index_of(gallery).built_at
    tend_search_indexes()
    assert index_of(gallery).is_used and index_of(gallery).built_at == built_at


def test_one_process_at_a_time(gallery: Gallery) -> None:
    with alone(indexing.LOCK) as is_alone:
        assert is_alone
        Rival(indexing.tend_search_indexes).finish()
    assert not SearchIndex.objects.exists()


def test_names_of_spaces_cannot_change_the_statement(gallery: Gallery) -> None:
    space = "it's; DROP TABLE people_facetemplate; --"
    index = SearchIndex.objects.create(gallery=gallery, space=space, dimensions=4, operator="<->")
    indexing._make(index, indexing.CREATE, SIZE)
    assert indexes() == {index.name: True}


# ---- measured ---------------------------------------------------------------------------------------------------
def neighbours(*distances: float) -> list[Neighbour]:
    return [Neighbour(number, number, 1, distance) for number, distance in enumerate(distances)]


def test_recall_counts_matches_the_nearest_and_the_ten_nearest() -> None:
    exact = [neighbours(0.1, 0.3, 0.7, 0.8), neighbours(0.6, 0.7)]
    assert recall_of(exact, exact, 0.5) == Recall(1, 1, 1)
    without_the_first = [neighbours(0.3, 0.7, 0.8, 0.9), neighbours(0.6, 0.7)]
    assert recall_of(without_the_first, exact, 0.5) == Recall(first=1 / 2, matches=1 / 2, nearest=5 / 6)
    without_strangers = [neighbours(0.1, 0.3), neighbours(0.6, 0.75)]
    assert recall_of(without_strangers, exact, 0.5) == Recall(first=1, matches=1, nearest=3 / 6)
    twins = [[*reversed(neighbours(0.1, 0.1))]]
    assert recall_of(twins, [neighbours(0.1)], 0.5).first == 1
    assert recall_of([], [], 0.5) == Recall(0, 0, 0)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_probes_are_half_of_the_threshold_away(client_a: Client, metric: str) -> None:
    gallery = Gallery.objects.default_of(client_a)
    person = Person.objects.create(client=client_a, gallery=gallery)
    vectors = np.tile(np.random.default_rng(1).normal(size=128).astype(np.float32), (50, 1))
    add_templates(gallery, [person.pk] * len(vectors), vectors)
    space = Space("any", "any", 128, metric, {"euclidean": 0.6, "cosine": 0.5})
    templates = FaceTemplate.objects.all()
    own = templates[0].embedding.numbers
    distances = [distance(own, probe.numbers, metric=metric) for probe in indexing._probes(templates, space)]
    assert np.median(distances) == pytest.approx(space.thresholds[metric] / 2, rel=0.1)


# ---- not used ---------------------------------------------------------------------------------------------------
def test_with_too_little_recall_the_search_stays_exact_and_says_why(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "LEAST_RECALL", 1.01)
    tend_search_indexes()
    index = index_of(gallery)
    assert not index.is_used and not indexes() and "1.01 is required" in index.problem
    assert index.ef_search == 800  # more candidates were tried
    [warning] = check_search_indexes(None, databases=["default"])
    assert warning.id == "people.W001" and f"Gallery {gallery.pk}" in warning.msg and index.problem in warning.msg
    assert check_search_indexes(None) == []
    monkeypatch.setattr(indexing, "LEAST_RECALL", 0.99)
    tend_search_indexes()
    assert not index_of(gallery).is_used  # not before a day
    SearchIndex.objects.update(tried_at=timezone.now() - timedelta(days=2))
    tend_search_indexes()
    assert index_of(gallery).is_used and check_search_indexes(None, databases=["default"]) == []


def test_a_database_user_without_rights_searches_exactly(gallery: Gallery) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE guest; GRANT ALL ON ALL TABLES IN SCHEMA public TO guest")
        cursor.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO guest; SET ROLE guest")
        try:
            tend_search_indexes()
            assert index_of(gallery).problem == indexing.NO_RIGHTS
            assert len(nearest(gallery, MARK[0], limit=5)) == 5
        finally:
            cursor.execute("RESET ROLE; DROP OWNED BY guest; DROP ROLE guest")
    tend_search_indexes()  # at once when the rights are there
    assert index_of(gallery).is_used


def test_too_many_numbers_cannot_be_indexed(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "MOST_DIMENSIONS", 3)
    tend_search_indexes()
    assert "more than 3 numbers" in index_of(gallery).problem and not indexes()


def test_without_room_for_several_processes_one_builds_the_index(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError
    from psycopg.errors import DiskFull

    real, failed = indexing._execute, []

    def execute(statement: Any) -> None:
        if "CREATE INDEX" in statement.as_string(None) and not failed:
            failed.append(statement)
            raise OperationalError("no shared memory") from DiskFull()
        real(statement)

    monkeypatch.setattr(indexing, "_execute", execute)
    tend_search_indexes()
    assert failed and index_of(gallery).is_used


def test_a_negative_size_is_an_error(settings: Settings) -> None:
    settings.INDEX_FROM = -1
    [error] = check_index_from(None)
    assert error.id == "people.E002" and "FACEAPP_INDEX_FROM is -1" in error.msg
    settings.INDEX_FROM = LARGE
    assert check_index_from(None) == []


# ---- erased and dropped -----------------------------------------------------------------------------------------
def test_after_many_were_erased_the_index_is_made_anew_without_them(gallery: Gallery) -> None:
    person = Person.objects.filter(gallery=gallery).order_by("pk")[0]
    add_templates(gallery, [person.pk], MARK)
    tend_search_indexes()
    index = index_of(gallery)
    assert stored(gallery, MARK) in pages(index.name)
    erase(gallery, SIZE // 10)
    assert nearest(gallery, MARK[0])[0].person_id != person.pk
    tend_search_indexes()
    assert stored(gallery, MARK) not in pages(index.name)
    renewed = index_of(gallery)
    assert renewed.is_used and renewed.built_at > index.built_at and renewed.templates == SIZE - SIZE // 10
    assert indexes() == {index.name: True}


def test_a_few_erased_faces_are_wiped_from_the_index_within_a_day(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Person.objects.filter(gallery=gallery).order_by("pk")[0]
    add_templates(gallery, [person.pk], MARK)
    tend_search_indexes()
    index = index_of(gallery)
    services.erase_person(person=person)
    assert stored(gallery, MARK) in pages(index.name)
    monkeypatch.setattr(indexing, "VACUUMED_AFTER", timedelta(0))
    tend_search_indexes()
    assert stored(gallery, MARK) not in pages(index.name)
    assert index_of(gallery).built_at == index.built_at


def test_a_gallery_that_has_doubled_is_measured_again(gallery: Gallery) -> None:
    tend_search_indexes()
    first = index_of(gallery)
    fill(gallery, SIZE, seed=3)
    tend_search_indexes()
    second = index_of(gallery)
    assert (second.templates, second.built_at, second.is_used) == (2 * SIZE, first.built_at, True)


def test_a_gallery_that_has_shrunk_loses_its_index(gallery: Gallery) -> None:
    tend_search_indexes()
    erase(gallery, SIZE - LARGE + 50)  # still above half the size
    tend_search_indexes()
    assert index_of(gallery).is_used
    erase(gallery, LARGE // 2)
    tend_search_indexes()
    assert not SearchIndex.objects.exists() and not indexes()


def test_the_index_of_a_client_that_was_reset_goes(gallery: Gallery) -> None:
    tend_search_indexes()
    reset_client(client=gallery.client)
    tend_search_indexes()
    assert not SearchIndex.objects.exists() and not indexes()


def test_zero_means_no_index(gallery: Gallery, settings: Settings) -> None:
    tend_search_indexes()
    settings.INDEX_FROM = 0
    assert (
        SearchIndex.objects.usable(
            client=gallery.client, kind=gallery.kind, space=index_of(gallery).space, metric="euclidean"
        )
        == []
    )
    tend_search_indexes()
    assert not SearchIndex.objects.exists() and not indexes()


# ---- shown ------------------------------------------------------------------------------------------------------
def test_the_recall_is_in_the_gallerys_answer_and_in_the_admin(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = APIClient(headers={"X-API-Key": create_api_key(client_name=gallery.client.name)[1]})
    User.objects.create_superuser("root", password="x")
    browser = Browser()
    browser.login(username="root", password="x")
    page = f"/admin/people/gallery/{gallery.pk}/change/"
    path = f"/api/v1/galleries/{gallery.name}/"
    assert api.get(path).json()["search_index"] is None
    assert "exact" in browser.get(page).content.decode()
    tend_search_indexes()
    shown = api.get(path).json()["search_index"]
    assert (shown["is_used"], shown["templates"], shown["problem"]) == (True, SIZE, "")
    assert shown["recall"] == index_of(gallery).recall and shown["recall_first"] >= 0.99
    assert f"index of {SIZE} templates" in browser.get(page).content.decode()
    monkeypatch.setattr(indexing, "LEAST_RECALL", 1.01)
    SearchIndex.objects.update(is_used=False)
    tend_search_indexes()
    problem = index_of(gallery).problem
    assert api.get(path).json()["search_index"]["problem"] == problem
    assert problem in browser.get(page).content.decode()


def test_the_check_of_the_database_can_be_run_before_the_first_migration(gallery: Gallery) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE people_searchindex RENAME TO kept")
        try:
            call_command("check", databases=["default"])
        finally:
            cursor.execute("ALTER TABLE kept RENAME TO people_searchindex")


def test_templates_that_were_erased_while_the_index_was_measured(gallery: Gallery) -> None:
    space = engines["default"].space
    index = SearchIndex.objects.create(gallery=gallery, space=space.name, dimensions=4, operator="<->")
    FaceTemplate.objects.all().delete()
    indexing._measure(index, space)
    assert not index_of(gallery).is_used
