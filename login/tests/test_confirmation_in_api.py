"""In the API, too, people who are logged in confirm it before they erase or take something out."""

from __future__ import annotations

import json
import re
import time

import pytest
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from django.contrib.auth.models import User
from django.test import Client as Browser
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from clients.models import Client, Role
from clients.permissions import HasScope
from clients.services import create_api_key
from clients.tests.members import make_member
from compat.ekyc.tests import isolation as ekyc
from faceapp.tests.test_isolation import api_patterns
from login.permissions import IsConfirmed
from login.tests.conftest import log_in
from people.models import Person
from vision.tests.drawing import RED, data_url, picture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flush")]
PASSWORD = "the right password"


@pytest.fixture
def manager(client_a: Client) -> User:
    user = make_member(client_a, Role.MANAGER, "grace")
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def idle(settings: Settings, manager: User) -> Browser:
    """Logged in as a manager of a client, eleven minutes ago."""
    browser, settings.CONFIRM_SECONDS = Browser(), 600
    log_in(browser, name=manager.username)
    session = browser.session
    session[AUTHENTICATION_METHODS_SESSION_KEY][0]["at"] = time.time() - 660
    session.save()
    return browser


@pytest.fixture
def person(client_a: Client) -> Person:
    return Person.objects.create(client=client_a, name="Rose")


def refused(answer, target: str) -> str:
    """The page where the user confirms it."""
    assert (answer.status_code, answer.json()["code"]) == (403, "auth.confirmation_required")
    [place] = re.findall(r"http://testserver(/login/confirm/\?next=\S+)", answer.json()["detail"])
    assert Browser().get(place)["Location"].startswith("/login/") and place.endswith(target)
    return str(place)


@pytest.mark.parametrize("query", ["", "?everywhere=true"])
def test_erasing_is_confirmed_first(idle: Browser, person: Person, query: str) -> None:
    path = f"/api/v1/people/{person.number}/"
    place = refused(idle.delete(path + query), f"people%2F{person.number}%2F")
    assert idle.get(path).status_code == 200
    assert idle.post(place, {"password": "wrong"}).status_code == 200
    assert idle.delete(path + query).status_code == 403 and Person.objects.exists()
    assert idle.post(place, {"password": PASSWORD})["Location"] == path
    assert idle.delete(path + query).status_code == 200 and not Person.objects.exists()


def test_a_report_is_confirmed_first(idle: Browser, person: Person) -> None:
    path = f"/api/v1/people/{person.number}/report/"
    place = refused(idle.get(path), "report%2F")
    image = json.dumps({"image": data_url(picture(RED))})
    refused(idle.post("/api/v1/people/report/", image, "application/json"), "people%2Freport%2F")
    assert idle.post(place, {"password": PASSWORD})["Location"] == path
    assert idle.get(path).status_code == 200


def test_the_older_api_asks_too(idle: Browser, client_a: Client) -> None:
    ekyc.store(client_a)
    answer = idle.post("/remove", json.dumps({"people_id": "u1"}), "application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "auth.confirmation_required")
    assert Person.objects.filter(external_id="u1").exists()


def test_whom_only_a_provider_knows_logs_in_again(idle: Browser, manager: User, person: Person) -> None:
    manager.set_unusable_password()
    manager.save()
    idle.force_login(manager)
    answer = idle.delete(f"/api/v1/people/{person.number}/").json()
    assert answer["code"] == "auth.confirmation_required" and "/login/logout/" in answer["detail"]


def test_keys_are_not_asked_and_the_page_shows_its_button(
    idle: Browser, client_a: Client, person: Person, settings: Settings
) -> None:
    path = f"/api/v1/people/{person.number}/"
    assert 'data-method="DELETE"' in idle.get(path, headers={"Accept": "text/html"}).content.decode()
    key = create_api_key(client_name=client_a.name)[1]
    assert APIClient(headers={"X-API-Key": key}).delete(path).status_code == 200


def test_every_view_asks() -> None:
    views = [getattr(pattern.callback, "cls", None) for pattern in api_patterns()]
    guarded = [view for view in views if HasScope in getattr(view, "permission_classes", [])]
    assert guarded and all(IsConfirmed in view.permission_classes for view in guarded)
