"""Two languages: who gets which, that nothing of one is left in the other, and that the API has English alone."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from django.urls import URLPattern, get_resolver, reverse
from django.utils import translation
from pytest_django.fixtures import Settings

from audit.services import stop_searching
from blacklist.services import create_entry
from clients.models import Client, Role
from clients.tests.members import browser_of, make_member
from console import state
from console.problems import said, sentence
from console.sentences import SENTENCES
from console.tests.screened import screen
from console.tests.test_try_it import photograph, send, text_of
from errors import NotFound
from people.types import Refusal
from recognition.models import Match, ProcessedImage, Status
from vision.exceptions import NotRecognisable, invalid_image
from vision.tests.drawing import BLUE, RED, picture
from vision.types import Upload

pytestmark = pytest.mark.django_db
GERMAN, ENGLISH = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}, {"Accept-Language": "en"}
ERRORS = (project.BASE_DIR / "docs" / "errors.md").read_text()
READ = {"alt", "aria-label", "placeholder", "title"}  # attributes that are read to people
NUMBERS = {"x", "y", "cx", "cy", "r", "rx", "ry", "width", "height", "viewbox", "d", "points", "value", "min", "max",
           "step", "style", "stroke-width", "hx-trigger"}  # fmt: skip
WORD = re.compile(r"[^\W\d_]{2,}")
# Names, codes and words that German has from English, or the other way round.
SAME = """
    faceapp Deutsch English API System Name Manager Operator Administrator Zoom Album Albums Status Text Code JSON ms
    Worker Workers Detector Engine Engines Passkey Passkeys CSV ZIP JPEG PNG WebP GIF BMP TIFF HEIC AVIF Version Person
    Client Normal blacklist default TAR FMR LFW MIT cpu px curl Python export
"""


@pytest.fixture
def admin(client_a: Client, admin_user: User) -> Browser:
    browser = browser_of(admin_user)
    browser.post(reverse("choose-client"), {"client": client_a.pk})
    return browser


@pytest.fixture
def operator(client_a: Client) -> Browser:
    return browser_of(make_member(client_a, Role.OPERATOR))


@pytest.fixture(autouse=True)
def all_well(redis_flush: None) -> None:
    cache.set(state.KEY, dict.fromkeys(["database", "queue", "worker", "weights", "master_key"], "ok"), 60)


@pytest.fixture
def filled(client_a: Client) -> ProcessedImage:
    """Somebody on the watch list, an image with a hit, and one that failed."""
    create_entry(client=client_a, name="Zoë Ünal", reason="Ω-7", uploads=[Upload(picture(RED))])
    failed = screen(client_a, BLUE, name="b.png")
    failed.status, failed.error, failed.error_code = Status.FAILED, "This is not an image.", "image.not_an_image"
    failed.save()
    return screen(client_a, RED, BLUE, name="a.png")


def addresses(image: ProcessedImage) -> list[str]:
    """Every page of the console without a number in its address, and those of the image and its hit."""
    console = next(one for one in get_resolver().url_patterns if getattr(one, "app_name", "") == "console")
    plain = sorted(
        address for address in flattened(console) if "<" not in address and not address.endswith((".csv", ".zip"))
    )
    hit = Match.objects.get(face__image=image)
    return [
        "/", *plain, reverse("console:image", args=[image.number]), reverse("console:job", args=[image.job_id]),
        reverse("console:review-hit", args=[hit.pk]), reverse("console:image", args=[99999]), "/console/nowhere/",
        reverse("mfa_index"), reverse("mfa_activate_totp"), reverse("account_logout"),
    ]  # fmt: skip


def flattened(patterns: Any, before: str = "/") -> list[str]:
    here = before + str(patterns.pattern)
    if isinstance(patterns, URLPattern):
        return [here]
    return [address for one in patterns.url_patterns for address in flattened(one, here)]


class Shown(HTMLParser):
    """The texts of a page that people read, and the attributes that hold numbers."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: set[str] = set()
        self.numbers: list[str] = []
        self.silent = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in {"script", "style", "code", "pre"}
        self.texts |= {value or "" for name, value in attrs if name in READ}
        self.numbers += [f"{name}={value}" for name, value in attrs if name in NUMBERS or name.startswith("data-")]

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in {"script", "style", "code", "pre"}

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.texts.add(" ".join(data.split()))


def left_over(english: str, german: str, names: set[str]) -> list[str]:
    """What a German page says in the words of the English one."""
    same = Shown(english).texts & Shown(german).texts
    return sorted(text for text in map(without_codes, same) if set(WORD.findall(text)) - set(SAME.split()) - names)


def without_codes(text: str) -> str:
    """Without names of rows, modules and fields, such as `person:12`."""
    return re.sub(r"\S*\w[:_.]\w\S*", "", text)


# ---- which language ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("asked", "language"), [("de", "de"), ("de-CH,en;q=0.3", "de"), ("fr,en;q=0.3", "en"), ("fr", "en"), ("", "en")]
)
@pytest.mark.parametrize("path", ["/", "/login/"])
def test_the_browser_says_which_language(path: str, asked: str, language: str) -> None:
    page = Browser().get(path, headers={"Accept-Language": asked, "Accept": "text/html"})
    assert f'<html lang="{language}">' in page.content.decode()
    assert page["Content-Language"] == language
    assert {"Accept-Language", "Cookie"} <= set(page["Vary"].split(", "))
    assert ("Anmelden" in page.content.decode()) is (language == "de")


def test_a_choice_outweighs_the_browser_and_lasts(settings: Settings) -> None:
    browser = Browser(enforce_csrf_checks=True)
    start = browser.get("/", headers={"Accept": "text/html", **ENGLISH})
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', start.content.decode())
    assert token
    form = {"csrfmiddlewaretoken": token[1], "language": "de", "next": "/login/?next=/console/review/"}
    answer = browser.post(reverse("set_language"), form)
    assert (answer.status_code, answer["Location"]) == (302, "/login/?next=/console/review/")
    cookie = answer.cookies[settings.LANGUAGE_COOKIE_NAME]
    assert (cookie.value, cookie["max-age"], cookie["httponly"], cookie["samesite"]) == ("de", 31_536_000, True, "Lax")
    assert "Benutzername" in browser.get("/login/", headers=ENGLISH).content.decode()
    assert browser.post(reverse("set_language"), {"language": "en"}).status_code == 403


@pytest.mark.parametrize("language", ["fr", "xx-YY" * 100, "../../etc", ""])
def test_an_unknown_language_is_no_choice(language: str, settings: Settings) -> None:
    browser = Browser()
    browser.post(reverse("set_language"), {"language": language, "next": "/login/"})
    browser.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    assert browser.get("/login/", headers=ENGLISH)["Content-Language"] == "en"


def test_a_choice_leads_to_no_other_site() -> None:
    answer = Browser().post(reverse("set_language"), {"language": "de", "next": "https://evil.example/"})
    assert "evil" not in answer["Location"]


def test_members_have_their_rights_in_every_language(operator: Browser, filled: ProcessedImage) -> None:
    """Roles are groups of permissions, which have English names."""
    page = text_of(operator.get("/", headers=GERMAN | {"Accept": "text/html"}))
    assert "Bearbeiter" in page and "Zoë Ünal" in page


# ---- nothing of the other language ------------------------------------------------------------------------------
def test_german_pages_have_no_english_and_no_number_that_browsers_cannot_read(
    admin: Browser, filled: ProcessedImage, client_a: Client
) -> None:
    names = set(
        WORD.findall(f"{client_a.name} admin Zoë Ünal Ω-7 a.png b.png pair yunet retinaface auto Fake second squares")
    )
    wrong: dict[str, list[str]] = {}
    for address in addresses(filled):
        english, german = (
            admin.get(address, headers=headers | {"Accept": "text/html"}) for headers in (ENGLISH, GERMAN)
        )
        if "text/html" not in english["Content-Type"] or english.status_code in {302, 405}:
            continue
        assert german["Content-Language"] == "de", address
        page = german.content.decode()
        wrong[address] = left_over(english.content.decode(), page, names)
        wrong[address] += [one for one in Shown(page).numbers if re.search(r"\d,\d", one)]
    assert len(wrong) > 20
    assert not {address: found for address, found in wrong.items() if found}


def test_the_page_that_asks_for_the_client_is_german(admin: Browser) -> None:
    """Its frame is that of the admin, whose icons are words."""
    page = text_of(admin.get(reverse("choose-client"), headers=GERMAN))
    for german in ("Mandanten wählen", "Alle Mandanten", "Ohne Änderung zurück", "Zur Startseite"):
        assert german in page


def test_figures_and_days_are_written_as_in_german(admin: Browser, filled: ProcessedImage) -> None:
    page = admin.get(reverse("console:image", args=[filled.number]), headers=GERMAN).content.decode()
    assert re.search(r"<strong>0,\d{3}</strong>", page)
    assert f"{filled.created_at:%d.%m.%Y}, " in page


def test_words_that_both_pages_share_are_found() -> None:
    assert left_over("<p>Save</p><b>API</b>", "<p>Save</p><b>API</b>", set()) == ["Save"]
    assert left_over('<img alt="A face">', '<img alt="A face">', set()) == ["A face"]


# ---- errors -----------------------------------------------------------------------------------------------------
def codes_of_pages() -> set[str]:
    """The codes that docs/errors.md lists, up to the chapter about commands."""
    chapters = ERRORS.partition("\n## Imports and evaluation")[0]
    rows = [line for line in chapters.splitlines() if line.startswith("|")]
    return {code for row in rows for code in re.findall(r"`([a-z_]+\.[a-z_]+)`", row.rpartition("| ")[0] or row)}


def test_every_code_has_a_sentence() -> None:
    found = codes_of_pages()
    assert len(found) > 100
    assert not found - set(SENTENCES)


def test_errors_of_services_are_said_by_their_code(operator: Browser, client_a: Client) -> None:
    english, german = (
        text_of(
            send(
                operator, "try-detect", client_a, image=SimpleUploadedFile("x.png", b"no image at all"), headers=headers
            )
        )
        for headers in (ENGLISH, GERMAN)
    )
    assert "This is not an image. Choose" in english
    assert "Das ist kein Bild." in german and "This" not in german


def test_errors_of_the_console_keep_their_own_words(operator: Browser) -> None:
    page = text_of(operator.get(reverse("console:image", args=[99]), headers=GERMAN))
    assert "Dieses Bild gibt es nicht." in page


def test_stored_errors_are_said_by_their_code(operator: Browser, filled: ProcessedImage) -> None:
    page = text_of(operator.get("/", headers=GERMAN | {"Accept": "text/html"}))
    assert "Das ist kein Bild." in page and "image.not_an_image" in page


def test_values_that_fail_are_said_in_the_language_of_the_page(operator: Browser, client_a: Client) -> None:
    form = {"for_client": client_a.pk, "said": "perhaps"}
    answer = operator.post(reverse("console:review-dismiss"), form, headers=GERMAN)
    assert answer.status_code == 422
    assert "Dieses Feld ist zwingend erforderlich." in text_of(answer)


def test_what_stops_everybody_is_said(operator: Browser, client_a: Client, as_owner: None) -> None:
    stop_searching(client_id=None)
    said_of = text_of(send(operator, "try-who", client_a, image=photograph(RED), headers=GERMAN))
    assert "Der Administrator hat alle Suchen angehalten." in said_of


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NotRecognisable("dark"), "Das Gesicht ist nicht erkennbar: Es ist zu dunkel."),
        (invalid_image("image.too_large", limit=1), "Die Datei ist zu groß. Wählen Sie eine kleinere."),
        (Refusal("a.png", "face.none", "No face."), "Es wurde kein Gesicht gefunden. Wählen Sie ein anderes Foto."),
        (NotFound("What?", code="future.code"), "Der Dienst hat dies abgelehnt."),
    ],
)
def test_german_sentences_of_errors(error: Any, words: str) -> None:
    with translation.override("de"):
        assert said(error) == words
    assert said(error) == error.message
    assert sentence("", "") == ""


# ---- English alone ----------------------------------------------------------------------------------------------
CALLS = [
    ("/", {"Accept": "application/json"}), ("/readyz", {}), ("/docs", {}), ("/api/v1/", {}), ("/api/v1/nothing/", {}),
    ("/api/v1/jobs/", {}), ("/api/v1/jobs/00000000-0000-0000-0000-000000000000/", {}), ("/api/v1/people/?limit=x", {}),
    ("/api/v1/people/999/", {}), ("/api/v1/engines/", {}), ("/api/v1/people/", {"Accept": "text/html"}),
    ("/admin/", {}), ("/admin/people/person/", {}), ("/admin/clients/client/", {}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "headers"), CALLS)
def test_api_and_admin_answer_everybody_in_english(admin: Browser, path: str, headers: dict[str, str]) -> None:
    english = comparable(admin.get(path, headers=headers | ENGLISH))
    admin.cookies[project.LANGUAGE_COOKIE_NAME] = "de"
    admin.get("/", headers={"Accept": "text/html"} | GERMAN)  # the language of a page ends with it
    assert translation.get_language() == "en"
    assert comparable(admin.get(path, headers=headers | GERMAN)) == english


@pytest.mark.parametrize("path", ["people/search", "people", "compare", "blacklist"])
def test_mistakes_in_calls_are_said_in_english(admin: Browser, path: str) -> None:
    admin.cookies[project.LANGUAGE_COOKIE_NAME] = "de"
    english, german = (
        admin.post(f"/api/v1/{path}/", {"threshold": "x"}, headers=headers) for headers in (ENGLISH, GERMAN)
    )
    assert english.status_code in {400, 422}
    assert english.content == german.content


def comparable(answer: Any) -> tuple[int, str]:
    """Without tokens, nonces and times, which differ between any two answers."""
    text = answer.content.decode() if not answer.streaming else ""
    text = re.sub(r'(csrf\w*"? value="|csrfToken: ")[^"]+', r"\1", text)
    text = re.sub(r"X-CSRF[^}]*}|nonce=\"[^\"]+\"|\"last_purge\": {[^}]*}", "", text)
    return answer.status_code, re.sub(r"\d+\.\d+ ms|\d\d:\d\d(:\d\d)?", "", text)


# ---- habits -----------------------------------------------------------------------------------------------------
def sources(pattern: str) -> list[Path]:
    files = [*project.BASE_DIR.glob(f"console/{pattern}"), *project.BASE_DIR.glob(f"templates/console/{pattern}")]
    return [file for file in files if "tests" not in file.parts]


def test_what_services_say_goes_through_the_table() -> None:
    """`console.problems.said` in modules, `worded` in templates; a page would otherwise speak two languages."""
    raw = {"**/*.py": r"(?<!sentence\()\b\w+\.message\b", "**/*.html": r"\{\{ *[\w.]+\.(?:error|message) *\}\}"}
    home = project.BASE_DIR / "console" / "problems.py"
    found = {file for kind, said in raw.items() for file in sources(kind) if re.search(said, file.read_text())}
    assert found <= {home}


def test_numbers_are_written_by_the_language() -> None:
    """Not by the format of an f-string, but in files and addresses."""
    raw = re.compile(r"\{[^{}]*:[+,]?(?:\.\d[f%]|,)\}")
    exports = project.BASE_DIR / "console" / "images" / "exports.py"
    assert {file for file in sources("**/*.py") if raw.search(file.read_text())} <= {exports}
