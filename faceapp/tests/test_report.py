"""What is held about a face, for somebody who asks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from rest_framework.test import APIClient

from albums import services as albums
from blacklist.models import BlacklistEntry
from blacklist.services import create_entry
from clients.models import Client
from clients.services import create_api_key
from faceapp.tests.test_erasure import album_with, enrol, screen
from notifications.models import Subscription
from notifications.services import notify
from notifications.types import Event, Message
from people.models import Gallery, GalleryKind, Person
from people.report import report_of_person
from recognition.models import Match
from recognition.review import judge
from recognition.types import ReviewState
from training.models import KnownPerson, Recogniser
from vision.tests.drawing import BLUE, GREEN, RED, data_url, picture
from vision.types import Upload

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flush")]


def report(client: Client, number: int | None = None, *scopes: str, **body: Any) -> dict[str, Any]:
    api = APIClient(headers={"X-API-Key": create_api_key(client_name=client.name, scopes=scopes or ["all"])[1]})
    path = f"/api/v1/people/{number}/report/" if number else "/api/v1/people/report/"
    answer = api.get(path) if number else api.post(path, body, format="json")
    return {"status": answer.status_code} | answer.json()


@pytest.fixture
def stored(client_a: Client, client_b: Client) -> int:
    """Red is known, listed, in an album and screened, with two clients. Returns the number of the first's person."""
    for client in (client_a, client_b):
        Client.objects.filter(pk=client.pk).update(keep_screened_embeddings=True)
        client.refresh_from_db()
        person = enrol(client)
        enrol(client, GREEN, "Gwen")
        create_entry(client=client, name="Listed", uploads=[Upload(picture(RED), "b.png")])
        album_with(client, picture(RED, GREEN), picture(BLUE))
        screen(client, picture(GREEN, RED))
    first: int = person.__class__.objects.get(client=client_a, name="Rose").number
    return first


def test_a_report_of_a_person(client_a: Client, stored: int) -> None:
    found = report(client_a, stored)
    [person] = found["people"]
    assert (person["name"], len(person["photographs"]), person["photographs"][0]["original_name"]) == (
        "Rose",
        1,
        "rose.png",
    )
    assert person["audit_rows"] >= 1
    assert [(one["kind"], one["source"]) for one in found["similar_people"]] == [("blacklist", "blacklist")]
    assert "Listed" not in json.dumps(found)
    assert [(one["image"], one["face"], one["has_file"]) for one in found["album_faces"]] == [(1, 0, True)]
    assert [(one["image"], one["face"]) for one in found["screened_faces"]] == [(1, 1)]
    assert {one["what"] for one in found["not_searched"]} == {"answers"}


def test_messages_about_a_person_are_in_the_report(client_a: Client, client_b: Client, stored: int) -> None:
    """To whom and when, and not who else is named."""
    entry = BlacklistEntry.objects.get(client=client_a)
    for client in (client_a, client_b):
        Subscription.objects.create(client=client, name="Door", target="https://hooks.example/", events=["hit"])
        about = [f"person:{entry.number}", "person:999"]
        notify(Event.HIT, Message("a", {"hits": [{"entry": 999}]}, about), client_id=client.pk)
    [message] = report_of_person(person=entry)["messages"]
    assert (message["event"], message["way"], message["subscription"], message["status"]) == (
        "hit", "webhook", "Door", "pending",
    )  # fmt: skip
    assert "999" not in json.dumps(message)
    assert report(client_a, stored)["messages"] == []
    assert report(client_a, image=data_url(picture(RED)))["messages"] == [message]
    browser = Browser()
    browser.force_login(User.objects.create_superuser("root"))
    person = Person.objects.get(client=client_a, number=stored)
    told = Message("b", {}, [person.audit_name])
    notify(Event.HIT, told, client_id=client_a.pk)
    assert "Door (webhook)" in browser.get(f"/admin/people/person/{person.pk}/report/").content.decode()


def test_a_report_of_a_photograph(client_a: Client, stored: int) -> None:
    known = Recogniser.objects.create(
        client=client_a, gallery=Gallery.objects.default_of(client_a, GalleryKind.PEOPLE), space="fake", version=1
    )
    KnownPerson.objects.create(
        recogniser=known, person=Person.objects.get(client=client_a, name="Rose"), position=0, mark="1:1"
    )
    found = report(client_a, image=data_url(picture(RED)))
    assert [one["name"] for one in found["people"]] == ["Rose", "Listed"]
    assert [one["id"] for one in found["recognisers"]] == [1]
    assert len(found["album_faces"]) == len(found["screened_faces"]) == 1
    assert report(client_a, image=data_url(picture((10, 200, 200))))["people"] == []
    limited = report(client_a, None, "people:read", "people:search", image=data_url(picture(RED)))
    assert [one["name"] for one in limited["people"]] == ["Rose"]


def test_a_report_needs_the_scopes_to_read_and_to_search(client_a: Client, client_b: Client, stored: int) -> None:
    for scope in ("people:read", "people:search"):
        assert report(client_a, stored, scope)["status"] == 403
        assert report(client_a, None, scope, image=data_url(picture(RED)))["status"] == 403
    albums.delete_album(album=albums.get_album(client=client_a, album_id=1))
    assert report(client_a, image=data_url(picture(RED)))["album_faces"] == []  # not those of the other client


def test_the_page_of_the_admin(client_a: Client, stored: int) -> None:
    person = Person.objects.get(client=client_a, number=stored)
    Person.objects.filter(pk=person.pk).update(legal_basis="consent <b>", metadata={"room": "4"})
    browser, url = Browser(), f"/admin/people/person/{person.pk}/report/"
    assert browser.get(url).status_code == 302
    browser.force_login(User.objects.create_user("ann", is_staff=True))
    assert browser.get(url).status_code == 403
    browser.force_login(User.objects.create_superuser("root"))
    page = browser.get(url).content.decode()
    for text in ("Rose", "consent &lt;b&gt;", "room", "rose.png", "blacklist"):
        assert text in page
    assert url in browser.get(f"/admin/people/person/{person.pk}/change/").content.decode()
    assert browser.get("/admin/people/person/999999/report/").status_code == 404


def test_the_report_of_an_entry_has_the_verdicts_on_its_hits(client_a: Client, stored: int) -> None:
    entry = BlacklistEntry.objects.get(client=client_a)
    match = Match.objects.get(entry=entry)
    judge(match=match, user=User.objects.create(username="anna"), said=ReviewState.DISMISSED, note="His brother.")
    [face] = report_of_person(person=entry)["screened_faces"]
    [verdict] = face["verdicts"]
    assert (verdict["said"], verdict["note"]) == ("dismissed", "His brother.") and "anna" not in json.dumps(face)
