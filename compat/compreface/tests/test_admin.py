"""Services in the admin."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser

from clients.models import ApiKey, Client, Role
from clients.services import create_api_key
from clients.tests.members import browser_of, make_member
from compat.compreface.models import Service
from compat.compreface.services import create_service
from compat.compreface.tests.wire import SUBJECTS, Caller
from people.models import Gallery, GalleryKind

pytestmark = pytest.mark.django_db
ADD = "/admin/compreface/service/add/"
KEY = "c8f2a6b0-9d3e-4a17-8f55-0b61d2e7a934"


@pytest.fixture
def browser(admin_user: User) -> Browser:
    return browser_of(admin_user)


@pytest.fixture
def key(client_a: Client) -> ApiKey:
    return create_api_key(client_name=client_a.name)[0]


def test_a_service_with_an_earlier_key(browser: Browser, key: ApiKey, client_a: Client) -> None:
    gallery = Gallery.objects.named(client_a, "staff")
    sent = {"api_key": key.pk, "name": "Entrance", "kinds": ["R"], "gallery": gallery.pk, "key_uuid": KEY}
    page = browser.post(ADD, sent | {"origins": "https://page.example"}, follow=True)
    made = Service.objects.get()
    assert (made.client, made.gallery, made.kinds) == (client_a, gallery, ["R"])
    assert KEY not in page.content.decode() and made.has_alias
    assert Caller(KEY).get(SUBJECTS).status == 200
    change = f"/admin/compreface/service/{made.pk}/change/"
    browser.post(change, {"name": "Door", "kinds": ["D"], "key_uuid": "", "origins": ""})
    made.refresh_from_db()
    assert (made.name, made.has_alias) == ("Door", True)
    assert Caller(KEY).get(SUBJECTS).error == (404, 10)
    browser.post(f"/admin/compreface/service/{made.pk}/delete/", {"post": "yes"})
    assert Caller(KEY).get(SUBJECTS).error == (404, 10)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"key_uuid": "12"}, "This is no UUID."),
        ({"key_uuid": "00000000-0000-0000-0000-000000000002"}, "can be guessed"),
        ({"gallery": ""}, "Say whom recognition knows."),
        ({"kinds": []}, "This field is required."),
    ],
)
def test_what_cannot_be_a_service(
    browser: Browser, key: ApiKey, client_a: Client, wrong: dict[str, str], told: str
) -> None:
    gallery = Gallery.objects.named(client_a, "staff")
    sent = {"api_key": key.pk, "name": "Entrance", "kinds": ["R"], "gallery": gallery.pk, "key_uuid": ""}
    page = browser.post(ADD, sent | wrong)
    assert told in page.content.decode()
    assert not Service.objects.exists()


def test_a_gallery_of_another_client(browser: Browser, key: ApiKey, client_b: Client) -> None:
    foreign = Gallery.objects.named(client_b, "staff")
    sent = {"api_key": key.pk, "name": "Entrance", "kinds": ["R"], "gallery": foreign.pk}
    assert "Choose a gallery of the client of the key." in browser.post(ADD, sent).content.decode()


def test_a_blacklist_is_not_for_keys_of_people(browser: Browser, key: ApiKey, client_a: Client) -> None:
    blacklist = Gallery.objects.default_of(client_a, GalleryKind.BLACKLIST)
    sent = {"api_key": key.pk, "name": "Entrance", "kinds": ["R"], "gallery": blacklist.pk, "key_uuid": ""}
    assert "Choose a gallery of people" in browser.post(ADD, sent).content.decode()
    assert not Service.objects.exists()
    made, text = create_service(client=client_a, kinds="R", name="x", gallery=blacklist)
    assert made.gallery == blacklist and Caller(text).get(SUBJECTS).error == (404, 10)


def test_an_earlier_key_that_a_client_has_whom_the_manager_does_not_see(client_a: Client, client_b: Client) -> None:
    create_service(client=client_b, kinds="R", name="Theirs", key_uuid=KEY)
    key, _ = create_api_key(client_name=client_a.name)
    browser = browser_of(make_member(client_a, Role.MANAGER))
    gallery = Gallery.objects.named(client_a, "staff")
    sent = {"api_key": key.pk, "name": "Entrance", "kinds": ["R"], "gallery": gallery.pk, "key_uuid": KEY}
    page = browser.post(ADD, sent, follow=True)
    assert (page.status_code, Service.objects.count()) == (200, 1)
    assert "Another service has this key." in page.content.decode()
