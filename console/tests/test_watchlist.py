"""The pages of the watch list: the list, an entry, its photographs before and after they are saved."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from audit.models import Record
from audit.services import stop_searching
from audit.types import Action
from blacklist.models import BlacklistEntry, CheckedPhotograph
from blacklist.services import create_entry
from clients.models import Client, Role
from clients.tests.members import browser_of, make_member
from console.tests.queries import few_queries
from console.tests.screened import screen
from people.models import FaceTemplate, ReferenceImage
from telemetry.actors import act_as
from vision.tests.drawing import BLUE, DIM, GREEN, RED, picture
from vision.types import Upload

pytestmark = pytest.mark.django_db
NAME = "Mallory <b>& Söhne</b>"
BATCH = uuid4()
PARTS = {"HX-Request": "true"}


@pytest.fixture
def anna(client_a: Client) -> User:
    return make_member(client_a, Role.OPERATOR, "anna")


@pytest.fixture
def operator(anna: User) -> Browser:
    return browser_of(anna)


@pytest.fixture
def manager(client_a: Client) -> Browser:
    return browser_of(make_member(client_a, Role.MANAGER, "max"))


@pytest.fixture
def entry(client_a: Client) -> BlacklistEntry:
    act_as(None)
    return create_entry(client=client_a, name=NAME, reason="fraud", uploads=[Upload(picture(RED))]).entry


def file(*colours: Any, name: str = "red.png", data: bytes = b"") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data or picture(*colours, side=100), "image/png")


def text_of(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def address(page: str, *args: Any) -> str:
    return reverse(f"console:watchlist-{page}" if page else "console:watchlist", args=args)


def send(browser: Browser, client: Client, page: str, *args: Any, part: bool = False, **fields: Any) -> Any:
    return browser.post(address(page, *args), {"for_client": client.pk} | fields, headers=PARTS if part else {})


def check(browser: Browser, client: Client, *colours: Any, batch: Any = BATCH, **fields: Any) -> Any:
    return send(browser, client, "check-new", batch, part=True, image=file(*colours, **fields))


# ---- the list ---------------------------------------------------------------------------------------------------
def test_the_list_says_who_why_and_how_often(operator: Browser, client_a: Client, entry: BlacklistEntry) -> None:
    screen(client_a, RED)
    screen(client_a, RED, name="again.png")
    for look in ("", "list"):
        said = text_of(operator.get(address(""), {"look": look}))
        assert "Mallory &lt;b&gt;&amp; Söhne&lt;/b&gt;" in said
        assert "2 hits, the last on" in said and "In force" in said
    assert "1 entry" in said
    row = Record.objects.filter(action=Action.VIEW).order_by("pk").last()
    assert row is not None and row.objects_named == [entry.audit_name]


def test_filters_narrow_and_say_when_nothing_passes(operator: Browser, client_a: Client, entry: BlacklistEntry) -> None:
    today = timezone.localdate()
    for name, fields in {
        "Later": {"valid_from": today + timedelta(days=1)},
        "Over": {"valid_until": today - timedelta(days=1), "severity": "high"},
        "Off": {"is_active": False, "source": "Case 7"},
    }.items():
        BlacklistEntry.objects.create(client=client_a, name=name, **fields)

    def names(**query: Any) -> list[str]:
        page = operator.get(address(""), query).content.decode()
        return [found.partition(" ")[0] for found in re.findall(r'<strong dir="auto">([^<]+)</strong>', page)]

    assert names() == ["Off", "Over", "Later", "Mallory"]
    assert names(order="name") == ["Later", "Mallory", "Off", "Over"]
    found = {state: names(state=state) for state in ("in force", "not yet", "over", "inactive")}
    assert found == {"in force": ["Mallory"], "not yet": ["Later"], "over": ["Over"], "inactive": ["Off"]}
    assert names(severity="high") == ["Over"]
    assert names(source="case 7") == ["Off"]
    assert names(name="LAT") == ["Later"]
    assert "No entry passes this filter" in text_of(operator.get(address(""), {"name": "nobody"}))
    assert operator.get(address(""), {"state": "nonsense"}).status_code == 422
    assert operator.get(address(""), {"page": "99999999"}).status_code == 200


def test_forty_to_a_page_in_few_queries(operator: Browser, client_a: Client) -> None:
    for number in range(41):
        BlacklistEntry.objects.create(client=client_a, name=f"Entry {number:02}")
    operator.get(address(""))
    with few_queries():
        first = operator.get(address(""))
    assert first.content.count(b'class="tile"') == 40 and "Page 1" in text_of(first)
    assert operator.get(address(""), {"page": 2}).content.count(b'class="tile"') == 1


def test_an_empty_list_leads_to_the_form(operator: Browser, client_b: Client) -> None:
    page = text_of(operator.get(address("")))
    assert "Nobody is on the watch list" in page and "Add a person" in page
    viewer = browser_of(make_member(client_b, Role.VIEWER))
    assert "Add a person" not in text_of(viewer.get(address("")))
    assert viewer.get(address("form", BATCH)).status_code == 403


# ---- checking photographs ---------------------------------------------------------------------------------------
def test_a_photograph_is_checked_and_saved_without_a_model(
    operator: Browser, client_a: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = check(operator, client_a, RED)
    assert card.status_code == 200 and b"data-card>" in card.content
    checked = CheckedPhotograph.objects.get()
    assert operator.get(address("checked", checked.uuid, "large")).status_code == 200
    with monkeypatch.context() as without_models:
        without_models.setattr("vision.inference.analyse", None)
        case = {"name": "Rose", "severity": "high", "source": "Case 7", "notes": "tall"}
        answer = send(operator, client_a, "form", BATCH, **case, _checked=str(checked.uuid))
    entry = BlacklistEntry.objects.get()
    assert answer.url == address("entry", entry.number)
    assert (entry.severity, entry.source, entry.notes) == ("high", "Case 7", "tall")
    assert entry.created_by is not None and entry.created_by.username == "anna"
    assert not CheckedPhotograph.objects.exists()
    image = ReferenceImage.objects.get(person=entry)
    assert (image.box.w, image.box.h, image.width) == (101, 101, 200)
    assert screen(client_a, RED).faces.get().matches.get().entry == entry


def test_of_several_faces_one_is_chosen_and_stored_alone(operator: Browser, client_a: Client) -> None:
    assert "Who is meant?" in text_of(check(operator, client_a, GREEN, RED))
    checked = CheckedPhotograph.objects.get()
    case = {"name": "Rose", "severity": "normal", "_checked": str(checked.uuid)}
    refused = send(operator, client_a, "form", BATCH, **case)
    assert refused.status_code == 409 and "Say who is meant" in text_of(refused)
    assert not BlacklistEntry.objects.exists()
    card = send(operator, client_a, "choose", checked.uuid, part=True, face="1")
    assert "Only this face is stored" in text_of(card)
    send(operator, client_a, "form", BATCH, **case)
    image = ReferenceImage.objects.get()
    assert image.width == image.height < 200
    assert abs(image.box.w - 101) <= 1 and abs(image.box.x - (image.width - 101) / 2) <= 1
    assert screen(client_a, RED).faces.get().matches.count() == 1
    assert screen(client_a, GREEN, name="green.png").faces.get().matches.count() == 0


@pytest.mark.parametrize("face", ["2", "-1", "x", ""])
def test_a_face_that_is_not_there_cannot_be_chosen(operator: Browser, client_a: Client, face: str) -> None:
    check(operator, client_a, GREEN, RED)
    answer = send(operator, client_a, "choose", CheckedPhotograph.objects.get().uuid, part=True, face=face)
    assert (answer.status_code, answer["X-Problem"]) == (422, "blacklist.face_not_chosen")


def test_files_that_cannot_be_used_say_why_and_keep_nothing(operator: Browser, client_a: Client) -> None:
    for colours, data in (((), b""), ((DIM,), b""), ((), b"no image")):
        answer = check(operator, client_a, *colours, data=data)
        assert answer.status_code == 400 and "problem" in answer.content.decode()
    assert not CheckedPhotograph.objects.exists()


def test_who_is_listed_already_is_named(operator: Browser, client_a: Client, entry: BlacklistEntry) -> None:
    BlacklistEntry.objects.update(is_active=False)
    said = text_of(check(operator, client_a, RED))
    assert "This face is listed already as Mallory" in said
    row = Record.objects.filter(action=Action.SEARCH).get()
    assert (row.objects_named, row.results) == ([entry.audit_name], 1)
    own = send(operator, client_a, "check", entry.number, part=True, image=file(RED))
    assert "listed already" not in text_of(own) and "does not look" not in text_of(own)


def test_a_photograph_of_somebody_else_is_pointed_out(
    operator: Browser, client_a: Client, entry: BlacklistEntry
) -> None:
    odd = send(operator, client_a, "check", entry.number, part=True, image=file(BLUE))
    assert "does not look like the other photographs" in text_of(odd)
    assert "does not look" not in text_of(check(operator, client_a, BLUE))
    check(operator, client_a, RED)
    assert text_of(operator.get(address("cards-new", BATCH), headers=PARTS)).count("does not look") == 2


def test_while_searching_is_stopped_nobody_is_compared(
    operator: Browser, client_a: Client, entry: BlacklistEntry
) -> None:
    stop_searching(client_id=client_a.pk)
    said = text_of(check(operator, client_a, RED))
    assert "Searching is stopped" in said and "Mallory" not in said


def test_photographs_belong_to_whoever_sent_them(operator: Browser, client_a: Client, client_b: Client) -> None:
    check(operator, client_a, RED)
    checked = CheckedPhotograph.objects.get()
    for other in (make_member(client_a, Role.MANAGER, "bea"), make_member(client_b, Role.MANAGER, "bob")):
        browser, client = browser_of(other), other.memberships.get().client
        assert browser.get(address("checked", checked.uuid, "large")).status_code == 404
        assert b"data-card>" not in browser.get(address("form", BATCH)).content
        assert send(browser, client, "choose", checked.uuid, part=True, face="0").status_code == 409
        assert send(browser, client, "forget", checked.uuid, part=True).status_code == 409
        case = {"name": "Rose", "severity": "normal", "_checked": str(checked.uuid)}
        assert send(browser, client, "form", BATCH, **case).status_code == 422
    assert CheckedPhotograph.objects.count() == 1 and not BlacklistEntry.objects.exists()


def test_a_form_finds_its_photographs_again_and_another_one_is_told(operator: Browser, client_a: Client) -> None:
    first = operator.get(address("new"))
    check(operator, client_a, RED, batch=first.url.rstrip("/").rpartition("/")[2])
    operator.logout()
    operator.force_login(User.objects.get(username="anna"))
    assert "red.png" in text_of(operator.get(first.url))
    other = operator.get(address("form", BATCH))
    assert "red.png" not in text_of(other) and first.url in other.content.decode()


def test_photographs_are_left_out_or_gone_after_an_hour(operator: Browser, client_a: Client) -> None:
    check(operator, client_a, RED)
    checked = CheckedPhotograph.objects.get()
    assert send(operator, client_a, "forget", checked.uuid, part=True).status_code == 200
    assert not CheckedPhotograph.objects.exists() and not checked.image.storage.exists(checked.image.name or "")
    check(operator, client_a, RED)
    CheckedPhotograph.objects.update(created_at=timezone.now() - timedelta(minutes=61))
    case = {"name": "Rose", "severity": "normal", "_checked": str(CheckedPhotograph.objects.get().uuid)}
    answer = send(operator, client_a, "form", BATCH, **case)
    assert answer.status_code == 422 and "waited for over an hour" in text_of(answer)
    assert 'value="Rose"' in answer.content.decode()


def test_only_what_the_page_showed_is_saved(operator: Browser, client_a: Client, entry: BlacklistEntry) -> None:
    """The answer to a photograph was lost on the way, or it was sent from another window."""
    for page, args, checking in (("form", [BATCH], "check-new"), ("add", [entry.number], "check")):
        for colour in (GREEN, BLUE):
            send(operator, client_a, checking, *args, part=True, image=file(colour))
        case = {"name": "Rose", "severity": "normal"}
        one, other = CheckedPhotograph.objects.order_by("pk").values_list("uuid", flat=True)
        answer = send(operator, client_a, page, *args, **case, _checked=str(other))
        assert answer.status_code == 422 and "Look at what is said of the photographs" in text_of(answer)
        assert answer.content.count(b"data-card>") == 2 and ReferenceImage.objects.count() == 1
        assert send(operator, client_a, page, *args, **case, _remove=str(one), _checked=str(other)).status_code == 200
        assert send(operator, client_a, page, *args, **case, _checked=str(other)).status_code == 302
        ReferenceImage.objects.exclude(person=entry).delete()
        assert not CheckedPhotograph.objects.exists()


# ---- without a script -------------------------------------------------------------------------------------------
def test_without_a_script_one_bad_file_fails_alone(operator: Browser, client_a: Client) -> None:
    case = {"name": "Rose", "severity": "normal"}
    files = [file(RED), file(name="notes.jpg", data=b"no image")]
    shown = send(operator, client_a, "form", BATCH, **case, image=files)
    assert shown.status_code == 422 and "notes.jpg: This is not an image" in text_of(shown)
    assert 'value="Rose"' in shown.content.decode() and shown.content.count(b"data-card>") == 1
    saved = send(operator, client_a, "form", BATCH, **case, _checked=str(CheckedPhotograph.objects.get().uuid))
    assert saved.status_code == 302 and ReferenceImage.objects.count() == 1


def test_without_a_script_everything_at_once(operator: Browser, client_a: Client) -> None:
    case = {"name": "Rose", "severity": "low"}
    assert send(operator, client_a, "form", BATCH, **case, image=file(RED)).status_code == 302
    case["name"] = "Rosa"
    again = send(operator, client_a, "form", BATCH, **case, image=file(RED))
    assert again.status_code == 422 and "listed already" in text_of(again)
    without = send(operator, client_a, "form", BATCH, **case, _remove=str(CheckedPhotograph.objects.get().uuid))
    assert without.status_code == 200 and 'value="Rosa"' in without.content.decode()
    nothing = send(operator, client_a, "form", BATCH, **case)
    assert nothing.status_code == 422 and "Choose at least one photograph" in text_of(nothing)
    taken = send(operator, client_a, "form", BATCH, **case | {"name": "Rose"}, image=file(BLUE))
    assert taken.status_code == 409 and "with this name already" in text_of(taken)


# ---- one entry --------------------------------------------------------------------------------------------------
def test_the_history_says_who_did_what(operator: Browser, client_a: Client, entry: BlacklistEntry) -> None:
    given = {"name": NAME, "reason": "fraud", "severity": "high", "valid_until": "2099-05-31", "notes": "secret"}
    page = operator.get(address("edit", entry.number)).content.decode()
    as_of = re.search(r'name="_as_of" value="([^"]+)"', page)
    assert as_of
    assert send(operator, client_a, "edit", entry.number, _as_of=as_of[1], **given).status_code == 302
    stale = send(operator, client_a, "edit", entry.number, _as_of=as_of[1], **given | {"name": "Other"})
    assert (stale.status_code, stale["X-Problem"]) == (409, "blacklist.changed_meanwhile")
    send(operator, client_a, "switch", entry.number, on="0")
    send(operator, client_a, "add", entry.number, image=[file(RED), file(RED, name="second.png")])
    said = text_of(operator.get(address("entry", entry.number)))
    for sentence in (
        "anna added 2 photographs.",
        "anna switched the entry off.",
        "anna set “until 31 May 2099”.",
        "anna set: high severity.",
        "anna changed the notes.",
        "The service added the entry.",
    ):
        assert sentence in said
    assert "changed the name" not in said and "changed the reason" not in said and "“secret”" not in said


def test_only_managers_erase_and_the_last_photograph_stays(
    operator: Browser, manager: Browser, client_a: Client, entry: BlacklistEntry, settings: Settings
) -> None:
    image = ReferenceImage.objects.get()
    assert send(operator, client_a, "remove", entry.number, image.number).status_code == 403
    assert send(operator, client_a, "delete", entry.number).status_code == 403
    assert send(manager, client_a, "remove", entry.number, image.number).status_code == 409
    send(operator, client_a, "add", entry.number, image=file(RED))
    assert send(manager, client_a, "remove", entry.number, image.number).status_code == 302
    assert ReferenceImage.objects.count() == 1
    settings.CONFIRM_SECONDS = 300
    assert "/login/" in send(manager, client_a, "delete", entry.number).url  # logged in by a test: never confirmed


def test_a_confirmed_manager_deletes_with_all_there_is(
    operator: Browser, manager: Browser, client_a: Client, entry: BlacklistEntry, settings: Settings
) -> None:
    settings.CONFIRM_SECONDS = 0
    check(operator, client_a, BLUE)
    send(operator, client_a, "check", entry.number, part=True, image=file(BLUE))
    assert send(manager, client_a, "delete", entry.number).url.endswith("?deleted=1")
    assert not BlacklistEntry.objects.exists() and not FaceTemplate.objects.exists()
    assert CheckedPhotograph.objects.count() == 1
    assert operator.get(address("entry", entry.number)).status_code == 404


def test_viewers_look_and_other_clients_see_nothing(client_a: Client, client_b: Client, entry: BlacklistEntry) -> None:
    viewer = browser_of(make_member(client_a, Role.VIEWER))
    page = viewer.get(address("entry", entry.number))
    assert page.status_code == 200 and b"data-photographs" not in page.content
    assert send(viewer, client_a, "switch", entry.number, on="0").status_code == 403
    stranger = browser_of(make_member(client_b, Role.MANAGER))
    for name in ("entry", "edit"):
        assert stranger.get(address(name, entry.number)).status_code == 404
    assert send(stranger, client_b, "switch", entry.number, on="0").status_code == 404
    assert send(stranger, client_a, "switch", entry.number, on="0").status_code == 409


def test_the_page_of_an_entry_takes_few_queries(operator: Browser, client_a: Client, entry: BlacklistEntry) -> None:
    for number in range(3):
        screen(client_a, RED, name=f"{number}.png")
    send(operator, client_a, "check", entry.number, part=True, image=file(RED))
    operator.get(address("entry", entry.number))
    with few_queries():
        assert "3 hits, the last on" in text_of(operator.get(address("entry", entry.number)))
