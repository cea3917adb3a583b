"""Searching galleries of which some have an index: what is approximate, what stays exact, and that both agree."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from blacklist.models import BlacklistEntry
from blacklist.services import search_blacklist
from clients.models import Client
from faceapp.tests.database_roles import acting_as_owner
from people import indexing
from people.models import FaceTemplate, Gallery, GalleryKind, Person, SearchIndex
from people.services import search_in
from people.tests.many_templates import add_templates, explain, fill, plan, scans, tend_search_indexes
from people.types import Neighbour
from vectors.stored import to_store
from vision.engines import engines
from vision.types import Embedding

pytestmark = pytest.mark.django_db(transaction=True)
SIZE, LARGE = 1_200, 1_000
SPACE = engines["default"].space
PROBES = np.random.default_rng(9).normal(size=(20, 4)).astype(np.float32)


@pytest.fixture(autouse=True)
def large(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(indexing, "PROBES", 40)
    settings.INDEX_FROM = LARGE
    yield
    settings.INDEX_FROM = 0
    tend_search_indexes()


@pytest.fixture
def gallery(client_a: Client) -> Gallery:
    gallery = Gallery.objects.default_of(client_a)
    fill(gallery, SIZE)
    return gallery


@pytest.fixture
def index(gallery: Gallery) -> SearchIndex:
    tend_search_indexes()
    return SearchIndex.objects.get(gallery=gallery)


def found(probe: Embedding, *galleries: Gallery, limit: int = 10, but: Person | None = None) -> list[Neighbour]:
    searched = search_in(client=galleries[0].client, galleries=galleries)
    return searched.neighbourhood(but).nearest(searched.rotated(probe), limit=limit)


def exactly(probe: Embedding, *galleries: Gallery, limit: int = 10) -> list[Neighbour]:
    searched = search_in(client=galleries[0].client, galleries=galleries)
    return searched.templates.nearest(searched.rotated(probe), metric=SPACE.metric, limit=limit)


# ---- nearest ----------------------------------------------------------------------------------------------------
def test_a_large_gallery_is_searched_by_its_index(gallery: Gallery, index: SearchIndex) -> None:
    before = scans(index.name)
    for probe in PROBES:
        with CaptureQueriesContext(connection) as queries:
            near = found(probe, gallery)
        assert near == exactly(probe, gallery)
    assert f"Index Scan using {index.name}" in plan(queries)
    assert scans(index.name) >= before


@pytest.mark.parametrize("limit", [10, 1_100])  # the second is more than an index can be asked for
def test_templates_are_found_by_the_index_too(gallery: Gallery, index: SearchIndex, limit: int) -> None:
    small = Gallery.objects.named(gallery.client, "small")
    fill(small, 100, seed=6)
    searched = search_in(client=gallery.client, galleries=[gallery, small])
    for probe in PROBES[:3]:
        rotated = searched.rotated(probe)
        with CaptureQueriesContext(connection) as queries:
            near = searched.neighbourhood().nearest_templates(rotated, limit=limit)
        assert near == searched.templates.nearest_templates(rotated, metric=SPACE.metric, limit=limit)
        assert len(near) == limit
        assert (f"Index Scan using {index.name}" in plan(queries)) == (limit == 10)


def test_exact_queries_never_use_the_index(gallery: Gallery, index: SearchIndex) -> None:
    person = Person.objects.filter(gallery=gallery)[0]
    searched = search_in(client=gallery.client, galleries=[gallery])
    probes, templates = [searched.rotated(probe) for probe in PROBES], searched.templates
    for exact in (templates, templates.of_person(person), FaceTemplate.objects.all()):
        with CaptureQueriesContext(connection) as queries:
            exact.nearest(probes[0], metric=SPACE.metric, limit=3)
        assert index.name not in plan(queries)
        with CaptureQueriesContext(connection) as queries:
            exact.within(probes, metric=SPACE.metric, threshold=0.1)
        assert index.name not in plan(queries)
    by_hand = f"SELECT id FROM people_facetemplate WHERE gallery_id = {gallery.pk} AND space = '{SPACE.name}'"
    assert index.name not in explain(f"{by_hand} ORDER BY embedding <-> '[1,2,3,4]' LIMIT 3")
    assert index.name in explain(f"{by_hand} ORDER BY embedding::halfvec(4) <-> '[1,2,3,4]'::halfvec(4) LIMIT 3")


def test_another_clients_search_is_exact_and_its_own(gallery: Gallery, index: SearchIndex, client_b: Client) -> None:
    theirs = Gallery.objects.default_of(client_b)
    fill(theirs, 100, seed=5)
    with CaptureQueriesContext(connection) as queries:
        near = found(PROBES[0], theirs)
    assert index.name not in plan(queries)
    assert near == exactly(PROBES[0], theirs) and {one.gallery_id for one in near} == {theirs.pk}


def test_the_client_still_filters_a_search_by_the_index(gallery: Gallery, index: SearchIndex, client_b: Client) -> None:
    templates = FaceTemplate.objects.of_client(client_b).in_space(SPACE.name).in_galleries([gallery.pk])
    probe = to_store(PROBES[0], client_id=client_b.pk, space=SPACE.name)
    assert templates.nearest_by(index, probe, metric=SPACE.metric, count=10) == []


def test_several_galleries_are_merged(gallery: Gallery, index: SearchIndex) -> None:
    small, second = (Gallery.objects.named(gallery.client, name) for name in ("small", "second"))
    fill(small, 200, seed=6)
    fill(second, LARGE, seed=7)
    for expected in (1, 2):  # without, and with the second's own index
        assert len(SearchIndex.objects.filter(is_used=True)) == expected
        for probe in PROBES:
            near = found(probe, gallery, small, second)
            assert near == exactly(probe, gallery, small, second)
        tend_search_indexes()
    assert {one.gallery_id for probe in PROBES for one in found(probe, gallery, small, second)} == {
        gallery.pk, small.pk, second.pk,
    }  # fmt: skip


def test_a_metric_of_another_order_is_searched_exactly(gallery: Gallery, index: SearchIndex) -> None:
    for metric in ("cosine", "angular", "euclidean_l2"):
        assert (
            SearchIndex.objects.usable(client=gallery.client, kind=gallery.kind, space=SPACE.name, metric=metric) == []
        )
    assert SearchIndex.objects.usable(client=gallery.client, kind=gallery.kind, space="other", metric="euclidean") == []
    assert SearchIndex.objects.usable(
        client=gallery.client, kind=gallery.kind, space=SPACE.name, metric="euclidean"
    ) == [index]


def test_a_person_with_many_photographs_hides_no_one(gallery: Gallery) -> None:
    many = Person.objects.filter(gallery=gallery)[0]
    count = 1_100  # more than an index can be asked for
    add_templates(gallery, [many.pk] * count, PROBES[0] + np.linspace(0, 1e-3, count, dtype=np.float32)[:, None])
    tend_search_indexes()
    assert SearchIndex.objects.get(gallery=gallery).is_used
    near = found(PROBES[0], gallery)
    assert near == exactly(PROBES[0], gallery) and near[0].person_id == many.pk and len(near) == 10
    others = found(PROBES[0], gallery, but=many)
    assert len(others) == 10 and many.pk not in {one.person_id for one in others}


@pytest.mark.parametrize("limit", [1, 10, 101, 300])
def test_as_many_people_as_are_asked_for(gallery: Gallery, index: SearchIndex, limit: int) -> None:
    near = found(PROBES[0], gallery, limit=limit)
    assert len({one.person_id for one in near}) == len(near) == limit
    assert near[0] == exactly(PROBES[0], gallery, limit=1)[0]


def test_a_probe_of_zeros_is_answered(gallery: Gallery, index: SearchIndex) -> None:
    zeros = np.zeros(4, np.float32)
    assert found(zeros, gallery) == exactly(zeros, gallery)


def test_without_the_index_in_the_database_the_answer_is_exact(gallery: Gallery, index: SearchIndex) -> None:
    with acting_as_owner(), connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {index.name}")
    assert [found(probe, gallery) for probe in PROBES] == [exactly(probe, gallery) for probe in PROBES]


def test_faces_enrolled_and_erased_after_the_build(gallery: Gallery, index: SearchIndex) -> None:
    person = Person.objects.create(client=gallery.client, gallery=gallery, number=SIZE + 1)
    add_templates(gallery, [person.pk], PROBES[:1])
    assert found(PROBES[0], gallery, limit=1)[0].person_id == person.pk
    person.delete()
    assert found(PROBES[0], gallery) == exactly(PROBES[0], gallery)


# ---- within -----------------------------------------------------------------------------------------------------
def test_a_large_blacklist_is_screened_by_its_index(client_a: Client) -> None:
    blacklist = Gallery.objects.default_of(client_a, GalleryKind.BLACKLIST)
    fill(blacklist, SIZE)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO blacklist_blacklistentry (person_ptr_id, is_active, updated_at)"
            " SELECT id, number %% 10 > 0, now() FROM people_person WHERE gallery_id = %s",
            [blacklist.pk],
        )

    def hits(threshold: float) -> list[list[tuple[int, float]]]:
        answer = search_blacklist(
            client=client_a, space=SPACE.name, embeddings=list(PROBES), metric=SPACE.metric, threshold=threshold
        )
        return [[(hit.entry_id, hit.distance) for hit in face] for face in answer]

    thresholds = (0.0, 0.2, 0.5, 1.0, 2.0, 50.0)  # the last ones let more in than an index can be asked for
    exact = [hits(threshold) for threshold in thresholds]
    tend_search_indexes()
    index = SearchIndex.objects.get(gallery=blacklist)
    with CaptureQueriesContext(connection) as queries:
        assert hits(0.2) == exact[1]
    by_index = [one["sql"] for one in queries.captured_queries if "halfvec(4)" in one["sql"]]
    assert len(by_index) >= len(PROBES) and index.name in explain(by_index[0])
    assert [hits(threshold) for threshold in thresholds] == exact
    listed = set(BlacklistEntry.objects.filter(is_active=True).values_list("pk", flat=True))
    assert {entry for entry, _ in exact[-1][0]} == listed


def test_both_a_large_and_a_small_list(gallery: Gallery, index: SearchIndex) -> None:
    small = Gallery.objects.named(gallery.client, "small")
    fill(small, 100, seed=6)
    searched = search_in(client=gallery.client, galleries=[gallery, small])
    probes = [searched.rotated(probe) for probe in PROBES]
    exact = searched.templates.within(probes, metric=SPACE.metric, threshold=0.6)
    assert searched.neighbourhood().within(probes, threshold=0.6) == exact
    assert {one.gallery_id for face in exact for one in face} == {gallery.pk, small.pk}
