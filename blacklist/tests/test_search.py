"""Searching a blacklist: exactly, the closest template of each entry in force, and this client's only."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from blacklist.models import BlacklistEntry
from blacklist.services import search_blacklist
from clients.models import Client
from people.models import FaceTemplate, ReferenceImage
from people.querysets import FaceTemplateQuerySet
from vectors.stored import to_store
from vision.types import Embedding

pytestmark = pytest.mark.django_db
SPACE = "drawn-4"


def entry(
    client: Client, name: str, *vectors: tuple[float, ...], space: str = SPACE, **fields: object
) -> BlacklistEntry:
    listed = BlacklistEntry.objects.create(client=client, name=name, **fields)
    for vector in vectors:
        box = {"box_x": 0, "box_y": 0, "box_w": 1, "box_h": 1}
        image = ReferenceImage.objects.create(person=listed, width=1, height=1, confidence=1, **box)
        embedding = to_store(np.array(vector, np.float32), client_id=client.pk, space=space)
        whose = {"client": client, "gallery": listed.gallery, "person": listed, "reference_image": image}
        FaceTemplate.objects.create(**whose, space=space, embedding=embedding)
    return listed


def search(client: Client, probe: tuple[float, ...], *, metric: str = "euclidean", threshold: float = 0.5) -> list[str]:
    vector: Embedding = np.array(probe, np.float32)
    [hits] = search_blacklist(client=client, space=SPACE, embeddings=[vector], metric=metric, threshold=threshold)
    return [f"{BlacklistEntry.objects.get(pk=hit.entry_id).name} {hit.distance:.2f}" for hit in hits]


def test_closest_first_with_the_best_template_of_each(client_a: Client) -> None:
    entry(client_a, "far", (0, 0, 0, 1.0))
    entry(client_a, "near", (0, 0, 0, 0.4), (0, 0, 0, 0.25))
    entry(client_a, "nearest", (0, 0, 0, 0.125))
    assert search(client_a, (0, 0, 0, 0)) == ["nearest 0.12", "near 0.25"]


def test_a_distance_equal_to_the_threshold_matches(client_a: Client) -> None:
    entry(client_a, "edge", (0, 0, 0, 0.5))
    assert search(client_a, (0, 0, 0, 0.5), threshold=0.0) == ["edge 0.00"]


def test_only_entries_in_force_of_this_client_and_space(client_a: Client, client_b: Client) -> None:
    today, day = timezone.localdate(), timedelta(days=1)
    entry(client_a, "listed", (0, 0, 0, 0.1), valid_from=today, valid_until=today)
    entry(client_a, "inactive", (0, 0, 0, 0), is_active=False)
    entry(client_a, "over", (0, 0, 0, 0), valid_until=today - day)
    entry(client_a, "later", (0, 0, 0, 0), valid_from=today + day)
    entry(client_a, "other space", (0, 0, 0, 0, 0, 0, 0, 0), space="drawn-8")
    entry(client_b, "someone else's", (0, 0, 0, 0))
    assert search(client_a, (0, 0, 0, 0)) == ["listed 0.10"]


def test_every_entry_is_returned_when_many_match(client_a: Client) -> None:
    for number in range(60):
        entry(client_a, f"{number:02}", (0, 0, 0, number / 256))
    found = search(client_a, (0, 0, 0, 0), threshold=2)
    assert [line.split()[0] for line in found] == [f"{number:02}" for number in range(60)]


@pytest.mark.parametrize(
    ("metric", "distance"), [("euclidean", 1.4142), ("cosine", 1.0), ("euclidean_l2", 1.4142), ("angular", 0.5)]
)
def test_each_metric_measures_a_right_angle_as_it_is_defined(client_a: Client, metric: str, distance: float) -> None:
    entry(client_a, "listed", (1, 0, 0, 0))
    assert search(client_a, (0, 1, 0, 0), metric=metric, threshold=2) == [f"listed {distance:.2f}"]
    assert search(client_a, (0, 1, 0, 0), metric=metric, threshold=distance - 0.01) == []


def test_all_faces_are_searched_at_once_and_matches_cost_two_queries_more(
    client_a: Client, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    for number in range(5):
        entry(client_a, str(number), (0, 0, 0, number / 16))
    near, far = np.zeros(4, np.float32), np.full(4, 9, np.float32)
    with django_assert_num_queries(4):  # type: ignore[operator]  # search indexes, templates, entries, photographs
        found = search_blacklist(
            client=client_a, space=SPACE, embeddings=[far, near, near], metric="euclidean", threshold=1
        )
    assert [len(hits) for hits in found] == [0, 5, 5]
    with django_assert_num_queries(2):  # type: ignore[operator]
        assert search_blacklist(client=client_a, space=SPACE, embeddings=[far], metric="euclidean", threshold=1) == [[]]
    with django_assert_num_queries(0):  # type: ignore[operator]
        assert search_blacklist(client=client_a, space=SPACE, embeddings=[], metric="euclidean", threshold=1) == []


@pytest.mark.parametrize("metric", ["cosine", "euclidean_l2", "angular"])
@pytest.mark.parametrize(("listed", "probe"), [((1, 0, 0, 0), (0, 0, 0, 0)), ((0, 0, 0, 0), (1, 0, 0, 0))])
def test_a_vector_of_zeros_has_no_direction_and_matches_no_one(
    client_a: Client, metric: str, listed: tuple[float, ...], probe: tuple[float, ...]
) -> None:
    """Its cosine is not a number; sorted as the smallest distance, it would match everyone."""
    entry(client_a, "listed", listed)
    assert search(client_a, probe, metric=metric, threshold=0.9) == []


def test_photograph_deleted_during_the_search_does_not_hide_the_next_one(
    client_a: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = entry(client_a, "listed", (0, 0, 0, 0.1), (0, 0, 0, 0.25))
    real = FaceTemplateQuerySet.within

    def within(*args: Any, **options: Any) -> Any:
        found = real(*args, **options)
        if listed.reference_images.count() == 2:
            listed.reference_images.all()[0].delete()
        return found

    monkeypatch.setattr(FaceTemplateQuerySet, "within", within)
    assert search(client_a, (0, 0, 0, 0)) == ["listed 0.25"]
