"""Galleries: which one a call means, and at which threshold each decides."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.test import Client as Browser
from rest_framework.test import APIClient

from blacklist.services import create_entry
from calibration import counting
from calibration.services import set_calibration
from calibration.tests.measured import measured as measured  # a fixture
from clients.models import Client, Scope
from clients.services import create_api_key
from people import services
from people.exceptions import GalleryNotEmpty, GalleryNotFound
from people.galleries import people_in
from people.models import FaceTemplate, Gallery, GalleryKind, Person
from people.types import Enrolment, EnrolmentRules, Probe, SearchOptions, Whom
from vision.engines import engines
from vision.tests.drawing import BLUE, GREEN, RED, data_url, picture
from vision.types import Upload

pytestmark = pytest.mark.django_db(transaction=True)
NEARLY_RED = (205, 30, 20)  # 0.06 from RED
GALLERIES = "/api/v1/galleries/"


def enrol(client: Client, colour: tuple[int, int, int] = RED, external_id: str = "u1", source: str = "") -> Enrolment:
    whom = Whom(external_id=external_id, source=source)
    return services.enrol_face(client=client, upload=Upload(picture(colour)), whom=whom, rules=EnrolmentRules())


def matches(client: Client, colour: tuple[int, int, int], **options: Any) -> list[str | None]:
    probe = Probe(picture(colour))
    found = services.search_people(client=client, probe=probe, options=SearchOptions(**options))
    return [candidate.person.external_id for candidate in found.matches]


def at_once(work: Callable[[int], Any], times: int = 10) -> list[Any]:
    def closing(number: int) -> Any:
        try:
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(closing, range(times)))


@pytest.fixture
def api(client_a: Client) -> APIClient:
    return APIClient(headers={"X-API-Key": create_api_key(client_name=client_a.name)[1]})


# ---- which gallery ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", GalleryKind)
def test_a_default_gallery_is_created_once(client_a: Client, kind: GalleryKind) -> None:
    made = at_once(lambda _: Gallery.objects.default_of(client_a, kind).pk)
    assert len(set(made)) == Gallery.objects.filter(kind=kind, is_default=True).count() == 1


def test_enrolling_into_an_unknown_gallery_creates_it_once(client_a: Client) -> None:
    at_once(lambda number: enrol(client_a, external_id=f"u{number}", source="staff"))
    assert Gallery.objects.get().name == "staff"
    assert Person.objects.filter(gallery__name="staff").count() == 10


def test_the_name_default_means_the_default_gallery_until_that_is_renamed(client_a: Client) -> None:
    first = enrol(client_a, source="default").person
    assert (first.gallery.name, first.gallery.is_default) == ("default", True)
    services.update_gallery(gallery=first.gallery, changes={"name": "customers"})
    assert enrol(client_a).person == first
    assert not enrol(client_a, source="default").person.gallery.is_default


def test_a_client_has_one_default_gallery_of_a_kind(client_a: Client) -> None:
    Gallery.objects.default_of(client_a)
    with pytest.raises(IntegrityError), transaction.atomic():
        Gallery.objects.create(client=client_a, name="second", is_default=True)


def test_without_sources_all_galleries_of_people_are_searched(client_a: Client) -> None:
    enrol(client_a)
    enrol(client_a, external_id="u2", source="staff")
    create_entry(client=client_a, name="Listed", uploads=[Upload(picture(RED))])
    assert set(matches(client_a, RED)) == {"u1", "u2"}
    assert matches(client_a, RED, sources=[""]) == matches(client_a, RED, sources=["default"]) == ["u1"]
    assert matches(client_a, RED, sources=["staff"]) == ["u2"]
    assert set(matches(client_a, RED, sources=["", "staff"])) == {"u1", "u2"}
    assert matches(client_a, RED, sources=["unknown"]) == matches(client_a, RED, sources=["a\0b"]) == []


def test_blacklist_is_an_ordinary_name_for_a_gallery_of_people(client_a: Client) -> None:
    entry = create_entry(client=client_a, name="Listed", uploads=[Upload(picture(RED))]).entry
    person = enrol(client_a, source="blacklist").person
    assert (entry.gallery.name, person.gallery.name) == ("blacklist", "blacklist")
    assert entry.gallery != person.gallery
    assert matches(client_a, RED, sources=["blacklist"]) == ["u1"]


# ---- thresholds -------------------------------------------------------------------------------------------------
def test_another_threshold_for_one_gallery(client_a: Client) -> None:
    enrol(client_a, NEARLY_RED, "customer")
    enrol(client_a, NEARLY_RED, "guard", source="staff")
    services.update_gallery(gallery=Gallery.objects.get(name="staff"), changes={"threshold": 0.01})
    assert matches(client_a, RED, sources=["staff"]) == []
    assert matches(client_a, RED, sources=[""]) == ["customer"]
    assert matches(client_a, RED) == ["customer"]  # each candidate by its own gallery
    assert set(matches(client_a, RED, threshold=0.1)) == {"customer", "guard"}  # the call's decides everywhere
    assert matches(client_a, RED, sources=["staff"], threshold=0.1) == ["guard"]


def test_a_gallerys_threshold_decides_before_the_clients_calibration(client_a: Client) -> None:
    person = enrol(client_a, NEARLY_RED).person
    set_calibration(client=client_a, space="default", threshold=0.01)
    assert not services.verify_person(person=person, data=picture(RED)).matches
    services.update_gallery(gallery=person.gallery, changes={"threshold": 0.15})
    person.refresh_from_db()
    compared = services.verify_person(person=person, data=picture(RED))
    assert (compared.matches, compared.threshold) == (True, 0.15)
    assert enrol(client_a, RED, "twin").duplicates
    probe = Probe(picture(RED))
    [single] = [services.search_people(client=client_a, probe=probe, options=SearchOptions(sources=[""]))]
    assert single.threshold == 0.15


def test_margins_compare_candidates_of_different_galleries(client_a: Client) -> None:
    enrol(client_a, RED, "same")
    enrol(client_a, NEARLY_RED, "near", source="staff")
    [face] = services.search_people(client=client_a, probe=Probe(picture(RED))).faces
    first, second = (candidate.comparison for candidate in face.candidates)
    assert first.margin == pytest.approx(first.similarity - second.similarity)
    assert second.margin == pytest.approx(second.similarity - first.similarity)


def test_a_gallerys_space_decides_there(client_a: Client) -> None:
    enrol(client_a, source="staff")
    enrol(client_a, GREEN)
    second = engines["second"].space.name
    Gallery.objects.filter(name="staff").update(space=second)
    probe = Probe(picture(RED))
    found = services.search_people(client=client_a, probe=probe, options=SearchOptions(sources=["staff"]))
    assert (found.space, len(found.matches)) == (second, 1)
    assert services.search_people(client=client_a, probe=probe).space == engines["default"].space.name


def test_a_gallerys_threshold_is_a_distance_in_its_spaces_own_metric(client_a: Client) -> None:
    blacklist = Gallery.objects.default_of(client_a, GalleryKind.BLACKLIST)
    services.update_gallery(gallery=blacklist, changes={"threshold": 0.05})

    def threshold(**options: Any) -> float:
        return services.search_in(client=client_a, galleries=[blacklist], **options).point.threshold

    assert threshold() == threshold(alias="default") == 0.05
    assert threshold(threshold=0.3) == 0.3
    assert threshold(metric="cosine") != 0.05
    assert threshold(alias="second") != 0.05


# ---- deleting ---------------------------------------------------------------------------------------------------
def test_enrolling_and_deleting_a_gallery_at_once_keeps_everyone(client_a: Client) -> None:
    def turn(number: int) -> None:
        if number % 2:
            enrol(client_a, external_id=f"u{number}", source="staff")
        else:
            with suppress(GalleryNotEmpty, GalleryNotFound):
                services.delete_gallery(gallery=services.get_gallery(client=client_a, name="staff"))

    for _ in range(3):
        Gallery.objects.get_or_create(client=client_a, name="staff")
        at_once(turn, 6)
        assert Person.objects.count() == FaceTemplate.objects.count() / 2 == 3
        for person in Person.objects.all():
            services.erase_person(person=person)


# ---- API --------------------------------------------------------------------------------------------------------
def test_galleries_are_listed_oldest_first_so_that_new_ones_do_not_move_pages(
    api: APIClient, client_a: Client, client_b: Client, django_assert_num_queries: Any
) -> None:
    for number, source in enumerate(["staff", "", "staff", "customers"]):
        enrol(client_a, external_id=f"u{number}", source=source)
    enrol(client_b)
    create_entry(client=client_a, name="Listed", uploads=[Upload(picture(GREEN))])
    api.get(GALLERIES)  # the key's first use is recorded
    with django_assert_num_queries(3):  # key, count, galleries
        page = api.get(GALLERIES).json()
    rows = [(row["kind"], row["name"], row["people"], row["is_default"]) for row in page["items"]]
    assert rows == [
        ("people", "staff", 2, False), ("people", "default", 1, True), ("people", "customers", 1, False),
        ("blacklist", "blacklist", 1, True),
    ]  # fmt: skip
    assert (page["total_items"], page["items"][0]["threshold"], page["items"][0]["space"]) == (4, None, "fake-fake-4")
    assert [row["name"] for row in api.get(f"{GALLERIES}?limit=1&offset=1").json()["items"]] == ["default"]


def test_a_gallery_is_renamed_given_a_threshold_and_deleted(api: APIClient, client_a: Client) -> None:
    person = enrol(client_a, source="Ärzte / Praxis").person
    path = f"{GALLERIES}Ärzte / Praxis/"
    changed = api.patch(path, {"name": "staff", "threshold": 0.1}, format="json")
    assert (changed.status_code, changed.json()["name"], changed.json()["threshold"]) == (200, "staff", 0.1)
    assert api.get(f"/api/v1/people/{person.number}/").json()["source"] == "staff"
    assert api.get(path).json()["code"] == "gallery.not_found"
    assert api.patch(f"{GALLERIES}staff/", {"threshold": None}, format="json").json()["threshold"] is None
    assert api.delete(f"{GALLERIES}staff/").json()["code"] == "gallery.not_empty"
    services.erase_person(person=person)
    assert api.delete(f"{GALLERIES}staff/").status_code == 204
    assert not Gallery.objects.exists()


def test_a_default_gallery_may_be_renamed_but_stays(api: APIClient, client_a: Client) -> None:
    Gallery.objects.default_of(client_a)
    assert api.patch(f"{GALLERIES}default/", {"name": "main"}, format="json").json()["is_default"]
    answer = api.delete(f"{GALLERIES}main/")
    assert (answer.status_code, answer.json()["code"]) == (409, "gallery.is_default")
    assert api.post("/api/v1/people/", {"name": "x"}, format="json").json()["source"] == "main"


def test_kind_chooses_between_galleries_with_the_same_name(api: APIClient, client_a: Client) -> None:
    Gallery.objects.default_of(client_a, GalleryKind.BLACKLIST)
    assert api.get(f"{GALLERIES}blacklist/").json()["kind"] == "blacklist"
    enrol(client_a, source="blacklist")
    assert api.get(f"{GALLERIES}blacklist/").json()["kind"] == "people"
    assert api.get(f"{GALLERIES}blacklist/?kind=blacklist").json()["kind"] == "blacklist"
    assert api.get(f"{GALLERIES}blacklist/?kind=other").status_code == 404


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({"name": ""}, (422, "validation_error")), ({"name": "n" * 101}, (422, "validation_error")),
        ({"name": "a\0b"}, (422, "validation_error")), ({"threshold": 0}, (422, "person.bad_value")),
        ({"threshold": -1}, (422, "person.bad_value")), ({"threshold": "NaN"}, (422, "validation_error")),
        ({"name": "default"}, (409, "gallery.name_taken")),
    ],
)  # fmt: skip
def test_bad_changes_are_refused(
    api: APIClient, client_a: Client, fields: dict[str, Any], answer: tuple[int, str]
) -> None:
    Gallery.objects.default_of(client_a)
    staff = Gallery.objects.named(client_a, "staff")
    response = api.patch(f"{GALLERIES}staff/", fields, format="json")
    assert (response.status_code, response.json()["code"]) == answer
    staff.refresh_from_db()
    assert (staff.name, staff.threshold) == ("staff", None)


def test_reading_and_changing_need_the_scopes_of_people(client_a: Client) -> None:
    Gallery.objects.default_of(client_a)
    reader = APIClient(headers={"X-API-Key": create_api_key(client_name=client_a.name, scopes=[Scope.PEOPLE_READ])[1]})
    assert reader.get(GALLERIES).status_code == reader.get(f"{GALLERIES}default/").status_code == 200
    assert reader.patch(f"{GALLERIES}default/", {"name": "x"}, format="json").status_code == 403
    assert reader.delete(f"{GALLERIES}default/").status_code == 403


# ---- ids --------------------------------------------------------------------------------------------------------
def test_ids_count_per_client_and_uuids_work_as_well(api: APIClient, client_a: Client, client_b: Client) -> None:
    for number in range(3):
        enrol(client_b, external_id=f"u{number}")
        create_entry(client=client_b, name=f"n{number}", uploads=[Upload(picture(GREEN))])
    made = api.post("/api/v1/people/", {"image": data_url(picture(RED))}, format="json").json()
    image = made["enrolment"]["image"]
    assert (made["id"], image["id"]) == (1, 1)
    assert image["url"].endswith("/api/v1/people/1/images/1/")
    for person in (made["id"], made["uuid"]):
        path = f"/api/v1/people/{person}/"
        assert api.get(path).json()["uuid"] == made["uuid"]
        assert api.get(f"{path}images/{image['uuid']}").status_code == 200
        [face] = api.post("/api/v1/people/search", {"image": data_url(picture(RED))}, format="json").json()["faces"]
        candidate = face["candidates"][0]
        assert (candidate["person_id"], candidate["person_uuid"], candidate["reference_image_id"]) == (
            1, made["uuid"], 1
        )  # fmt: skip
    assert api.get("/api/v1/people/no-number/").status_code == 422
    listed = create_entry(client=client_a, name="Listed", uploads=[Upload(picture(BLUE))]).entry
    assert api.get(f"/api/v1/blacklist/{listed.uuid}/").json()["id"] == listed.number == 2
    assert api.get(f"/api/v1/people/{listed.uuid}/").status_code == 404


# ---- admin ------------------------------------------------------------------------------------------------------
def test_galleries_in_the_admin(client_a: Client, django_assert_max_num_queries: Any) -> None:
    User.objects.create_superuser("root", password="x")
    browser = Browser()
    browser.login(username="root", password="x")
    person = enrol(client_a, source="staff").person
    for number in range(5):
        enrol(client_a, external_id=f"member-{number}", source=f"gallery {number}")
    with django_assert_max_num_queries(12):
        assert "gallery 4" in browser.get("/admin/people/gallery/").content.decode()
    page = f"/admin/people/gallery/{person.gallery_id}/change/"
    assert browser.post(page, {"name": "gallery 1", "threshold": ""}).status_code == 200  # taken: the form again
    assert browser.post(page, {"name": "guards", "threshold": "0.1"}).status_code == 302
    assert (Gallery.objects.get(pk=person.gallery_id).name, Gallery.objects.get(name="guards").threshold) == (
        "guards", 0.1
    )  # fmt: skip
    delete = f"/admin/people/gallery/{person.gallery_id}/delete/"
    assert browser.post(delete, {"post": "yes"}).status_code == 403
    services.erase_person(person=person)
    assert browser.post(delete, {"post": "yes"}).status_code == 302
    default = Gallery.objects.default_of(client_a)
    assert browser.post(f"/admin/people/gallery/{default.pk}/delete/", {"post": "yes"}).status_code == 403
    chosen = Gallery.objects.get(name="gallery 2")
    people = browser.get(f"/admin/people/person/?gallery__id__exact={chosen.pk}").content.decode()
    assert "member-2" in people and "member-3" not in people
    assert "alice: gallery 2" in people


# ---- allowed errors ---------------------------------------------------------------------------------------------
def test_a_search_of_more_people_is_stricter_and_says_so(client_a: Client, api: APIClient, measured: Path) -> None:
    """0.17 is a rate of 2.5e-5: enough among 400 people. A comparison with one of them goes on matching."""
    person = enrol(client_a).person
    other = {"image": data_url(picture((RED[0] - 43, *RED[1:])))}
    [face] = api.post("/api/v1/people/search", other, format="json").json()["faces"]
    assert face["decision"] == "match"
    gallery = Gallery.objects.get()
    Person.objects.bulk_create(
        Person(client=client_a, gallery=gallery, kind=GalleryKind.PEOPLE, number=1000 + number) for number in range(999)
    )
    answer = api.post("/api/v1/people/search", other, format="json").json()
    assert (answer["people"], answer["false_match_rate"], answer["extrapolated"]) == (1000, 1e-5, False)
    assert answer["false_alarm_rate"] == pytest.approx(0.01, rel=0.01)
    [face] = answer["faces"]
    [candidate] = face["candidates"]
    assert (face["decision"], candidate["comparison"]["decision"]) == ("no_match", "no_match")
    assert candidate["comparison"]["similarity"] > 0.7
    verified = api.post(f"/api/v1/people/{person.number}/verify", other, format="json").json()
    assert (verified["decision"], verified["people"], verified["false_match_rate"]) == ("match", 1, 1e-4)
    asked = api.post("/api/v1/people/search", other | {"threshold": 0.3}, format="json").json()
    assert (asked["faces"][0]["decision"], asked["false_match_rate"]) == ("match", 0.01)


def test_all_galleries_of_a_search_count(client_a: Client, measured: Path) -> None:
    enrol(client_a, source="a"), enrol(client_a, source="b"), enrol(client_a, GREEN, "u2", source="b")

    def people(*sources: str) -> int:
        options = SearchOptions(sources=sources or None)
        return services.search_people(client=client_a, probe=Probe(picture(RED)), options=options).point.people

    assert (people("a"), people("b"), people()) == (1, 2, 3)


def test_a_gallerys_targets(client_a: Client, api: APIClient, measured: Path) -> None:
    enrol(client_a, source="strict")
    url = f"{GALLERIES}strict/"
    assert api.get(url).json()["fpir_per_thousand"] is None
    changed = api.patch(url, {"fpir_per_thousand": 0.001, "review_fpir_per_thousand": 1}, format="json")
    assert (changed.status_code, changed.json()["fpir_per_thousand"]) == (200, 0.001)
    body = {"image": data_url(picture(RED)), "sources": ["strict"]}
    assert api.post("/api/v1/people/search", body, format="json").json()["threshold"] == pytest.approx(0.1)
    near = body | {"image": data_url(picture((RED[0] - 40, *RED[1:])))}
    assert api.post("/api/v1/people/search", near, format="json").json()["faces"][0]["decision"] == "review"
    assert api.patch(url, {"fpir_per_thousand": None}, format="json").json()["fpir_per_thousand"] is None


@pytest.mark.parametrize("field", ["fpir_per_thousand", "fmr_per_million", "review_fpir_per_thousand"])
@pytest.mark.parametrize("value", [-1, 1e9, "nan", "inf", True, "many"])
def test_impossible_targets_are_refused(client_a: Client, api: APIClient, field: str, value: Any) -> None:
    enrol(client_a, source="g")
    refused = api.patch(f"{GALLERIES}g/", {field: value}, format="json")
    assert refused.status_code == 422 and getattr(Gallery.objects.get(name="g"), field) is None
    if field != "review_fpir_per_thousand":
        assert api.patch(f"{GALLERIES}g/", {field: 0}, format="json").status_code == 422


def test_the_number_of_people_in_a_large_gallery_is_remembered_for_a_moment(
    client_a: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "COUNTED", 2)
    monkeypatch.setattr(counting, "KEPT", 1e9)
    monkeypatch.setattr(counting, "_kept", {})
    gallery = enrol(client_a).person.gallery
    for number in range(2, 6):
        assert people_in([gallery.pk]) == min(number - 1, 3)
        enrol(client_a, external_id=f"u{number}")
    monkeypatch.setattr(counting, "_kept", {})
    assert people_in([gallery.pk]) == 5
