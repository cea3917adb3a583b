"""People in the console: who is listed and shown, who may change what, merging and splitting, suggestions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse
from pytest_django.fixtures import Settings

from audit.models import Receipt, Record
from audit.services import stop_searching
from blacklist.services import create_entry
from clients.models import Client, Role
from clients.tests.members import browser_of, make_member
from console.paging import ON_A_PAGE
from console.tests.queries import few_queries
from console.tests.test_try_it import PARTS, photograph, text_of
from people import services
from people.health import tend_health
from people.models import Gallery, GalleryHealth, KeptApart, Person, ReferenceImage
from people.tests.test_services import enrol
from people.types import Probe
from vision.tests.drawing import BLUE, GREEN, RED, picture
from vision.types import Upload

pytestmark = pytest.mark.django_db
ARABIC = "عبد الله <b>بن</b> عبد العزيز"
NEARLY_RED = (205, 30, 20)


@pytest.fixture
def viewer(client_a: Client) -> Browser:
    return browser_of(make_member(client_a, Role.VIEWER))


@pytest.fixture
def operator(client_a: Client) -> Browser:
    return browser_of(make_member(client_a, Role.OPERATOR))


@pytest.fixture
def manager(client_a: Client) -> Browser:
    return browser_of(make_member(client_a, Role.MANAGER))


@pytest.fixture
def ada(client_a: Client) -> Person:
    return enrol(client_a, RED, "ada", name=ARABIC, metadata={"floor": 1}).person


@pytest.fixture
def twin(client_a: Client) -> Person:
    return enrol(client_a, NEARLY_RED, "twin", name="Twin").person


def url(name: str, person: Person, *more: Any) -> str:
    return reverse(f"console:{name}", args=[person.number, *more])


def send(browser: Browser, path: str, client: Client, *, headers: dict[str, str] | None = None, **fields: Any) -> Any:
    return browser.post(path, {"for_client": client.pk} | fields, headers=headers)


def shown(browser: Browser, **query: Any) -> list[int]:
    answer = browser.get(reverse("console:people"), query)
    assert answer.status_code == 200
    return [face.person.number for face in answer.context["faces"]]


def numbers(person: Person) -> list[int]:
    return list(ReferenceImage.objects.filter(person=person).order_by("pk").values_list("number", flat=True))


# ---- the grid ---------------------------------------------------------------------------------------------------
def test_people_are_listed_and_found(viewer: Browser, client_a: Client, client_b: Client, ada: Person) -> None:
    enrol(client_b, RED), create_entry(client=client_a, name="Mallory", uploads=[Upload(picture(BLUE))])
    bob = services.create_person(client=client_a, name="Bob_1%", external_id="B-17", source="staff")
    assert shown(viewer) == [bob.number, ada.number]
    assert shown(viewer, q="الله") == shown(viewer, gallery="default") == shown(viewer, q="ADA") == [ada.number]
    assert shown(viewer, q="b-1") == shown(viewer, q="1%") == shown(viewer, gallery="staff") == [bob.number]
    assert shown(viewer, q="Mallory") == shown(viewer, gallery="none") == []
    page = viewer.get(reverse("console:people")).content.decode()
    assert "&lt;b&gt;" in page and "<b>بن" not in page
    assert "Add a person" not in text_of(viewer.get(reverse("console:people")))
    assert viewer.get(reverse("console:people"), {"q": "a\0"}).status_code == 422
    assert "Nobody is called like this" in text_of(viewer.get(reverse("console:people"), {"q": "nobody"}))
    assert Record.objects.filter(action="view", objects_named__contains=[ada.audit_name]).exists()


def test_pages_go_on_where_they_stopped(viewer: Browser, client_a: Client) -> None:
    assert "Nobody is known yet" in text_of(viewer.get(reverse("console:people")))
    people = [services.create_person(client=client_a, name=f"n {n}").number for n in range(ON_A_PAGE + 3)][::-1]
    first = viewer.get(reverse("console:people"), {"q": "n "})
    assert f"?q=n%20&amp;before={people[ON_A_PAGE - 1]}" in first.content.decode()
    assert shown(viewer) == people[:ON_A_PAGE]
    assert shown(viewer, before=people[ON_A_PAGE - 1]) == people[ON_A_PAGE:]
    assert shown(viewer, after=people[ON_A_PAGE]) == people[:ON_A_PAGE]


# ---- adding -----------------------------------------------------------------------------------------------------
def test_somebody_is_added_with_photographs(operator: Browser, client_a: Client) -> None:
    answer = send(operator, reverse("console:person-new"), client_a, name=" Ada ", external_id="a", legal_basis="x",
                  image=[photograph(RED), photograph(BLUE)])  # fmt: skip
    person = Person.objects.get()
    assert answer.url == url("person", person)
    assert (person.name, person.external_id, person.legal_basis) == ("Ada", "a", "x") and len(numbers(person)) == 2


def test_one_photograph_that_cannot_be_used_holds_up_nothing(operator: Browser, client_a: Client) -> None:
    new = reverse("console:person-new")
    answer = send(operator, new, client_a, name="Ada", image=[photograph(RED, name="good.png"),
                  photograph(RED, BLUE, name="two.png")])  # fmt: skip
    assert answer.status_code == 200
    assert "Ada was added" in text_of(answer) and "two.png : This image shows 2 faces" in text_of(answer)
    none = send(operator, new, client_a, name="Bob", image=[photograph(name="empty.png")])
    assert none.status_code == 422 and "no photograph can be used" in text_of(none)
    assert 'value="Bob"' in none.content.decode() and Person.objects.count() == 1


def test_what_is_refused_is_said_and_kept(operator: Browser, client_a: Client, ada: Person) -> None:
    new = reverse("console:person-new")
    for fields in ({"name": " "}, {"name": "Bob", "external_id": "ada"}, {"name": "x" * 101}, {"name": "a\0"}):
        for more in ({}, {"image": photograph(GREEN)}):
            answer = send(operator, new, client_a, **fields, **more)
            assert answer.status_code in {409, 422} and 'role="alert"' in answer.content.decode(), fields
            assert f'value="{fields["name"]}"' in answer.content.decode()
    assert Person.objects.count() == 1
    part = send(operator, new, client_a, name="", headers=PARTS)
    assert part.status_code == 422 and part["X-Problem"] == "console.nothing_sent"


def test_scripts_learn_where_photographs_go(operator: Browser, client_a: Client) -> None:
    answer = send(operator, reverse("console:person-new"), client_a, name="Ada", headers=PARTS)
    assert f'data-made="{url("person-photographs", Person.objects.get())}"' in answer.content.decode()
    assert "<html" not in answer.content.decode()


def test_photographs_are_judged_one_by_one(operator: Browser, client_a: Client, ada: Person, twin: Person) -> None:
    path = url("person-photographs", ada)
    first = text_of(send(operator, path, client_a, image=photograph(RED), headers=PARTS))
    assert "Added to the photographs" in first and "The face is blurred." in first
    other = text_of(send(operator, path, client_a, image=photograph(NEARLY_RED), headers=PARTS))
    assert "looks like somebody else: Twin" in other and "Added, but look closer" in other
    assert "does not look like the other" in text_of(send(operator, path, client_a, image=photograph(BLUE)))
    empty = text_of(send(operator, path, client_a, image=photograph(), headers=PARTS))
    assert "No face was found" in empty and len(numbers(ada)) == 4
    assert operator.get(path).url == url("person", ada)  # type: ignore[attr-defined]


def test_of_several_faces_one_is_chosen(operator: Browser, client_a: Client, ada: Person) -> None:
    path = url("person-photographs", ada)
    answer = send(operator, path, client_a, image=photograph(GREEN, BLUE), headers=PARTS)
    assert "which of them is it?" in text_of(answer) and len(numbers(ada)) == 1
    [row, _] = answer.context["answers"][0].rows
    chosen = send(operator, path, client_a, image=photograph(GREEN, BLUE), box=row.mark.box, faces=2, headers=PARTS)
    assert "Added to the photographs" in text_of(chosen) and len(numbers(ada)) == 2
    [face] = services.search_people(client=client_a, probe=Probe(picture(GREEN))).faces
    assert [one.person for one in face.matches] == [ada]
    assert send(operator, path, client_a, image=photograph(GREEN, BLUE), box="x", headers=PARTS).status_code == 200
    assert len(numbers(ada)) == 2


# ---- one person -------------------------------------------------------------------------------------------------
def test_a_person_is_changed(operator: Browser, client_a: Client, ada: Person, twin: Person) -> None:
    path = url("person", ada)
    fields = {"name": "Ada", "external_id": "", "legal_basis": "consent", "metadata": '{"floor": 2}', "gallery": ""}
    assert send(operator, path, client_a, **fields).url == f"{path}?saved=1"
    ada.refresh_from_db()
    assert (ada.name, ada.external_id, ada.legal_basis, ada.metadata) == ("Ada", None, "consent", {"floor": 2})
    before = Record.objects.filter(action="change").count()
    send(operator, path, client_a, **fields)
    assert Record.objects.filter(action="change").count() == before
    for wrong in ({"metadata": "{"}, {"metadata": "[1]"}, {"external_id": "twin"}, {"name": "x" * 101}):
        answer = send(operator, path, client_a, **{**fields, "legal_basis": "typed", **wrong})
        assert answer.status_code == 422 and 'value="typed"' in answer.content.decode(), wrong
    ada.refresh_from_db()
    assert (ada.legal_basis, ada.metadata) == ("consent", {"floor": 2})


def test_an_open_page_takes_back_nothing_that_others_have_changed(
    operator: Browser, client_a: Client, ada: Person
) -> None:
    path = url("person", ada)
    was = operator.get(path).context["was"]
    fields = json.loads(was) | {"legal_basis": "consent", "_was": was}
    services.update_person(person=ada, changes={"name": "New", "metadata": {"floor": 2}, "source": "staff"})
    assert send(operator, path, client_a, **fields).status_code == 302
    ada = Person.objects.get(pk=ada.pk)
    assert (ada.name, ada.legal_basis, ada.metadata, ada.gallery.name) == ("New", "consent", {"floor": 2}, "staff")
    again = send(operator, path, client_a, **fields | {"name": "Mine", "external_id": "a-2"})
    page = again.content.decode()
    assert again.status_code == 409
    assert "It says now: New." in text_of(again) and 'value="Mine"' in page and 'value="a-2"' in page
    shown_now = {name: again.context["typed"][name] for name in ("metadata", "gallery", "legal_basis")}
    sent = {"name": "Mine", "external_id": "a-2", "_was": again.context["was"]} | shown_now
    assert send(operator, path, client_a, **sent).status_code == 302
    ada = Person.objects.get(pk=ada.pk)
    assert (ada.name, ada.external_id, ada.metadata, ada.gallery.name) == ("Mine", "a-2", {"floor": 2}, "staff")


def test_viewers_look_operators_change_managers_erase(
    viewer: Browser, operator: Browser, manager: Browser, client_a: Client, ada: Person, twin: Person
) -> None:
    enrol(client_a, BLUE, "ada")
    first, second = numbers(ada)
    operators = [url("person", ada), url("person-photographs", ada), url("person-primary", ada, second),
                 url("person-split", ada), url("person-apart", ada), reverse("console:person-new"),
                 reverse("console:people-check")]  # fmt: skip
    managers = [url("person-remove", ada, first), url("person-merge", ada), url("person-erase", ada)]
    for path in operators + managers:
        assert send(viewer, path, client_a).status_code == 403, path
    for path in managers:
        assert send(operator, path, client_a, **{"with": twin.number}).status_code == 403, path
    for browser, words in ((viewer, []), (operator, ["Save", "Add photographs"]), (manager, ["Erase this person…"])):
        said = text_of(browser.get(url("person", ada)))
        assert ("Save" in said, "Erase this person…" in said) == (bool(words), words == ["Erase this person…"])
    send(operator, url("person-primary", ada, second), client_a)
    assert ReferenceImage.objects.get(is_primary=True).number == second
    send(manager, url("person-remove", ada, first), client_a)
    assert numbers(ada) == [second]
    assert send(manager, url("person-erase", ada), client_a).url.endswith(f"?erased={ada.number}")
    assert not Person.objects.filter(pk=ada.pk).exists() and Receipt.objects.filter(kind="person").exists()
    assert manager.get(url("person", ada)).status_code == 404


def test_what_cannot_be_undone_asks_who_it_is(
    manager: Browser, client_a: Client, ada: Person, twin: Person, settings: Settings
) -> None:
    settings.CONFIRM_SECONDS = 300
    for path in (url("person-erase", ada), url("person-merge", ada), url("person-remove", ada, numbers(ada)[0])):
        answer = send(manager, path, client_a, **{"with": twin.number})
        assert answer.status_code == 302 and answer.url.startswith("/login/confirm/"), path
    assert Person.objects.count() == 2 and manager.get(url("person", ada)).status_code == 200


def test_nothing_of_another_client_is_shown_or_changed(
    client_b: Client, client_a: Client, ada: Person, twin: Person
) -> None:
    foreign = browser_of(make_member(client_b, Role.MANAGER))
    image = numbers(ada)[0]
    for name, more in (("person", []), ("person-merge", []), ("person-split", []), ("person-photographs", []),
                       ("person-primary", [image]), ("person-remove", [image]), ("person-erase", []),
                       ("person-apart", [])):  # fmt: skip
        fields = {"image": photograph(RED), "with": twin.number}
        assert send(foreign, url(name, ada, *more), client_b, **fields).status_code == 404, name
    for name in ("person", "person-merge", "person-split"):
        assert foreign.get(url(name, ada)).status_code == 404
    own = enrol(client_b, RED).person
    assert send(foreign, url("person-merge", own), client_b, **{"with": ada.number + 50}).status_code == 404
    entry = create_entry(client=client_a, name="Mallory", uploads=[Upload(picture(BLUE))]).entry
    manager = browser_of(make_member(client_a, Role.MANAGER))
    assert manager.get(url("person", Person.objects.get(pk=entry.pk))).status_code == 404
    assert Person.objects.count() == 4


def test_a_person_without_a_photograph_says_so(viewer: Browser, client_a: Client) -> None:
    person = services.create_person(client=client_a, external_id="only-an-id")
    said = text_of(viewer.get(url("person", person)))
    assert "There is no photograph" in said and "only-an-id" in said


# ---- merging and splitting --------------------------------------------------------------------------------------
def test_a_merge_is_previewed_and_done(manager: Browser, client_a: Client, ada: Person, twin: Person) -> None:
    page = url("person-merge", ada)
    assert "Twin" in text_of(manager.get(page, {"q": "twin"}))
    assert "Nobody else is called like this" in text_of(manager.get(page, {"q": "nobody"}))
    preview = manager.get(page, {"with": twin.number})
    said = text_of(preview)
    assert "One person with 2 photographs" in said and "The external ID twin is dropped" in said
    assert preview.context["compared"]["verdict"] == "Match"
    assert ("External ID", "ada", "twin", "ada") in preview.context["rows"]
    assert Person.objects.count() == 2
    assert send(manager, page, client_a, **{"with": twin.number}).url == url("person", ada) + f"?merged={twin.number}"
    assert Person.objects.get() == ada and len(numbers(ada)) == 2
    assert manager.get(url("person", twin)).url == url("person", ada) + f"?merged={twin.number}"  # type: ignore[attr-defined]
    assert send(manager, page, client_a, **{"with": twin.number}).status_code == 404
    assert manager.get(page, {"with": ada.number}).status_code == 200  # asks for another one


def test_a_merge_that_is_refused_says_why(manager: Browser, client_a: Client, ada: Person) -> None:
    big = {"k": "x" * 9_000}
    other = services.create_person(client=client_a, name="Big", metadata={"m": "y" * 5_000})
    services.update_person(person=ada, changes={"metadata": big})
    assert manager.get(url("person-merge", ada), {"with": other.number}).status_code == 200
    answer = send(manager, url("person-merge", ada), client_a, **{"with": other.number})
    assert answer.status_code == 422 and "metadata may have" in text_of(answer)
    assert Person.objects.count() == 2


def test_photographs_are_split_off(operator: Browser, client_a: Client, ada: Person) -> None:
    enrol(client_a, BLUE, "ada")
    first, second = numbers(ada)
    page = url("person-split", ada)
    for fields in ({"name": "Bob"}, {"name": "", "image": [second]}, {"name": "Bob", "image": [first, second]}):
        answer = send(operator, page, client_a, **fields)
        assert answer.status_code == 422, fields
    assert Person.objects.count() == 1
    answer = send(operator, page, client_a, name="Bob", image=[second])
    new = Person.objects.get(name="Bob")
    assert answer.url == url("person", new) + f"?split={ada.number}" and numbers(new) == [second]
    assert "There are not two photographs" in text_of(operator.get(page))


# ---- the same person? -------------------------------------------------------------------------------------------
def test_pairs_are_suggested_until_somebody_says_no(
    operator: Browser, client_a: Client, ada: Person, twin: Person
) -> None:
    page = reverse("console:people-same")
    assert "have not been compared" in text_of(operator.get(page))
    tend_health()
    answer = operator.get(page)
    [pair] = answer.context["pairs"]
    assert {side.person for side in pair.sides} == {ada, twin}
    assert "Perhaps the same person" in text_of(operator.get(url("person", ada)))
    back = url("person", ada)
    said = send(operator, url("person-apart", ada), client_a, other=twin.number, back=back)
    assert said.url == back
    assert KeptApart.objects.get().decided_by == operator_of(client_a)
    assert not operator.get(page).context["pairs"]
    assert "Perhaps the same person" not in text_of(operator.get(back))
    for elsewhere in ("//example.org/", "https://example.org/", "/admin/", ""):
        answer = send(operator, url("person-apart", ada), client_a, other=twin.number, back=elsewhere)
        assert answer.url == page


def operator_of(client: Client) -> Any:
    return client.memberships.get(role=Role.OPERATOR).user


def test_the_check_is_started_and_watched(operator: Browser, client_a: Client, ada: Person, twin: Person) -> None:
    page = reverse("console:people-same")
    send(operator, reverse("console:people-check"), client_a, gallery="default")  # tasks run in place
    health = GalleryHealth.objects.get()
    assert health.computed_at and health.started_at is None and health.round == 2
    said = text_of(operator.get(page, headers=PARTS))
    assert "2 people were compared with one another" in said and "Show what was found" in said
    GalleryHealth.objects.update(started_at=health.computed_at, round=3)
    running = operator.get(page)
    assert "0 of 2 people compared" in text_of(running) and "every 3s" in running.content.decode()
    stop_searching(client_id=client_a.pk)
    refused = send(operator, reverse("console:people-check"), client_a, gallery="default")
    assert (refused.status_code, refused["X-Problem"]) == (503, "searching.stopped")
    assert operator.get(page, {"gallery": "none"}).status_code == 404


def test_galleries_are_told_apart(operator: Browser, client_a: Client) -> None:
    assert "Nobody is known yet" in text_of(operator.get(reverse("console:people-same")))
    enrol(client_a, RED, "a"), enrol(client_a, RED, "b", source="s2"), enrol(client_a, NEARLY_RED, "c", source="s2")
    tend_health()
    default, other = (operator.get(reverse("console:people-same"), {"gallery": one}) for one in ("default", "s2"))
    assert (len(default.context["pairs"]), len(other.context["pairs"])) == (0, 1)


# ---- searching --------------------------------------------------------------------------------------------------
def test_who_is_near_is_ranked(operator: Browser, viewer: Browser, client_a: Client, ada: Person, twin: Person) -> None:
    find = reverse("console:people-find")
    answer = send(operator, find, client_a, image=photograph(RED), headers=PARTS)
    [found] = answer.context["answers"]
    assert [other.url for other in found.others] == [url("person", ada), url("person", twin)]
    assert found.others[0].nearest.similarity > found.others[1].nearest.similarity
    assert "2 matches" in text_of(answer) and ReferenceImage.objects.count() == 2
    assert Record.objects.filter(action="search").exists()
    assert "No face was found" in text_of(send(operator, find, client_a, image=photograph(), headers=PARTS))
    assert send(viewer, find, client_a, image=photograph(RED)).status_code == 403
    assert "Not in your role" in text_of(viewer.get(find))


# ---- limits -----------------------------------------------------------------------------------------------------
def test_pages_take_few_queries(manager: Browser, client_a: Client, ada: Person, twin: Person) -> None:
    for colour in (BLUE, GREEN):
        enrol(client_a, colour, "ada")
    services.create_person(client=client_a, name="Other", source="s2")
    tend_health()
    for address in (reverse("console:people"), url("person", ada), url("person-split", ada), url("person-merge", ada),
                    url("person-merge", ada) + f"?with={twin.number}", reverse("console:people-same"),
                    reverse("console:person-new"), reverse("console:people-find")):  # fmt: skip
        manager.get(address)
        with few_queries():
            assert manager.get(address).status_code == 200


def test_every_gallery_has_its_place_in_the_forms(operator: Browser, client_a: Client, ada: Person) -> None:
    assert 'name="gallery"' not in operator.get(url("person", ada)).content.decode()
    Gallery.objects.named(client_a, "staff")
    assert 'name="gallery"' in operator.get(url("person", ada)).content.decode()
    fields = {"name": "Ada", "external_id": "ada", "legal_basis": "", "metadata": "", "gallery": "staff"}
    send(operator, url("person", ada), client_a, **fields)
    ada.refresh_from_db()
    assert (ada.gallery.name, ada.metadata) == ("staff", {})
