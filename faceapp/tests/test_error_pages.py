"""The pages that people see instead of the one they asked for; they tell nothing of the request or its error."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.test import Client as Browser
from django.urls import reverse
from pytest_django.fixtures import Settings

from clients.models import Client, Role
from clients.tests.members import browser_of, make_member
from people.models import Person

pytestmark = pytest.mark.django_db
SIDEBAR, OVERVIEW = 'id="nav-sidebar', 'href="/admin/">Go to the overview'


@pytest.fixture
def viewer(client_a: Client) -> Browser:
    return browser_of(make_member(client_a, Role.VIEWER))


def test_what_is_not_there_is_said_in_the_admin(viewer: Browser, client_b: Client) -> None:
    person = Person.objects.create(client=client_b, name="Secretname")
    for number in (person.pk, 10**9):
        answer = viewer.get(reverse("admin:people_person_report", args=[number]))
        page = answer.content.decode()
        assert answer.status_code == 404 and OVERVIEW in page and "belongs to alice" in page
        assert "Secretname" not in page and "bob" not in page
    assert viewer.get("/admin/nonsense/").status_code == 404


def test_what_a_role_does_not_allow_is_said_in_the_admin(viewer: Browser) -> None:
    answer = viewer.get(reverse("admin:auth_user_changelist"))
    page = answer.content.decode()
    assert answer.status_code == 403 and OVERVIEW in page and "Your role in alice, viewer, does not allow this" in page
    root = browser_of(User.objects.create_superuser("root"))
    refused = root.get(reverse("admin:audit_record_add"))
    assert refused.status_code == 403 and "Nobody may do this here" in refused.content.decode()


def test_others_get_pages_of_the_site(client_a: Client) -> None:
    tom = browser_of(User.objects.create_user("tom"))
    for browser in (Browser(), tom):
        answer = browser.get("/nonsense/secret-path/")
        page = answer.content.decode()
        assert answer.status_code == 404 and "Go to the start page" in page
        assert "secret-path" not in page and "/admin/people" not in page
    refused = tom.get("/admin/login/")
    assert refused.status_code == 403 and "The account tom may not see this page" in refused.content.decode()
    assert "/admin/people" not in refused.content.decode()


def test_a_refused_request_gets_a_page(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["faces.test"]
    answer = Browser().get("/login/", headers={"Host": "evil.test"})
    assert answer.status_code == 400 and "Bad request" in answer.content.decode()
    assert "evil" not in answer.content.decode()


def test_a_page_for_a_bug_needs_neither_database_nor_user(django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        assert "Something went wrong" in render_to_string("500.html")
