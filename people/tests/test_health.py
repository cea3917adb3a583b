"""The health of a gallery: who looks alike, which photographs are odd or poor, and when that is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from django.db import transaction
from django.urls import reverse
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from clients.models import Client, Role, Scope
from clients.services import create_api_key
from clients.tests.members import browser_of, make_member
from faceapp.tests.rivals import Rival
from people import health, services
from people.health import health_of, tend_health
from people.models import (
    CheckedPerson,
    FaceTemplate,
    Gallery,
    GalleryHealth,
    GalleryKind,
    LookAlikes,
    OddPhotograph,
    Person,
    ReferenceImage,
    SearchIndex,
)
from people.tests.many_templates import add_templates, fill, tend_search_indexes
from people.types import HealthStatus
from vectors.stored import Rotated
from vision.distances import distance_matrix
from vision.engines import engines
from work.alone import alone

pytestmark = pytest.mark.django_db
transactional = pytest.mark.django_db(transaction=True)
HEALTH = "/api/v1/galleries/{}/health/"
# Distances are euclidean, and the threshold is 0.2.
A, NEAR_A, NEARER_A, FAR = [0.0, 0.0, 0.0, 1.0], [0.15, 0.0, 0.0, 1.0], [0.05, 0.0, 0.0, 1.0], [0.0, 5.0, 0.0, 1.0]
GOOD, POOR = {"recognisability": 0.5, "recognisability_reason": None}, {"recognisability": 0.02}


def person(gallery: Gallery, name: str, *vectors: Sequence[float]) -> Person:
    number = Person.objects.filter(client=gallery.client).count() + 1
    person = Person.objects.create(client=gallery.client, gallery=gallery, name=name, number=number)
    photograph(person, *vectors)
    return person


def photograph(person: Person, *vectors: Sequence[float], **quality: Any) -> ReferenceImage:
    """More photographs, of which the last one is returned."""
    if vectors:
        add_templates(person.gallery, [person.pk] * len(vectors), np.array(vectors, np.float32))
    image = person.reference_images.order_by("pk").last()
    assert image
    image.quality = quality or GOOD
    image.save()
    return image


def alike(gallery: Gallery) -> list[tuple[set[str], float]]:
    return [({row.person.name, row.other.name}, round(row.distance, 3)) for row in health_of(gallery).look_alikes]


def odd(gallery: Gallery) -> list[tuple[str, float]]:
    return [(row.person.name, round(row.distance, 3)) for row in health_of(gallery).odd_photographs]


def poor(gallery: Gallery) -> list[tuple[str, float | None, str]]:
    return [(row.person.name, row.recognisability, row.reason) for row in health_of(gallery).poor_people]


def status(gallery: Gallery) -> HealthStatus:
    return health_of(gallery).status


@pytest.fixture
def gallery(client_a: Client) -> Gallery:
    return Gallery.objects.default_of(client_a)


@pytest.fixture
def api(client_a: Client) -> APIClient:
    return APIClient(headers={"X-API-Key": create_api_key(client_name=client_a.name)[1]})


# ---- what is found ----------------------------------------------------------------------------------------------
def test_people_who_look_alike_are_found_once_the_nearest_pair_first(gallery: Gallery) -> None:
    person(gallery, "ann", A)
    person(gallery, "bob", NEAR_A, FAR)
    person(gallery, "eve", [0.0, 0.0, 3.0, 1.0], NEARER_A)
    person(gallery, "zoe", [0.0, 0.0, -3.0, 1.0])
    tend_health()
    assert alike(gallery) == [({"ann", "eve"}, 0.05), ({"bob", "eve"}, 0.1), ({"ann", "bob"}, 0.15)]


@pytest.mark.parametrize("kind", GalleryKind)
def test_only_people_of_one_gallery_are_compared(client_a: Client, client_b: Client, kind: GalleryKind) -> None:
    first = Gallery.objects.default_of(client_a, kind)
    others = [Gallery.objects.named(client_a, "staff", kind), Gallery.objects.default_of(client_b, kind)]
    person(first, "ann", A)
    for number, other in enumerate(others):
        person(other, f"twin {number}", A)
    tend_health()
    assert [alike(one) for one in (first, *others)] == [[], [], []]
    person(first, "eve", A)
    tend_health()
    assert [len(alike(one)) for one in (first, *others)] == [1, 0, 0]


def test_photographs_unlike_all_others_of_their_person(gallery: Gallery) -> None:
    person(gallery, "ann", A, NEAR_A, FAR)
    person(gallery, "bob", [0.0, -3.0, 0.0, 1.0])
    person(gallery, "eve", [3.0, 0.0, 0.0, 1.0], [3.0, 0.3, 0.0, 1.0])
    tend_health()
    assert [name for name, _ in odd(gallery)] == ["ann", "eve", "eve"]
    assert [far for _, far in odd(gallery)] == pytest.approx([5.0, 0.3, 0.3], abs=2e-3)


def test_people_with_poor_photographs_only(gallery: Gallery) -> None:
    far = ([float(n), 0.0, 9.0, 1.0] for n in range(1, 10))
    photograph(person(gallery, "bad", next(far)), **POOR, recognisability_reason="blurred")
    photograph(person(gallery, "worse", next(far)), recognisability=0.0, recognisability_reason="cut")
    photograph(person(gallery, "dark", next(far)), recognisability=None, recognisability_reason="dark")
    photograph(person(gallery, "unknown", next(far)), size=90)
    both = person(gallery, "both", next(far))
    photograph(both, **POOR)
    photograph(both, next(far), **GOOD)
    tend_health()
    assert poor(gallery) == [("worse", 0.0, "cut"), ("bad", 0.02, "blurred"), ("dark", None, "dark")]


@transactional
def test_as_many_pairs_as_numpy_finds_also_by_an_index(client_a: Client, settings: Settings) -> None:
    gallery = Gallery.objects.default_of(client_a)
    Gallery.objects.filter(pk=gallery.pk).update(threshold=0.6)
    gallery.refresh_from_db()
    fill(gallery, 300)
    stored = np.stack([template.embedding.numbers for template in FaceTemplate.objects.all()])
    expected = int((distance_matrix(stored, stored, metric="euclidean")[np.triu_indices(300, 1)] <= 0.6).sum())
    tend_health()
    found = health_of(gallery).look_alikes
    assert found.count() == expected > 20
    pairs = set(found.values_list("person", "other"))
    try:
        settings.INDEX_FROM = 200
        tend_search_indexes()
        assert SearchIndex.objects.get().is_used
        GalleryHealth.objects.all().delete()
        assert not LookAlikes.objects.exists()
        tend_health()
        assert set(health_of(gallery).look_alikes.values_list("person", "other")) == pairs
    finally:
        settings.INDEX_FROM = 0
        tend_search_indexes()


def test_a_person_with_very_many_look_alikes_names_the_nearest(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "MOST_ALIKE", 2)
    for number in range(6):
        person(gallery, f"p{number}", [0.03 * number, 0.0, 0.0, 1.0])
    tend_health()
    assert len(alike(gallery)) < 15 and ({"p0", "p1"}, 0.03) in alike(gallery)


# ---- kept up to date --------------------------------------------------------------------------------------------
def test_never_computed_then_current_also_for_nobody(gallery: Gallery) -> None:
    assert status(gallery) == HealthStatus.NEVER_COMPUTED
    tend_health()
    computed = health_of(gallery)
    assert (computed.status, alike(gallery), odd(gallery), poor(gallery)) == (HealthStatus.CURRENT, [], [], [])
    tend_health()
    assert health_of(gallery).computed_at == computed.computed_at


def test_enrolled_people_and_photographs_are_compared(gallery: Gallery) -> None:
    ann = person(gallery, "ann", A)
    tend_health()
    person(gallery, "bob", NEAR_A)
    assert status(gallery) == HealthStatus.OUTDATED
    tend_health()
    assert (status(gallery), alike(gallery)) == (HealthStatus.CURRENT, [({"ann", "bob"}, 0.15)])
    photograph(ann, NEARER_A, FAR)
    assert status(gallery) == HealthStatus.OUTDATED
    tend_health()
    assert alike(gallery) == [({"ann", "bob"}, 0.1)]
    assert [name for name, _ in odd(gallery)] == ["ann"]


def test_only_people_who_changed_are_compared_again(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        person(gallery, f"p{number}", [float(number), 0.0, 0.0, 1.0])
    tend_health()
    real, seen = health._check, []
    monkeypatch.setattr(health, "_check", lambda row, space, people: (seen.append(people), real(row, space, people)))
    late = person(gallery, "late", FAR)
    tend_health()
    assert [[one for one, _, _ in people] for people in seen] == [[late.pk]]


def test_erased_people_and_photographs_vanish_at_once(gallery: Gallery) -> None:
    ann, bob = person(gallery, "ann", A, FAR), person(gallery, "bob", NEAR_A, NEARER_A)
    photograph(person(gallery, "poor", [0.0, 0.0, 9.0, 1.0]), **POOR)
    tend_health()
    assert (alike(gallery), len(odd(gallery)), len(poor(gallery))) == ([({"ann", "bob"}, 0.05)], 2, 1)
    nearest = bob.reference_images.order_by("pk").last()
    assert nearest
    services.delete_reference_image(person=bob, image_id=nearest.number)
    assert (status(gallery), alike(gallery)) == (HealthStatus.OUTDATED, [])
    tend_health()
    assert alike(gallery) == [({"ann", "bob"}, 0.15)]
    services.erase_person(person=ann)
    assert (alike(gallery), odd(gallery)) == ([], [])
    services.erase_faces(person=Person.objects.get(name="poor"))
    assert poor(gallery) == []
    services.erase_person(person=bob)
    assert not (LookAlikes.objects.exists() or OddPhotograph.objects.exists() or CheckedPerson.objects.exists())


def test_people_who_move_are_compared_in_their_new_gallery_only(gallery: Gallery) -> None:
    person(gallery, "ann", A)
    bob = person(gallery, "bob", NEAR_A)
    staff = Gallery.objects.named(gallery.client, "staff")
    person(staff, "eve", NEARER_A)
    tend_health()
    services.update_person(person=bob, changes={"source": "staff"})
    assert (alike(gallery), status(staff)) == ([], HealthStatus.OUTDATED)
    tend_health()
    assert (alike(gallery), alike(staff)) == ([], [({"bob", "eve"}, 0.1)])
    services.update_person(person=bob, changes={"source": "default"})
    tend_health()
    assert (alike(gallery), alike(staff)) == ([({"ann", "bob"}, 0.15)], [])


def test_a_threshold_that_moves_a_little_cuts_the_lists_and_one_that_moves_far_computes_them(gallery: Gallery) -> None:
    person(gallery, "ann", A, [0.0, 0.0, 0.19, 1.0])
    person(gallery, "bob", [0.21, 0.0, 0.0, 1.0])
    person(gallery, "eve", [-0.5, 0.0, 0.0, 1.0])
    tend_health()
    for threshold, state, pairs, photographs in (
        (0.215, HealthStatus.CURRENT, 1, 0),
        (0.185, HealthStatus.CURRENT, 0, 2),
        (0.6, HealthStatus.OUTDATED, 1, 0),
    ):
        services.update_gallery(gallery=gallery, changes={"threshold": threshold})
        assert (status(gallery), len(alike(gallery)), len(odd(gallery))) == (state, pairs, photographs)
    tend_health()
    assert (status(gallery), len(alike(gallery))) == (HealthStatus.CURRENT, 2)
    services.update_gallery(gallery=gallery, changes={"threshold": None})
    assert status(gallery) == HealthStatus.OUTDATED
    tend_health()
    assert (status(gallery), len(alike(gallery)), len(odd(gallery))) == (HealthStatus.CURRENT, 0, 0)


def test_another_space_begins_anew(gallery: Gallery) -> None:
    person(gallery, "ann", A)
    person(gallery, "bob", NEAR_A)
    tend_health()
    Gallery.objects.filter(pk=gallery.pk).update(space=engines["second"].space.name)
    gallery.refresh_from_db()
    assert (status(gallery), alike(gallery)) == (HealthStatus.NEVER_COMPUTED, [])
    tend_health()
    assert (status(gallery), alike(gallery)) == (HealthStatus.CURRENT, [])


# ---- interrupted, and beside others -----------------------------------------------------------------------------
def test_a_run_that_is_out_of_time_goes_on_where_it_stopped(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "AT_ONCE", 1)
    for name in ("ann", "bob", "eve"):
        person(gallery, name, A)
    real = health._check

    def stop_after(row: GalleryHealth, *rest: Any) -> None:
        real(row, *rest)
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(health, "_check", stop_after)
        with pytest.raises(KeyboardInterrupt):
            tend_health()
    assert (status(gallery), CheckedPerson.objects.count()) == (HealthStatus.COMPUTING, 1)
    tend_health(seconds=0)
    assert CheckedPerson.objects.count() == 1
    tend_health()
    assert (status(gallery), len(alike(gallery))) == (HealthStatus.CURRENT, 3)


@transactional
def test_one_process_at_a_time(gallery: Gallery) -> None:
    with alone(health.LOCK) as is_alone:
        assert is_alone
        Rival(tend_health).finish()
    assert not GalleryHealth.objects.exists()


@transactional
def test_somebody_who_is_being_erased_is_left_out_and_hinders_nobody(gallery: Gallery) -> None:
    ann = person(gallery, "ann", A)
    person(gallery, "bob", NEAR_A)
    person(gallery, "eve", FAR)
    with transaction.atomic():
        services.erase_person(person=ann)
        Rival(tend_health).finish()
        assert set(CheckedPerson.objects.values_list("person__name", flat=True)) == {"eve"}
    assert not LookAlikes.objects.exists()
    tend_health()
    assert (status(gallery), CheckedPerson.objects.count()) == (HealthStatus.CURRENT, 2)


def test_a_gallery_whose_engine_is_not_enabled_hinders_no_other(gallery: Gallery, client_b: Client) -> None:
    other = Gallery.objects.default_of(client_b)
    Gallery.objects.filter(pk=gallery.pk).update(space="gone")
    tend_health()
    assert status(other) == HealthStatus.CURRENT


# ---- the answer -------------------------------------------------------------------------------------------------
def test_the_answer(gallery: Gallery, api: APIClient) -> None:
    assert api.get(HEALTH.format("default")).json()["status"] == "never_computed"
    ann, bob = person(gallery, "ann", A, FAR), person(gallery, "bob", NEAR_A)
    photograph(bob, **POOR, recognisability_reason="turned")
    tend_health()
    body = api.get(HEALTH.format("default")).json()
    assert (body["status"], body["threshold"], body["poor_below"]) == ("current", 0.2, 0.05)
    assert body["computed_at"] and body["metric"] == "euclidean"
    [pair] = body["look_alikes"]["items"]
    assert [one["person_id"] for one in pair["people"]] == [ann.number, bob.number]
    assert (pair["distance"], 0.7 < pair["similarity"] < 1) == (pytest.approx(0.15, abs=5e-3), True)
    assert [one["person_id"] for one in body["odd_photographs"]["items"]] == [ann.number] * 2
    [bad] = body["poor_people"]["items"]
    assert (bad["name"], bad["recognisability"], bad["reason"]) == ("bob", 0.02, "turned")
    for key in ("look_alikes", "odd_photographs", "poor_people"):
        whole = api.get(body[key]["url"]).json()
        assert (whole["items"], whole["total_items"]) == (body[key]["items"], body[key]["total_items"])


def test_lists_have_pages(gallery: Gallery, api: APIClient) -> None:
    for number in range(5):
        person(gallery, f"p{number}", [0.01 * number, 0.0, 0.0, 1.0])
    tend_health()
    path, seen = HEALTH.format("default") + "look-alikes/", []
    for offset in range(0, 12, 3):
        page = api.get(path, {"limit": 3, "offset": offset}).json()
        assert page["total_items"] == 10
        seen += [tuple(one["person_id"] for one in pair["people"]) for pair in page["items"]]
    assert len(seen) == len(set(seen)) == 10
    assert api.get(path, {"limit": 0}).status_code == 422


def test_scopes_and_other_clients(gallery: Gallery, client_a: Client, client_b: Client, api: APIClient) -> None:
    Gallery.objects.named(client_a, "a/b c")
    Gallery.objects.default_of(client_a, GalleryKind.BLACKLIST)
    assert api.get(HEALTH.format("a/b c")).status_code == 200
    foreign = APIClient(headers={"X-API-Key": create_api_key(client_name=client_b.name)[1]})
    assert foreign.get(HEALTH.format("a/b c")).status_code == 404
    for scopes, name, code in (
        ([Scope.PEOPLE_READ], "default", 200),
        ([Scope.PEOPLE_SEARCH], "default", 403),
        ([Scope.PEOPLE_READ], "blacklist", 403),
        ([Scope.PEOPLE_READ, Scope.BLACKLIST_READ], "blacklist", 200),
    ):
        key = create_api_key(client_name=client_a.name, scopes=scopes)[1]
        assert APIClient(headers={"X-API-Key": key}).get(HEALTH.format(name)).status_code == code


def test_templates_of_other_spaces_do_not_count(gallery: Gallery) -> None:
    ann = person(gallery, "ann", A)
    tend_health()
    FaceTemplate.objects.create(
        client=gallery.client, gallery=gallery, person=ann, reference_image=ann.reference_images.get(),
        space=engines["second"].space.name, embedding=Rotated.of([0.0] * 8),
    )  # fmt: skip
    assert status(gallery) == HealthStatus.CURRENT


# ---- admin ------------------------------------------------------------------------------------------------------
def test_the_page_in_the_admin_has_pages_and_is_for_members(gallery: Gallery, client_b: Client) -> None:
    for number in range(8):
        person(gallery, f"p{number}", [0.01 * number, 0.0, 0.0, 1.0])
    tend_health()
    url = reverse("admin:people_gallery_health", args=[gallery.pk])
    assert browser_of(make_member(client_b, Role.MANAGER)).get(url).status_code == 404
    browser = browser_of(make_member(gallery.client, Role.VIEWER))
    first = browser.get(url).content.decode()
    assert "page 1 of 2" in first and "?alike=2#alike" in first and "no picture" in first
    second = browser.get(url, {"alike": 2}).content.decode()
    assert (first.count("fa-twins"), second.count("fa-twins")) == (24, 4)
    assert browser.get(reverse("admin:people_gallery_health", args=[gallery.pk + 1])).status_code == 404
    Gallery.objects.update(space="gone")
    without_engine = browser.get(url)
    assert without_engine.status_code == 200 and "fa-section" not in without_engine.content.decode()
