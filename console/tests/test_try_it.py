"""What the pages of *Try it* answer, to whom, and for which client."""

from __future__ import annotations

import re
import time
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from django.urls import reverse
from pytest_django.fixtures import Settings

from audit.models import Record
from audit.services import stop_searching
from blacklist.models import BlacklistEntry
from blacklist.services import create_entry
from clients.models import Client, Role
from clients.tests.members import browser_of, make_member
from console.urls import urlpatterns
from login.sessions import LOGGED_IN_AT, SEEN_AT
from notifications.models import Delivery
from notifications.tests.conftest import subscribe
from notifications.types import Way
from people.models import Person, ReferenceImage
from people.services import enrol_face
from people.types import Whom
from recognition.models import ProcessedImage
from vision.tests.drawing import BLUE, GREEN, RED, picture
from vision.types import Upload

pytestmark = pytest.mark.django_db
PARTS = {"HX-Request": "true"}
ONE_PHOTOGRAPH = ["try-who", "try-detect", "try-screen", "try-liveness"]


@pytest.fixture
def operator(client_a: Client) -> Browser:
    return browser_of(make_member(client_a, Role.OPERATOR))


@pytest.fixture
def red(client_a: Client) -> Person:
    return enrol_face(client=client_a, upload=Upload(picture(RED)), whom=Whom(name="Red <b>Adair</b>")).person


def photograph(*colours: Any, name: str = "red.png", side: int = 100) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, picture(*colours, side=side), "image/png")


def send(browser: Browser, page: str, client: Client, *, headers: dict[str, str] | None = None, **fields: Any) -> Any:
    fields = {"for_client": client.pk} | fields
    return browser.post(reverse(f"console:{page}"), fields, headers=headers if headers is not None else PARTS)


def text_of(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


# ---- who is this ------------------------------------------------------------------------------------------------
def test_every_face_is_numbered_and_named_or_unknown(operator: Browser, client_a: Client, red: Person) -> None:
    answer = send(operator, "try-who", client_a, image=photograph(RED, BLUE))
    said = text_of(answer)
    assert answer.status_code == 200
    assert "2 faces, 1 recognised" in said
    assert "Red &lt;b&gt;Adair&lt;/b&gt; Match" in said and "Unknown No match" in said
    image = ReferenceImage.objects.get()
    assert reverse("console:photograph", args=[image.uuid]) in answer.content.decode()
    assert answer["Cache-Control"] == "private, no-store"
    assert answer.content.count(b'class="mark ') == 2


@pytest.mark.parametrize("page", ["try-who", "people-find"])
def test_nobody_is_told_of_a_preview(
    page: str, operator: Browser, client_a: Client, red: Person, settings: Settings
) -> None:
    settings.MQTT_HOST = "127.0.0.1"
    subscribe(client_a, "-", way=Way.MQTT, events=["match", "unknown"])
    assert "match" in text_of(send(operator, page, client_a, image=photograph(RED)))
    assert Record.objects.filter(action="search").exists() and not Delivery.objects.exists()


def test_the_same_in_code_is_what_the_api_answers(operator: Browser, client_a: Client, red: Person) -> None:
    said = text_of(send(operator, "try-who", client_a, image=photograph(RED, name="a'b; rm.png")))
    assert "-F image=@photograph.jpg -F limit=3" in said  # no name that a shell could misread
    assert "http://testserver/api/v1/people/search/" in said
    assert "faceapp search photograph.jpg" in said
    assert "&quot;decision&quot;: &quot;match&quot;" in said
    assert "embedding&quot;: null" in said


def test_one_bad_file_fails_alone_and_the_form_works_without_a_script(
    operator: Browser, client_a: Client, red: Person
) -> None:
    files = [photograph(RED), SimpleUploadedFile("notes.jpg", b"no image"), photograph(name="empty.png")]
    answer = send(operator, "try-who", client_a, headers={}, image=files)
    said = text_of(answer)
    assert answer.status_code == 200 and b"<html" in answer.content
    assert "1 face, 1 recognised" in said
    assert "notes.jpg This is not an image." in said
    assert "empty.png No face was found in this image." in said


def test_nothing_is_stored_and_the_audit_knows_who_searched(operator: Browser, client_a: Client, red: Person) -> None:
    before = ReferenceImage.objects.count()
    for page in ("try-who", "try-detect", "try-screen"):
        assert send(operator, page, client_a, image=photograph(RED)).status_code == 200
    assert (ReferenceImage.objects.count(), ProcessedImage.objects.count()) == (before, 0)
    rows = Record.objects.filter(action__in=["search", "screen"])
    assert [(row.actor_kind, row.action) for row in rows.order_by("pk")] == [("user", "search"), ("user", "screen")]


def test_nobody_is_found_among_the_people_of_another_client(client_b: Client, red: Person) -> None:
    answer = send(browser_of(make_member(client_b, Role.OPERATOR)), "try-who", client_b, image=photograph(RED))
    assert "Unknown" in text_of(answer) and "Adair" not in text_of(answer)


# ---- the other pages --------------------------------------------------------------------------------------------
def test_compare_answers_for_each_of_the_others(operator: Browser, client_a: Client) -> None:
    others = [photograph(RED, name="same.png"), photograph(BLUE, name="other.png"), photograph(name="none.png")]
    said = text_of(send(operator, "try-compare", client_a, image=photograph(RED), images=others))
    assert "same.png The same person" in said
    assert "other.png Two different people" in said
    assert "none.png Not compared" in said
    assert "-F image=@red.png -F images=@same.png -F images=@other.png" in said


def test_screening_names_the_entry_and_its_reason(operator: Browser, client_a: Client) -> None:
    create_entry(client=client_a, name="Mallory", reason="fraud", uploads=[Upload(picture(RED))])
    said = text_of(send(operator, "try-screen", client_a, image=photograph(RED, GREEN)))
    assert "1 hit" in said and "Mallory On the watch list" in said and "Reason: fraud" in said
    assert "Not on the watch list" in said


def test_faces_are_described_without_searching(operator: Browser, client_a: Client) -> None:
    said = text_of(send(operator, "try-detect", client_a, image=photograph(RED, GREEN)))
    assert "2 faces" in said and "Face 2" in said
    assert not Record.objects.filter(action="search").exists()


# ---- keeping a face ---------------------------------------------------------------------------------------------
def test_one_of_several_faces_is_enrolled_without_the_others(operator: Browser, client_a: Client) -> None:
    face = {"image": photograph(RED, BLUE, side=200), "faces": 2}
    shown = send(operator, "try-who", client_a, image=photograph(RED, BLUE, side=200)).content.decode()
    boxes = re.findall(r'name="box" value="([\d,]+)"', shown)
    answer = send(operator, "try-enrol", client_a, **face, box=boxes[-1], name="Blue")
    assert "Blue is enrolled." in text_of(answer)
    stored = ReferenceImage.objects.get()
    assert stored.width < 400
    assert "Blue Match" in text_of(send(operator, "try-who", client_a, image=photograph(BLUE)))
    assert "Unknown" in text_of(send(operator, "try-who", client_a, image=photograph(RED)))


def test_a_face_is_added_to_the_person_that_it_resembles(operator: Browser, client_a: Client, red: Person) -> None:
    answer = send(operator, "try-enrol", client_a, image=photograph(RED), faces=1, person=red.uuid)
    assert "Added to the photographs of" in text_of(answer)
    assert ReferenceImage.objects.filter(person=red).count() == 2


def test_a_face_is_put_on_the_watch_list(operator: Browser, client_a: Client) -> None:
    fields = {"image": photograph(RED), "faces": 1, "name": "Mallory", "reason": "fraud"}
    assert "Mallory is on the watch list." in text_of(send(operator, "try-list", client_a, **fields))
    assert BlacklistEntry.objects.get().reason == "fraud"
    again = send(operator, "try-list", client_a, **fields | {"image": photograph(RED)})
    assert again.status_code == 409 and "exists already" in text_of(again)


@pytest.mark.parametrize("fields", [{"name": "x" * 101}, {"name": " "}, {"box": "1,2,3", "faces": 2, "name": "x"}])
def test_what_cannot_be_stored_is_refused_with_a_reason(
    operator: Browser, client_a: Client, fields: dict[str, Any]
) -> None:
    answer = send(operator, "try-enrol", client_a, **{"image": photograph(RED), "faces": 1} | fields)
    assert answer.status_code in {400, 422} and b'class="problem"' in answer.content
    assert not Person.objects.exists()


def test_a_person_of_another_client_is_not_there(operator: Browser, client_a: Client, client_b: Client) -> None:
    other = enrol_face(client=client_b, upload=Upload(picture(RED)), whom=Whom(name="Red")).person
    answer = send(operator, "try-enrol", client_a, image=photograph(RED), faces=1, person=other.uuid)
    assert answer.status_code == 404
    image = ReferenceImage.objects.get()
    assert operator.get(reverse("console:photograph", args=[image.uuid])).status_code == 404


# ---- limits -----------------------------------------------------------------------------------------------------
def test_the_limits_of_the_api_hold(operator: Browser, client_a: Client, settings: Settings, redis_flush: None) -> None:
    settings.RATE_LIMIT = "2/min"
    assert operator.get(reverse("console:try-detect")).status_code == 200  # looking is not counted
    answers = [send(operator, "try-detect", client_a, image=photograph(RED)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2]["X-Problem"] == "rate_limited" and answers[2]["Retry-After"]


def test_images_of_a_day_are_counted(
    operator: Browser, client_a: Client, settings: Settings, redis_flush: None
) -> None:
    settings.MAX_IMAGES_A_DAY = 2
    assert send(operator, "try-who", client_a, image=[photograph(RED), photograph(BLUE)]).status_code == 200
    answer = send(operator, "try-who", client_a, image=photograph(RED))
    assert answer.status_code in {429, 507} and answer["X-Problem"].startswith("quota.")


def test_nobody_is_searched_while_searching_is_stopped(operator: Browser, client_a: Client) -> None:
    stop_searching(client_id=client_a.pk)
    for page in ("try-who", "try-screen"):
        answer = send(operator, page, client_a, image=photograph(RED))
        assert answer.status_code == 503 and answer["X-Problem"] == "searching.stopped"


# ---- who may, and for which client ------------------------------------------------------------------------------
@pytest.mark.parametrize("page", [*ONE_PHOTOGRAPH, "try-enrol", "try-list"])
def test_viewers_may_not_do_what_the_api_refuses_them(client_a: Client, page: str) -> None:
    viewer = browser_of(make_member(client_a, Role.VIEWER))
    answer = send(viewer, page, client_a, image=photograph(RED), faces=1, name="x")
    assert answer.status_code == 403 and answer["X-Problem"] == "auth.missing_role"
    if page in ONE_PHOTOGRAPH:
        assert "Not in your role" in text_of(viewer.get(reverse(f"console:{page}")))


def test_a_page_of_another_client_changes_nothing(operator: Browser, client_a: Client, client_b: Client) -> None:
    answer = send(operator, "try-enrol", client_b, image=photograph(RED), faces=1, name="x")
    assert answer.status_code == 409 and answer["X-Problem"] == "console.other_client"
    assert not Person.objects.exists()


PARAMETERS = {
    "batch": uuid4(), "photograph": uuid4(), "delivery": uuid4(),
    "image_id": uuid4(), "uuid": uuid4(), "session_id": uuid4(), "job_id": uuid4(), "pk": 1, "number": 1, "index": 0,
    "image": 1, "variant": "card", "group": 1, "prefix": "none",
}  # fmt: skip


def routes(patterns: Any) -> dict[str, dict[str, Any]]:
    """All pages of the console: their names, with values for their parameters."""
    found: dict[str, dict[str, Any]] = {}
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            found |= routes(pattern.url_patterns)
        elif pattern.name:
            found[pattern.name] = {name: PARAMETERS[name] for name in pattern.pattern.converters}
    return found


def test_nothing_is_shown_without_a_login(client_a: Client) -> None:
    names = routes(urlpatterns)
    assert len(names) >= 11
    for name, kwargs in names.items():
        for method in ("get", "post"):
            answer = getattr(Browser(), method)(reverse(f"console:{name}", kwargs=kwargs))
            if (name, method) == ("state", "get"):
                assert "Session over" in text_of(answer)
                continue
            assert answer.status_code == 405 or answer["Location"].startswith("/login/?next=/console/"), name


def test_an_ended_login_is_told_apart(client_a: Client) -> None:
    stranger = Browser()
    assert stranger.get(reverse("console:try-who")).url.startswith("/login/?next=/console/try/who/")  # type: ignore[attr-defined]
    answer = send(stranger, "try-who", client_a, image=photograph(RED))
    assert answer.status_code == 401 and "Your session is over" in text_of(answer)


def test_a_page_that_is_left_open_does_not_keep_the_login_alive(operator: Browser) -> None:
    page = operator.get("/", headers={"Accept": "text/html"}).content.decode()
    assert """hx-headers='{"X-Unattended": "1"}'""" in page

    def seen_after(**headers: str) -> int:
        session = operator.session
        session[SEEN_AT] = session[LOGGED_IN_AT] = int(time.time()) - 120
        session.save()
        operator.get(reverse("console:state"), headers=headers)
        return int(operator.session[SEEN_AT])

    assert seen_after(**{"X-Unattended": "1"}) < time.time() - 100
    assert seen_after() > time.time() - 100


def test_requests_of_other_sites_are_refused(client_a: Client) -> None:
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(make_member(client_a, Role.OPERATOR))
    answer = send(browser, "try-who", client_a, image=photograph(RED))
    assert answer.status_code == 403 and answer["X-Problem"] == "auth.csrf_failed"


def test_who_works_for_several_clients_chooses_first(client_a: Client, client_b: Client) -> None:
    user = make_member(client_a, Role.OPERATOR, "anna")
    make_member(client_b, Role.OPERATOR, "anna")
    answer = browser_of(user).get(reverse("console:try-who"))
    assert answer.url == "/choose-client/?next=%2Fconsole%2Ftry%2Fwho%2F"  # type: ignore[attr-defined]


@pytest.mark.parametrize("page", ["home", *(f"console:{page}" for page in [*ONE_PHOTOGRAPH, "try-compare"])])
def test_pages_ask_the_database_little(
    operator: Browser, page: str, django_assert_max_num_queries: Any, redis_flush: None
) -> None:
    operator.get(reverse(page), headers={"Accept": "text/html"})
    with django_assert_max_num_queries(10):
        answer = operator.get(reverse(page), headers={"Accept": "text/html"})
    assert answer.status_code == 200


def test_administrators_without_a_client_are_led_to_the_choice(client_a: Client, client_b: Client) -> None:
    browser = browser_of(User.objects.create_superuser("root"))
    assert "Choose a client" in text_of(browser.get("/", headers={"Accept": "text/html"}))
    assert browser.get(reverse("console:try-who")).status_code == 302
