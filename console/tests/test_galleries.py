"""The health of galleries in the console. What is found is tested in `people.tests.test_health`."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from django.test import Client as Browser
from django.urls import reverse

from audit.models import Record
from audit.services import stop_searching
from blacklist.services import create_entry
from clients.models import Client, Role
from clients.tests.members import browser_of, make_member
from console.galleries.shown import ON_A_PAGE, STATES, Found
from console.tests.queries import few_queries
from people.health import tend_health
from people.models import Gallery, GalleryHealth, GalleryKind, Person
from people.tests.test_health import FAR, NEAR_A, POOR, A, person, photograph
from people.types import HealthStatus
from vision.tests.drawing import RED, picture
from vision.types import Upload

pytestmark = pytest.mark.django_db
NAME = "عبد الله <b>بن</b>"


@pytest.fixture
def operator(client_a: Client) -> Browser:
    return browser_of(make_member(client_a, Role.OPERATOR))


@pytest.fixture
def gallery(client_a: Client) -> Gallery:
    """Two who look alike, one of them with an odd photograph, and one whose photograph is poor."""
    gallery = Gallery.objects.default_of(client_a)
    person(gallery, NAME, A)
    person(gallery, "Bob", NEAR_A, FAR)
    photograph(person(gallery, "Zoe", [0.0, 0.0, 9.0, 1.0]), **POOR, recognisability_reason="blurred")
    return gallery


def page_of(browser: Browser, gallery: Gallery, **query: Any) -> Any:
    return browser.get(reverse("console:gallery", args=[gallery.pk]), query)


def found(answer: Any) -> list[set[str]]:
    return [{one.person.name for one in finding.people} for finding in answer.context["findings"].shown]


def check(browser: Browser, gallery: Gallery, client: Client) -> Any:
    """As if the queue worked, without a worker."""
    with patch("people.tasks.tend_health.delay"):
        return browser.post(reverse("console:gallery-check", args=[gallery.pk]), {"for_client": client.pk})


def test_what_was_found_is_shown_and_recorded(operator: Browser, gallery: Gallery) -> None:
    tend_health()
    answer = page_of(operator, gallery)
    page = answer.content.decode()
    assert found(answer) == [{NAME, "Bob"}] and [count for *_, count in answer.context["findings"].tabs] == [1, 2, 1]
    assert "&lt;b&gt;بن" in page and "<b>بن" not in page and "Up to date." in page
    assert found(page_of(operator, gallery, show="odd")) == [{"Bob"}, {"Bob"}]
    poor = page_of(operator, gallery, show="poor")
    assert found(poor) == [{"Zoe"}] and "The face is blurred." in poor.content.decode()
    assert "No picture is stored" in page and "<img" not in page  # these photographs have no files
    for finding in answer.context["findings"].shown[0].people:
        assert f'href="{finding.url}"' in page and operator.get(finding.url).status_code == 200
    seen = Record.objects.filter(action="view").order_by("pk").first()
    assert seen and seen.objects_named == ["person:1", "person:2"]
    listed = operator.get(reverse("console:galleries")).content.decode()
    assert reverse("console:gallery", args=[gallery.pk]) in listed and "not yet" not in listed


def test_pages_of_findings(operator: Browser, client_a: Client) -> None:
    gallery = Gallery.objects.default_of(client_a)
    for number in range(7):
        person(gallery, str(number), [number / 1000, 0.0, 0.0, 1.0])
    tend_health()
    first, second = page_of(operator, gallery), page_of(operator, gallery, page=2)
    assert (len(found(first)), len(found(second))) == (ON_A_PAGE, 21 - ON_A_PAGE)
    assert found(page_of(operator, gallery, page="x", show="x")) == found(first)


def test_a_check_is_started_once_and_shows_how_far_it_is(operator: Browser, client_a: Client, gallery: Gallery) -> None:
    assert "Not checked yet" in page_of(operator, gallery).content.decode()
    tend_health()
    assert check(operator, gallery, client_a).status_code == 302
    row = GalleryHealth.objects.get()
    assert (row.round, row.started_at is None) == (2, False)
    check(operator, gallery, client_a)
    assert GalleryHealth.objects.get().round == 2
    part = operator.get(reverse("console:gallery", args=[gallery.pk]), headers={"HX-Request": "true"})
    text = part.content.decode()
    assert "<html" not in text and "0 of 3 people" in text and 'hx-trigger="every 5s' in text
    tend_health()
    assert 'id="check" class="card">' in page_of(operator, gallery).content.decode()


def test_viewers_look_and_do_not_start_it(client_a: Client, gallery: Gallery) -> None:
    tend_health()
    viewer = browser_of(make_member(client_a, Role.VIEWER))
    assert "Check everybody anew" not in page_of(viewer, gallery).content.decode()
    assert check(viewer, gallery, client_a).status_code == 403 and GalleryHealth.objects.get().round == 1


def test_those_of_another_client_do_not_exist(client_b: Client, gallery: Gallery) -> None:
    other = browser_of(make_member(client_b, Role.MANAGER))
    assert page_of(other, gallery).status_code == 404 == check(other, gallery, client_b).status_code
    assert reverse("console:gallery", args=[gallery.pk]) not in other.get(reverse("console:galleries")).content.decode()


def test_a_gallery_that_cannot_be_searched_says_why(operator: Browser, client_a: Client, gallery: Gallery) -> None:
    tend_health()
    stop_searching(client_id=client_a.pk)
    assert check(operator, gallery, client_a).status_code == 503
    Gallery.objects.update(space="gone")
    answer = page_of(operator, gallery)
    assert answer.status_code == 200 and "no longer enabled" in answer.content.decode()
    assert "findings" not in answer.context


def test_an_erased_person_is_gone_from_the_page(operator: Browser, gallery: Gallery) -> None:
    tend_health()
    Person.objects.get(name="Bob").delete()
    assert found(page_of(operator, gallery)) == []


def test_pages_ask_the_database_little(operator: Browser, client_a: Client, gallery: Gallery) -> None:
    for number in range(20):
        Gallery.objects.named(client_a, f"gallery {number}", GalleryKind.BLACKLIST)
    tend_health()
    for url in (reverse("console:galleries"), reverse("console:gallery", args=[gallery.pk])):
        with few_queries():
            assert operator.get(url).status_code == 200


def test_entries_lead_to_the_watch_list(client_a: Client) -> None:
    entry = create_entry(client=client_a, name=NAME, uploads=[Upload(picture(RED))]).entry
    found = Found(Person.objects.get(pk=entry.pk), entry.reference_images.get())
    assert found.url == reverse("console:watchlist-entry", args=[entry.number])
    assert browser_of(make_member(client_a, Role.VIEWER)).get(found.url).status_code == 200


def test_every_state_has_words() -> None:
    assert set(STATES) == set(HealthStatus)
