"""Every page of the console, found by its route or by a link from another page, so that new ones are found too."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin
from uuid import UUID

from django.test import Client as Browser
from django.urls import Resolver404, URLPattern, URLResolver, resolve, reverse
from django.urls.converters import UUIDConverter
from django.urls.exceptions import NoReverseMatch

from console import urls

ADDRESS = re.compile(r'\s(?:(?:href|src|action|formaction|hx-get|hx-post)="|data-[a-z-]+="(?=/))([^"?#]+)')
HTML = {"Accept": "text/html"}  # the first page is one for programs otherwise


@dataclass(frozen=True)
class Visit:
    """A page as it was answered. `name` is that of its route."""

    name: str
    url: str
    answer: Any

    @property
    def is_page(self) -> bool:
        """Neither a file nor a redirect, and no route for forms alone."""
        return self.answer.status_code == 200 and self.answer.headers.get("Content-Type", "").startswith("text/html")


def walk(browser: Browser) -> Iterator[Visit]:
    """One visit to each route that can be reached, by the first address that is found."""
    waiting = deque([("home", reverse("home")), *_without_arguments()])
    known = {name for name, _ in waiting}
    while waiting:
        name, url = waiting.popleft()
        visit = Visit(name, url, browser.get(url, headers=HTML))
        yield visit
        links = ADDRESS.findall(visit.answer.content.decode()) if visit.is_page else []
        for link in [*links, visit.answer.headers.get("Location", url)]:
            address = urljoin(url, link)
            found = name_of(address)
            if found and found not in known:
                known.add(found)
                waiting.append((found, address))


def routes(*, shown: bool = False) -> set[str]:
    """The names of all routes of the console; `shown`: of those that answer GET."""
    patterns = [pattern for pattern in _patterns(urls.urlpatterns) if pattern.name]
    return {f"{urls.app_name}:{one.name}" for one in patterns if not shown or _answers_get(one.callback)}


def pages_that_say(attribute: str) -> Iterator[str]:
    """An address of each view that answers GET and names `get` in this attribute."""
    for pattern in _patterns(urls.urlpatterns):
        if "get" in getattr(getattr(pattern.callback, "cls", None), attribute, ()) and _answers_get(pattern.callback):
            kinds = pattern.pattern.converters
            values = {name: UUID(int=1) if isinstance(kind, UUIDConverter) else 1 for name, kind in kinds.items()}
            yield reverse(f"{urls.app_name}:{pattern.name}", kwargs=values)


def name_of(address: str) -> str:
    """The route of an address of the console; empty for any other address."""
    try:
        found = resolve(address)
    except Resolver404:
        return ""
    return found.view_name if found.namespace == urls.app_name else ""


def _patterns(entries: Any) -> Iterator[URLPattern]:
    for entry in entries:
        if isinstance(entry, URLResolver):
            yield from _patterns(entry.url_patterns)
        else:
            yield entry


def _answers_get(view: Any) -> bool:
    """Functions are taken to."""
    kind = getattr(view, "view_class", getattr(view, "cls", None))
    return kind is None or hasattr(kind, "get")


def _without_arguments() -> Iterator[tuple[str, str]]:
    for name in sorted(routes()):
        try:
            yield name, reverse(name)
        except NoReverseMatch:
            continue
