"""People in the admin: the services do the work, blacklist entries do not appear, the history contains no names."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.urls import reverse

from blacklist.services import create_entry
from calibration import services as calibration
from calibration.models import SpaceCalibration
from clients.models import Client, Role
from clients.tests.members import browser_of, make_member
from people import services
from people.exceptions import UnusableValue
from people.models import FaceTemplate, Gallery, GalleryKind, Person, ReferenceImage
from people.types import Whom
from vision.engines import engines
from vision.tests.drawing import GREEN, RED, picture
from vision.types import Upload

pytestmark = pytest.mark.django_db
LIST = "/admin/people/person/"


@pytest.fixture
def staff(db: None) -> Browser:
    browser = Browser()
    browser.force_login(User.objects.create_superuser("root"))
    return browser


@pytest.fixture
def person(client_a: Client) -> Person:
    upload = Upload(picture(RED), "red.png")
    whom = Whom(external_id="u1", name="Red", source="s1")
    return services.enrol_face(client=client_a, upload=upload, whom=whom).person


def test_list_shows_people_and_no_blacklist_entries(
    staff: Browser, person: Person, client_a: Client, django_assert_max_num_queries: Any
) -> None:
    entry = create_entry(client=client_a, name="Listed", uploads=[Upload(picture(GREEN))]).entry
    for number in range(5):
        services.enrol_face(client=client_a, upload=Upload(picture(RED)), whom=Whom(external_id=f"more-{number}"))
    with django_assert_max_num_queries(12):
        page = staff.get(LIST).content.decode()
    assert "u1" in page and "Listed" not in page
    image = person.reference_images.get().pk
    assert reverse("admin:people_photograph", args=[image, "face"]) in page
    assert staff.get(f"{LIST}photograph/{image}/face/")["Content-Type"] == "image/jpeg"
    assert staff.get(f"{LIST}photograph/{entry.reference_images.get().pk}/face/").status_code == 404
    assert staff.get(f"{LIST}{entry.pk}/change/").status_code == 404
    assert staff.get(f"{LIST}add/").status_code == 403


def form_of(person: Person, **fields: Any) -> dict[str, Any]:
    image = person.reference_images.get().pk
    management = {"TOTAL_FORMS": 1, "INITIAL_FORMS": 1, "0-id": image, "0-person": person.pk}
    values = {"name": "Red", "external_id": "u1", "gallery": person.gallery_id, "metadata": "{}"} | fields
    return values | {f"reference_images-{name}": value for name, value in management.items()}


def test_record_is_corrected_and_the_templates_follow(staff: Browser, person: Person) -> None:
    other = Gallery.objects.named(person.client, "s2")
    answer = staff.post(f"{LIST}{person.pk}/change/", form_of(person, name="Scarlet", gallery=other.pk, external_id=""))
    assert answer.status_code == 302
    stored = Person.objects.get()
    assert (stored.name, stored.gallery.name, stored.external_id) == ("Scarlet", "s2", None)
    assert set(FaceTemplate.objects.values_list("gallery__name", flat=True)) == {"s2"}
    assert LogEntry.objects.get().object_repr == f"person {person.pk}"


def test_the_form_shows_what_the_services_would_refuse(staff: Browser, person: Person, client_a: Client) -> None:
    services.create_person(client=client_a, external_id="u2", source="s1")
    blacklist = Gallery.objects.default_of(client_a, GalleryKind.BLACKLIST).pk
    for fields, words in (({"external_id": "u2"}, "exists already"), ({"gallery": blacklist}, "valid choice")):
        answer = staff.post(f"{LIST}{person.pk}/change/", form_of(person, **fields))
        assert (answer.status_code, words in answer.content.decode()) == (200, True)


def test_photograph_is_removed(staff: Browser, person: Person) -> None:
    page = staff.get(f"{LIST}{person.pk}/change/").content.decode()
    assert "Remove this photograph" in page
    staff.post(f"{LIST}{person.pk}/change/", form_of(person) | {"reference_images-0-DELETE": "on"})
    assert not ReferenceImage.objects.exists() and Person.objects.exists()


def test_erasing_asks_first(staff: Browser, person: Person) -> None:
    chosen = {"action": "erase_faces", "_selected_action": [person.pk]}
    page = staff.post(LIST, chosen).content.decode()
    assert "cannot be undone" in page and ReferenceImage.objects.exists()
    done = staff.post(LIST, chosen | {"confirmed": "yes"}, follow=True).content.decode()
    assert "Receipts:" in done
    assert (Person.objects.count(), ReferenceImage.objects.count(), FaceTemplate.objects.count()) == (1, 0, 0)
    delete = {"action": "delete_selected", "_selected_action": [person.pk]}
    assert "Are you sure" in staff.post(LIST, delete).content.decode()
    staff.post(LIST, delete | {"post": "yes"})
    assert not Person.objects.exists()
    assert set(LogEntry.objects.values_list("object_repr", flat=True)) == {f"person {person.pk}"}


def test_staff_who_may_only_look_change_nothing(person: Person) -> None:
    browser = browser_of(make_member(person.client, Role.VIEWER))
    page = browser.get(f"{LIST}{person.pk}/change/").content.decode()
    assert "Remove this photograph" not in page and f"photograph/{person.reference_images.get().pk}/" in page
    assert browser.post(f"{LIST}{person.pk}/change/", form_of(person, name="x")).status_code == 403
    assert browser.post(f"{LIST}{person.pk}/delete/", {"post": "yes"}).status_code == 403


def test_operators_correct_and_managers_erase(person: Person, client_b: Client) -> None:
    operator = browser_of(make_member(person.client, Role.OPERATOR))
    page = f"{LIST}{person.pk}/change/"
    assert operator.post(page, form_of(person, name="Rosso") | {"reference_images-0-DELETE": "on"}).status_code == 302
    assert Person.objects.get().name == "Rosso" and ReferenceImage.objects.exists()
    chosen = {"action": "erase_faces", "_selected_action": [person.pk], "confirmed": "yes"}
    assert operator.post(f"{LIST}{person.pk}/delete/", {"post": "yes"}).status_code == 403
    for browser in (operator, browser_of(make_member(client_b, Role.MANAGER))):
        browser.post(LIST, chosen)
        assert ReferenceImage.objects.exists()
    browser_of(make_member(person.client, Role.MANAGER)).post(LIST, chosen)
    assert not ReferenceImage.objects.exists()


def test_calibration_takes_the_metric_of_its_space(staff: Browser, client_a: Client) -> None:
    fields = {"client": client_a.pk, "space": "fake-fake-4", "threshold": "0.15", "false_match_rate": "", "note": "x"}
    assert staff.post("/admin/calibration/spacecalibration/add/", fields).status_code == 302
    assert SpaceCalibration.objects.get().metric == "euclidean"
    space = engines["default"].space
    assert calibration.operating_point(client=client_a, space=space).threshold == 0.15
    assert staff.get("/admin/calibration/spacecalibration/").status_code == 200
    again = staff.post("/admin/calibration/spacecalibration/add/", fields | {"threshold": "-1"})
    assert again.status_code == 200


def test_only_hits_of_a_blacklist_are_judged(client_a: Client) -> None:
    people, blacklist = (Gallery.objects.default_of(client_a, kind) for kind in GalleryKind)
    assert (people.kind, blacklist.kind) == ("people", "blacklist")
    with pytest.raises(UnusableValue):
        services.update_gallery(gallery=people, changes={"two_person_review": True})
    assert services.update_gallery(gallery=blacklist, changes={"two_person_review": True}).two_person_review
    User.objects.create_superuser("root", password="x")
    browser = Browser()
    browser.login(username="root", password="x")
    pages = [browser.get(f"/admin/people/gallery/{one.pk}/change/").content.decode() for one in (people, blacklist)]
    assert ['name="two_person_review"' in page for page in pages] == [False, True]
