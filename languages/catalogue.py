"""Catalogues: files for translators (.po), what Django reads (.mo), and whether one is complete and right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages import Catalog
from babel.messages.catalog import Message as Translation
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings

from environment import BASE_DIR
from languages.extraction import Message

PLACE = re.compile(r"%\(\w+\)s|%%")
TAG = re.compile(r"</?[a-z][^>]*>|&\w+;")
WIDTH = 110


def codes() -> list[str]:
    """The languages that have a catalogue: all but the one of the source."""
    return [code for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE]


def file_of(code: str) -> Path:
    return BASE_DIR / "locale" / code / "LC_MESSAGES" / "django.po"


def read(code: str) -> Catalog:
    """An empty one if there is no file yet."""
    if not file_of(code).exists():
        return Catalog(locale=code, domain="django", project="faceapp", charset="utf-8", fuzzy=False)
    with file_of(code).open("rb") as file:
        return read_po(file, locale=code, domain="django")


def update(catalogue: Catalog, found: list[Message]) -> None:
    """Add the messages that are new, without a translation, and leave out those that no page has any more."""
    wanted = Catalog(domain="django", charset="utf-8")
    for message in found:
        ids = (message.text, message.plural) if message.plural else message.text
        wanted.add(ids, locations=[(message.place, 0)], flags=["python-format"] if PLACE.search(message.text) else [])
    catalogue.update(wanted, no_fuzzy_matching=True, update_creation_date=False)
    catalogue.obsolete.clear()


def write(catalogue: Catalog, code: str) -> None:
    """Both files."""
    file_of(code).parent.mkdir(parents=True, exist_ok=True)
    with file_of(code).open("wb") as file:
        write_po(file, catalogue, width=WIDTH, sort_by_file=True, include_lineno=False)
    with file_of(code).with_suffix(".mo").open("wb") as file:
        write_mo(file, catalogue)


def compiled(code: str) -> Catalog:
    """What Django reads."""
    with file_of(code).with_suffix(".mo").open("rb") as file:
        return read_mo(file)


def texts(catalogue: Catalog) -> dict[tuple[str, str], list[str]]:
    """The translations, in all their forms, by the singular and plural of the message."""
    return {_ids(one): _forms(one) for one in catalogue if one.id}


def faults(catalogue: Catalog, found: list[Message]) -> Iterator[str]:
    """What is wrong with a catalogue, a sentence for each message; nothing if it is complete and right."""
    wanted = {(message.text, message.plural) for message in found}
    had = {_ids(one): one for one in catalogue if one.id}
    yield from (f"{text!r} is missing: run `make messages`." for text, _plural in sorted(wanted - had.keys()))
    yield from (f"{text!r} is not used any more: run `make messages`." for text, _plural in sorted(had.keys() - wanted))
    for ids in sorted(wanted & had.keys()):
        if problem := _problem(had[ids], catalogue.num_plurals):
            yield f"{ids[0]!r} {problem}."


def _ids(one: Translation) -> tuple[str, str]:
    return (one.id, "") if isinstance(one.id, str) else (one.id[0], one.id[1])


def _forms(one: Translation) -> list[str]:
    return list(one.string) if isinstance(one.string, tuple | list) else [one.string or ""]


def _problem(one: Translation, plurals: int) -> str:
    texts = _forms(one)
    sources = [*_ids(one)] if one.pluralizable else [_ids(one)[0]]
    if one.fuzzy:
        return "is marked as fuzzy"
    if one.pluralizable and len(texts) != plurals:
        return f"has {len(texts)} forms, not {plurals}"
    if not all(texts):
        return "is not translated"
    for pattern, name in ((PLACE, "placeholders"), (TAG, "tags")):
        allowed = [sorted(pattern.findall(source)) for source in sources]
        if any(sorted(pattern.findall(text)) not in allowed for text in texts):
            return f"has other {name} in its translation"
    if any(_edges(text) != _edges(sources[0]) for text in texts):
        return "begins or ends with other blanks in its translation"
    return ""


def _edges(text: str) -> tuple[str, str]:
    return text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
