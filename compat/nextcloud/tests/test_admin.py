"""Choosing the model of a Nextcloud server in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.utils import timezone
from pytest_django.fixtures import Settings

from clients.models import ApiKey, Client
from clients.services import create_api_key
from clients.tests.members import browser_of
from compat.nextcloud.models import KeyModel

pytestmark = pytest.mark.django_db
LIST = "/admin/nextcloud/keymodel/"


@pytest.fixture
def browser(admin_user: User) -> Browser:
    return browser_of(admin_user)


@pytest.fixture
def key(client_a: Client) -> ApiKey:
    return create_api_key(client_name=client_a.name, scopes=["nextcloud"])[0]


def change(browser: Browser, row: KeyModel, **values: Any) -> Any:
    return browser.post(f"{LIST}{row.pk}/change/", values)


def test_model_is_chosen_for_a_key(browser: Browser, key: ApiKey) -> None:
    page = browser.get(f"{LIST}add/").content.decode()
    assert "confirm" not in page
    response = browser.post(f"{LIST}add/", {"api_key": key.pk, "model": 3})
    assert response.status_code == 302
    row = KeyModel.objects.get()
    assert (row.api_key, row.model, row.computed_at) == (key, 3, None)
    listed = browser.get(LIST).content.decode()
    assert "3: HOG, 5 landmarks" in listed and key.client.name in listed


def test_change_before_the_first_face_asks_nothing(browser: Browser, key: ApiKey) -> None:
    row = KeyModel.objects.create(api_key=key, model=3)
    assert change(browser, row, model=1).status_code == 302
    row.refresh_from_db()
    assert row.model == 1


def test_change_after_the_first_face_has_to_be_confirmed(browser: Browser, key: ApiKey) -> None:
    row = KeyModel.objects.create(api_key=key, model=3, computed_at=timezone.now())
    response = change(browser, row, model=1)
    assert response.status_code == 200
    assert "Faces were computed with model 3" in response.content.decode()
    row.refresh_from_db()
    assert (row.model, row.computed_at is not None) == (3, True)
    assert change(browser, row, model=1, confirm="on").status_code == 302
    row.refresh_from_db()
    assert (row.model, row.computed_at) == (1, None)


def test_saving_without_a_change_asks_nothing(browser: Browser, key: ApiKey) -> None:
    row = KeyModel.objects.create(api_key=key, model=3, computed_at=timezone.now())
    assert change(browser, row, model=3).status_code == 302
    row.refresh_from_db()
    assert row.computed_at


def test_model_stays_with_its_key(browser: Browser, key: ApiKey, client_b: Client) -> None:
    row = KeyModel.objects.create(api_key=key, model=3)
    other, _ = create_api_key(client_name=client_b.name, scopes=["nextcloud"])
    change(browser, row, model=3, api_key=other.pk)
    row.refresh_from_db()
    assert row.api_key == key


def test_model_2_is_refused_unless_permitted(browser: Browser, key: ApiKey, settings: Settings) -> None:
    row = KeyModel.objects.create(api_key=key, model=3)
    assert "switched off" in change(browser, row, model=2).content.decode()
    settings.NEXTCLOUD_68_POINTS = True
    assert change(browser, row, model=2).status_code == 302


def test_deleting_the_key_deletes_its_model(browser: Browser, key: ApiKey) -> None:
    KeyModel.objects.create(api_key=key, model=3)
    browser.post(f"/admin/clients/apikey/{key.pk}/delete/", {"post": "yes"})
    assert not KeyModel.objects.exists()


def test_list_asks_no_question_per_row(browser: Browser, client_a: Client, django_assert_max_num_queries: Any) -> None:
    for _ in range(6):
        KeyModel.objects.create(api_key=create_api_key(client_name=client_a.name, scopes=["nextcloud"])[0], model=1)
    with django_assert_max_num_queries(10):
        assert browser.get(LIST).status_code == 200
