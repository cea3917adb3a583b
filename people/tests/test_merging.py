"""Merging, splitting and keeping people apart: what is where afterwards, for whom, and beside other work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from albums import services as albums
from albums.curation import name_group
from albums.models import FaceGroup
from audit.models import Record
from blacklist.services import create_entry
from clients.models import Client, Role, Scope
from clients.services import create_api_key
from clients.tests.members import browser_of, make_member
from errors import FaceAppError
from faceapp.tests.rivals import Rival, wait_until_blocked
from people import services
from people.erasure import Holder, holders
from people.exceptions import BadMerge, BadSplit, ExternalIdTaken, PersonNotFound
from people.health import health_of, tend_health
from people.models import (
    CheckedPerson,
    FaceTemplate,
    Gallery,
    KeptApart,
    LookAlikes,
    MergedPerson,
    OddPhotograph,
    Person,
    ReferenceImage,
)
from people.tests.test_health import NEAR_A, A, photograph
from people.tests.test_services import enrol, found
from people.types import EnrolmentRules, Whom
from vision.tests.drawing import BLUE, GREEN, RED, picture
from vision.types import Upload
from work.submissions import read_submission

pytestmark = pytest.mark.django_db
transactional = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada(client_a: Client) -> Person:
    return enrol(client_a, RED, "ada", name="Ada", metadata={"floor": 1, "desk": 4}, legal_basis="contract").person


@pytest.fixture
def twin(client_a: Client) -> Person:
    return enrol(client_a, GREEN, "twin", name="A. Lovelace", metadata={"floor": 2, "car": "x"}, source="s2").person


@pytest.fixture
def api(client_a: Client) -> APIClient:
    return APIClient(headers={"X-API-Key": create_api_key(client_name=client_a.name)[1]})


def member(client: Client, name: str, *vectors: list[float]) -> Person:
    person = services.create_person(client=client, name=name)
    photograph(person, *vectors)
    return person


def numbers(person: Person) -> list[int]:
    return list(ReferenceImage.objects.filter(person=person).order_by("pk").values_list("number", flat=True))


def test_every_part_that_holds_something_of_people_has_every_function() -> None:
    wanted = {name for name in vars(Holder) if not name.startswith("_")}
    for holder in holders():
        assert wanted <= vars(holder).keys(), holder


# ---- merging ----------------------------------------------------------------------------------------------------
def test_the_other_becomes_part_of_the_person(client_a: Client, ada: Person, twin: Person, media_root: Path) -> None:
    services.set_primary_image(person=twin, image_id=numbers(twin)[0])
    services.update_person(person=twin, changes={"legal_basis": "consent of 3 May"})
    both = numbers(ada) + numbers(twin)
    merged = services.merge_persons(person=ada, other=twin)
    merged.refresh_from_db()
    assert Person.objects.get() == merged == ada
    assert (merged.name, merged.external_id) == ("Ada", "ada")
    assert merged.metadata == {"floor": 1, "desk": 4, "car": "x"}
    assert merged.legal_basis == "contract; consent of 3 May"
    assert numbers(merged) == both and not ReferenceImage.objects.filter(is_primary=True).exists()
    templates = FaceTemplate.objects.values_list("person", "gallery").distinct()
    assert list(templates) == [(ada.pk, ada.gallery_id)]
    assert found(client_a, RED, GREEN) == [["ada"], ["ada"]]
    assert found(client_a, GREEN, sources=["s2"]) == [[]]
    row = Record.objects.get(action="merge")
    assert row.objects_named[:2] == [ada.audit_name, twin.audit_name] and row.results == 1


def test_what_the_person_lacks_is_the_others(client_a: Client, twin: Person) -> None:
    nobody = services.create_person(client=client_a)
    services.set_primary_image(person=twin, image_id=numbers(twin)[0])
    merged = services.merge_persons(person=nobody, other=twin)
    assert (merged.name, merged.external_id) == ("A. Lovelace", "twin")
    assert ReferenceImage.objects.get().is_primary


def test_nothing_is_merged_that_is_not_one_clients_two_people(client_a: Client, client_b: Client, ada: Person) -> None:
    entry = create_entry(client=client_a, name="Mallory", uploads=[Upload(picture(BLUE))]).entry
    for other, error in (
        (ada, BadMerge),
        (enrol(client_b, RED).person, BadMerge),
        (Person.objects.get(pk=entry.pk), PersonNotFound),
    ):
        for one, two in ((ada, other), (other, ada)):
            with pytest.raises(error):
                services.merge_persons(person=one, other=two)
            with pytest.raises(error):
                services.keep_apart(person=one, other=two)
    assert Person.objects.count() == 3 and not MergedPerson.objects.exists()


def test_an_external_id_that_is_taken_refuses_the_whole_merge(client_a: Client, twin: Person) -> None:
    nameless = enrol(client_a, RED, None).person
    enrol(client_a, BLUE, "twin")
    with pytest.raises(ExternalIdTaken):
        services.merge_persons(person=nameless, other=twin)
    assert found(client_a, GREEN) == [["twin"]] and Person.objects.count() == 3


def test_named_groups_of_albums_follow(client_a: Client, ada: Person) -> None:
    album = albums.create_album(client=client_a, name="Party")
    albums.add_images(album=album, submissions=[read_submission(Upload(picture(BLUE), "b.png"))])
    albums.queue_images(album=album)
    group = name_group(group=FaceGroup.objects.get(), name="Blue")
    assert group.person
    services.merge_persons(person=ada, other=group.person)
    assert FaceGroup.objects.get().person == ada
    receipt = services.erase_person(person=ada)
    assert receipt.count("album_faces") == 1 and not FaceGroup.objects.exists()


def test_what_was_said_of_the_other_is_reported_and_erased_with_the_person(
    client_a: Client, ada: Person, twin: Person
) -> None:
    third = enrol(client_a, BLUE, "third").person
    services.keep_apart(person=third, other=twin)
    services.keep_apart(person=ada, other=twin)
    uuid, number, rows = str(twin.uuid), twin.number, Record.objects.filter(objects_named__contains=[twin.audit_name])
    named = rows.count()
    services.merge_persons(person=ada, other=twin)
    assert [(row.person, row.other) for row in KeptApart.objects.all()] == [(ada, third)]
    [described] = services.report_of_person(person=ada)["people"]
    assert [one["id"] for one in described["kept_apart"]] == [third.number]
    [former] = described["merged"]
    assert (former["id"], former["uuid"]) == (number, uuid)
    assert described["audit_rows"] > named >= 3
    services.merge_persons(person=third, other=ada)
    assert MergedPerson.objects.filter(person=third).count() == 2


# ---- splitting --------------------------------------------------------------------------------------------------
def test_photographs_become_a_person_of_their_own(client_a: Client, ada: Person) -> None:
    enrol(client_a, GREEN, "ada"), enrol(client_a, BLUE, "ada")
    first, green, blue = numbers(ada)
    services.set_primary_image(person=ada, image_id=green)
    new = services.split_person(person=ada, images=[green, blue], name="Somebody", external_id="else")
    assert (numbers(ada), numbers(new)) == ([first], [green, blue])
    assert (new.gallery, new.legal_basis, new.metadata) == (ada.gallery, "contract", {})
    assert found(client_a, RED, GREEN, BLUE) == [["ada"], ["else"], ["else"]]
    assert not ReferenceImage.objects.filter(is_primary=True).exists()
    assert KeptApart.objects.filter(person=ada, other=new).exists()
    assert Record.objects.get(action="split").objects_named[:2] == [ada.audit_name, new.audit_name]


def test_a_split_undoes_a_merge(client_a: Client, ada: Person, twin: Person) -> None:
    own = numbers(twin)
    services.merge_persons(person=ada, other=twin)
    new = services.split_person(person=ada, images=own, external_id="twin")
    assert found(client_a, RED, GREEN) == [["ada"], ["twin"]]
    services.merge_persons(person=ada, other=new)
    assert found(client_a, RED, GREEN) == [["ada"], ["ada"]] and not KeptApart.objects.exists()


def test_a_split_leaves_something_on_both_sides(client_a: Client, client_b: Client, ada: Person) -> None:
    enrol(client_a, GREEN, "ada")
    first, second = numbers(ada)
    foreign = numbers(enrol(client_b, RED).person)[0] + 100
    for images in ([], [first, second], [first, foreign], [foreign]):
        with pytest.raises(BadSplit):
            services.split_person(person=ada, images=images)
    enrol(client_a, BLUE, "taken")
    with pytest.raises(ExternalIdTaken):
        services.split_person(person=ada, images=[second], external_id="taken")
    assert numbers(ada) == [first, second]


# ---- the health of the gallery ----------------------------------------------------------------------------------
def test_findings_follow_the_photographs(client_a: Client) -> None:
    gallery = Gallery.objects.default_of(client_a)
    ann, bob, eve = member(client_a, "ann", A), member(client_a, "bob", NEAR_A, A), member(client_a, "eve", NEAR_A)
    photograph(ann, [0.0, 5.0, 0.0, 1.0])
    tend_health()
    assert LookAlikes.objects.count() == 3 and OddPhotograph.objects.filter(person=ann).exists()
    new = services.split_person(person=ann, images=numbers(ann)[1:])
    assert not OddPhotograph.objects.filter(person=ann).exists()
    services.merge_persons(person=ann, other=bob)
    for row in LookAlikes.objects.all():
        assert (row.image.person, row.other_image.person) == (row.person, row.other)
    tend_health()
    assert [{row.person, row.other} for row in health_of(gallery).look_alikes] == [{ann, eve}]
    assert set(CheckedPerson.objects.values_list("person", flat=True)) == {ann.pk, eve.pk, new.pk}
    services.keep_apart(person=eve, other=ann)
    assert not health_of(gallery).look_alikes and not services.same_person_pairs(gallery)
    tend_health()
    assert not health_of(gallery).look_alikes


@transactional
def test_what_was_found_of_a_photograph_that_moved_meanwhile_is_not_stored(
    client_a: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = Gallery.objects.default_of(client_a)
    ann, bob = member(client_a, "ann", A, [0.0, 5.0, 0.0, 1.0]), member(client_a, "bob", NEAR_A)
    from people import health

    real, moves = health._store, [numbers(ann)[:1]]

    def store(*found: Any) -> None:
        if moves:
            Rival(lambda: services.split_person(person=ann, images=moves.pop())).finish()
        real(*found)

    monkeypatch.setattr(health, "_store", store)
    tend_health()
    assert not LookAlikes.objects.filter(person=ann) and not OddPhotograph.objects.filter(person=ann)
    tend_health()
    [pair] = health_of(gallery).look_alikes
    assert pair.image.person == pair.person and {pair.person, pair.other} == {bob, Person.objects.latest("pk")}


# ---- at the same time -------------------------------------------------------------------------------------------
@transactional
@pytest.mark.parametrize("doing", ["enrol", "erase", "merge", "remove", "split"])
def test_who_comes_second_finds_the_person_merged(client_a: Client, ada: Person, twin: Person, doing: str) -> None:
    """Nothing of the other is lost or left behind."""
    image = numbers(twin)[0]
    rules = EnrolmentRules()
    work: dict[str, Any] = {
        "enrol": lambda: services.enrol_face(
            client=client_a, upload=Upload(picture(BLUE)), whom=Whom(twin), rules=rules
        ),
        "erase": lambda: services.erase_person(person=twin),
        "merge": lambda: services.merge_persons(person=twin, other=ada),
        "remove": lambda: services.delete_reference_image(person=twin, image_id=image),
        "split": lambda: services.split_person(person=twin, images=[image]),
    }
    with transaction.atomic():
        services.merge_persons(person=ada, other=twin)
        rival = Rival(work[doing])
        wait_until_blocked()
    with pytest.raises(PersonNotFound):
        rival.finish()
    assert found(client_a, RED, GREEN) == [["ada"], ["ada"]]
    assert FaceTemplate.objects.exclude(person=ada).count() == 0


@transactional
@pytest.mark.parametrize("doing", ["enrol", "erase"])
def test_a_merge_waits_for_who_came_first(client_a: Client, ada: Person, twin: Person, doing: str) -> None:
    with transaction.atomic():
        if doing == "enrol":
            enrol(client_a, BLUE, "twin", source="s2")
        else:
            services.erase_person(person=twin)
        rival = Rival(lambda: services.merge_persons(person=ada, other=twin))
        wait_until_blocked()
    if doing == "enrol":
        rival.finish()
        assert found(client_a, RED, GREEN, BLUE) == [["ada"]] * 3
    else:
        with pytest.raises(PersonNotFound):
            rival.finish()
        assert found(client_a, RED, GREEN) == [["ada"], []]


# ---- the API ----------------------------------------------------------------------------------------------------
def test_the_api_merges_splits_and_keeps_apart(api: APIClient, client_a: Client, ada: Person, twin: Person) -> None:
    path = f"/api/v1/people/{ada.number}/"
    assert api.post(f"{path}apart/", {"person": twin.number}, format="json").status_code == 204
    answer = api.post(f"{path}merge/", {"person": str(twin.uuid)}, format="json")
    assert (answer.status_code, answer.json()["image_count"], answer.json()["name"]) == (200, 2, "Ada")
    assert api.get(f"/api/v1/people/{twin.number}/").json()["code"] == "person.not_found"
    split = api.post(f"{path}split/", {"images": numbers(ada)[1:], "name": "Other"}, format="json")
    assert (split.status_code, split.json()["name"], split.json()["image_count"]) == (201, "Other", 1)
    for action, body, code in (
        ("merge", {"person": ada.number}, "person.bad_merge"),
        ("merge", {"person": "nobody"}, "person.not_found"),
        ("merge", {"person": twin.number}, "person.not_found"),
        ("split", {"images": numbers(ada)}, "person.bad_split"),
        ("apart", {"person": ada.number}, "person.bad_merge"),
    ):
        assert api.post(f"{path}{action}/", body, format="json").json()["code"] == code, action
    for action, body in (
        ("merge", {}),
        ("split", {"images": ["x"]}),
        ("split", {"images": [10**30]}),
        ("split", {}),
        ("apart", {}),
    ):
        assert api.post(f"{path}{action}/", body, format="json").status_code == 422


def test_another_clients_person_is_not_found(api: APIClient, client_b: Client, ada: Person) -> None:
    foreign = enrol(client_b, RED).person
    answer = api.post(f"/api/v1/people/{ada.number}/merge/", {"person": str(foreign.uuid)}, format="json")
    assert answer.json()["code"] == "person.not_found"
    foreign_api = APIClient(headers={"X-API-Key": create_api_key(client_name=client_b.name)[1]})
    for action in ("merge", "split", "apart"):
        path = f"/api/v1/people/{ada.uuid}/{action}/"
        body = {"person": foreign.number, "images": numbers(ada)}
        assert foreign_api.post(path, body, format="json").status_code == 404


def test_operators_split_and_managers_merge(client_a: Client, ada: Person, twin: Person, settings: Settings) -> None:
    settings.CONFIRM_SECONDS = 300
    enrol(client_a, BLUE, "ada")
    users: dict[Role, User] = {role: make_member(client_a, role) for role in Role}
    split = {Role.VIEWER: 403, Role.OPERATOR: 201}
    for role, code in split.items():
        answer = browser_of(users[role]).post(
            f"/api/v1/people/{ada.number}/split/", {"images": numbers(ada)[1:]}, content_type="application/json"
        )
        assert answer.status_code == code, role
    for role in (Role.VIEWER, Role.OPERATOR):
        answer = browser_of(users[role]).post(f"/api/v1/people/{ada.number}/merge/", {"person": twin.number})
        assert (answer.status_code, answer.json()["code"]) == (403, "auth.missing_role")
    answer = browser_of(users[Role.MANAGER]).post(f"/api/v1/people/{ada.number}/merge/", {"person": twin.number})
    assert answer.json()["code"] == "auth.confirmation_required"


def test_keys_that_may_not_read_learn_nothing_of_the_others(client_a: Client, ada: Person, twin: Person) -> None:
    key = create_api_key(client_name=client_a.name, scopes=[Scope.PEOPLE_WRITE])[1]
    blind = APIClient(headers={"X-API-Key": key})
    body = blind.post(f"/api/v1/people/{ada.number}/merge/", {"person": twin.number}, format="json").json()
    assert body["id"] == ada.number and not body.keys() & {"name", "metadata", "external_id"}


def test_refusals_say_nothing_of_people(client_a: Client, ada: Person, twin: Person) -> None:
    with pytest.raises(FaceAppError) as caught:
        services.merge_persons(person=ada, other=ada)
    assert "Ada" not in str(caught.value)
