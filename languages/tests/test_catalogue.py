"""The catalogues are complete, current and right, and pages have no text outside of them."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages import Catalog

from environment import BASE_DIR
from languages import catalogue
from languages.extraction import Message, messages, of_module, of_template, templates, texts_of

SENTENCE = re.compile(r"^[A-Z][a-z]+ [a-z]+ |[a-z] [a-z]+[.!?…]$")
WORD = re.compile(r"[^\W\d_]{2,}")
# The product's name, units, and parts of addresses and keyboard shortcuts are the same in every language.
NO_WORDS = {"faceapp"}
READ = {"alt", "aria-label", "placeholder", "title"}  # attributes that are read to people


@pytest.mark.parametrize("code", catalogue.codes())
def test_every_message_is_translated(code: str) -> None:
    assert not list(catalogue.faults(catalogue.read(code), messages()))


@pytest.mark.parametrize("code", catalogue.codes())
def test_django_reads_what_translators_wrote(code: str) -> None:
    """`make messages` writes both files; one of them alone was changed otherwise."""
    assert catalogue.texts(catalogue.compiled(code)) == catalogue.texts(catalogue.read(code))


@pytest.mark.parametrize("file", templates(), ids=lambda file: str(file.relative_to(BASE_DIR / "templates")))
def test_templates_have_no_text_outside_of_messages(file: Path) -> None:
    words = Words()
    words.feed("".join(texts_of(file)))
    assert not words.found, "wrap it in {% translate %}"


@pytest.mark.parametrize("script", [*(BASE_DIR / "static" / "console").glob("*.js"), BASE_DIR / "static" / "login.js"])
def test_scripts_have_no_sentences(script: Path) -> None:
    """Two words and a blank in quotes; selectors, headers and addresses have none, or signs that no sentence has."""
    code = re.sub(r"^\s*//.*$|\s// .*$", "", script.read_text(), flags=re.MULTILINE)
    quoted = [text for group in re.findall(r'"([^"\n]*)"|\'([^\'\n]*)\'|`([^`\n]*)`', code) for text in group]
    assert not [text for text in quoted if SENTENCE.search(text)], "take it from an element or an attribute of the page"


class Words(HTMLParser):
    """What of a page people read, as far as it is plain text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in {"script", "style"}
        self._read(*(value or "" for name, value in attrs if name in READ))

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in {"script", "style"}

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self._read(data)

    def _read(self, *texts: str) -> None:
        self.found += [text.strip() for text in texts if set(WORD.findall(text)) - NO_WORDS]


# ---- that these tests can fail ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("ids", "string", "fault"),
    [
        ("Save", "", "is not translated"),
        ("%(count)s of %(all)s", "%(count)s von %(alle)s", "placeholders"),
        ("50 %%", "50 %", "placeholders"),
        ("Is this <bdi>%(name)s</bdi>?", "Ist das %(name)s?", "tags"),
        (" Save", "Speichern", "blanks"),
        (("%(count)s hit", "%(count)s hits"), ("%(count)s Treffer",), "forms"),
        (("%(count)s hit", "%(count)s hits"), ("%(count)s Treffer", "Treffer"), "placeholders"),
    ],
)
def test_a_wrong_translation_is_found(ids: str | tuple[str, str], string: str | tuple[str, ...], fault: str) -> None:
    one = Catalog(locale="de", fuzzy=False)
    one.add(ids, string)
    text, plural = (ids, "") if isinstance(ids, str) else ids
    [found] = catalogue.faults(one, [Message(text, plural, "a.py")])
    assert fault in found


@pytest.mark.parametrize("page", ["<p>Save</p>", '<img alt="A face">', "<script>let Save</script><b>Save</b>"])
def test_text_outside_of_messages_is_found(page: str) -> None:
    words = Words()
    words.feed(page + "<b>faceapp · 5 %</b><script>const value = 1</script>")
    assert len(words.found) == 1


def test_a_guess_of_a_translation_is_found() -> None:
    one = Catalog(locale="de", fuzzy=False)
    one.add("Save", "Sichern", flags=["fuzzy"])
    assert list(catalogue.faults(one, [Message("Save", "", "a.py")])) == ["'Save' is marked as fuzzy."]


def test_new_messages_are_added_and_old_ones_left_out() -> None:
    one = Catalog(locale="de", fuzzy=False)
    one.add("Save", "Speichern")
    one.add("Gone", "Weg")
    found = [Message("Save", "", "a.py"), Message("New", "", "b.py")]
    assert len(list(catalogue.faults(one, found))) == 2
    catalogue.update(one, found)
    assert {message.id: message.string or "" for message in one if message.id} == {"Save": "Speichern", "New": ""}
    assert not one.obsolete


def test_messages_are_found_as_django_asks_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("languages.extraction.BASE_DIR", tmp_path)
    page = tmp_path / "page.html"
    page.write_text(
        "{% load i18n %}{% if a %}{% translate 'At 50 %' %}{% else %}{% blocktranslate trimmed count n=a %}\n  {{ n }} "
        "hit\n{% plural %}\n  {{ n }} hits {% endblocktranslate %}{% endif %}{% translate variable %}outside"
    )
    found = [(message.text, message.plural) for message in of_template(page)]
    assert set(found) == {("At 50 %%", ""), ("%(n)s hit", "%(n)s hits")}
    assert texts_of(page) == ["outside"]
    module = tmp_path / "module.py"
    imported = "from django.utils.translation import gettext as _, ngettext as plural\n"
    module.write_text(imported + '_("One"), plural("%(n)s face", "%(n)s faces", n), _(NAME), other("Two")')
    assert [message.text for message in of_module(module)] == ["One", "%(n)s face"]
    module.write_text(imported + '_(f"One {name}")')
    with pytest.raises(ValueError, match="must be a text"):
        list(of_module(module))
