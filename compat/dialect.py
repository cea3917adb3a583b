"""Compatibility APIs ("dialects"): how one is described and found, and how requests are told apart.

A dialect answers programs made for another service in that service's own words. It is one folder:

    conf.py      its settings, named after it (ACME_…), read from the environment
    apps.py      class AcmeConfig(DialectConfig): name = "compat.acme"; verbose_name = "Acme"
    urls.py      `dialect`, as below
    views.py     subclasses of `compat.views.DialectView`; a method reads, calls one service and writes
    payloads.py  how calls are read and answers written
    errors.py    `REFUSALS`: which status and word each kind of error has in this dialect
    checks.py    system checks of its settings; imported when the app is ready
    tests/       contract tests, and isolation.py for `faceapp.tests.test_isolation`

    dialect = Dialect(
        page="docs/acme.md",
        prefixes=("acme/", ""),  # the routes are served below /acme/ and at the root
        routes=[
            path("search", Claimed(is_ours, SearchView.as_view()), name="acme-search"),
            path("faces/<str:key>", FacesView.as_view(), name="acme-faces"),
        ],
        secrets=[re.compile(r"(/faces/)[^/?\\s]+")],  # logs show the first group only
    )

Outside the folder a new dialect has two lines in `compat/conf.py`, its page under `docs/`, and its variables in
`.env.example`. The URL configuration, the middleware for slashes, JSON errors, caches and path tokens, the log filter,
the admin's menu and the isolation test read the rest from here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from typing import Any, ClassVar

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, include, is_valid_path, path
from django.utils.module_loading import module_has_submodule
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import ParseError

from rest.parsers import read_json

FORMS = {"multipart/form-data", "application/x-www-form-urlencoded"}
REPEATED_SLASHES = re.compile("/{2,}")
View = Callable[..., HttpResponseBase]
AdminList = tuple[str, str, str, str]  # title, icon, model as in admin URLs, permission


class Claimed:
    """A view for those requests to its path that `claims` accepts. The others may belong to another dialect."""

    csrf_exempt = True  # dialects use no cookies

    def __init__(self, claims: Callable[[HttpRequest], bool], view: View) -> None:
        self.claims, self.view = claims, view

    def __call__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not self.claims(request):
            raise Http404
        return self.view(request, *args, **kwargs)


@dataclass(frozen=True)
class Dialect:
    """`prefixes` are where `routes` are served, each with a slash at its end; the empty one is the root.

    `secrets` find keys in paths: what is logged keeps only their first group. `strays` are routes at the root for forms
    and preflights to paths that nothing else serves; what is logged of them keeps no path at all.
    """

    page: str
    routes: Sequence[URLPattern]
    prefixes: Sequence[str]
    secrets: Sequence[re.Pattern[str]] = ()
    strays: Sequence[URLPattern] = ()

    @property
    def root_routes(self) -> Sequence[URLPattern]:
        return self.routes if "" in self.prefixes else ()

    def serves(self, path: str) -> bool:
        """Whether a path lies below one of the prefixes or is one of the root; repeated slashes do not matter."""
        clean = REPEATED_SLASHES.sub("/", path).lstrip("/")
        below = any(prefix and clean.startswith(prefix) for prefix in self.prefixes)
        return below or self._at_root.match(clean.removesuffix("/")) is not None

    @cached_property
    def _at_root(self) -> re.Pattern[str]:
        """All root routes as one expression, since every request is compared with it; without names of groups."""
        routes = [re.sub(r"\(\?P<\w+>", "(?:", route.pattern.regex.pattern) for route in self.root_routes]
        return re.compile("|".join(f"(?:{route})" for route in routes) or r"(?!)")


class DialectConfig(AppConfig):
    """The app of a dialect. `admin_lists` are its entries in the admin's menu."""

    admin_lists: ClassVar[Sequence[AdminList]] = ()

    @property
    def dialect(self) -> Dialect:
        described: Dialect = import_module(f"{self.name}.urls").dialect
        return described

    def ready(self) -> None:
        if module_has_submodule(self.module, "checks"):
            import_module(f"{self.name}.checks")


def configs() -> list[DialectConfig]:
    """The apps of installed dialects, in the order of `INSTALLED_APPS`."""
    return [config for config in apps.get_app_configs() if isinstance(config, DialectConfig)]


@cache
def dialects() -> tuple[Dialect, ...]:
    """The installed dialects. Imports their views, so it is for use after every app is ready."""
    return tuple(config.dialect for config in configs())


# ---- which request belongs to whom ------------------------------------------------------------------------------
def url_patterns(found: Iterable[Dialect], *, own: Sequence[URLPattern] = ()) -> list[URLPattern | URLResolver]:
    """The routes of dialects below their prefixes and at the root, where `own` routes of the service come last.

    Several may have the same path at the root. A request goes to the first whose `Claimed` view claims it, in the
    order of the dialects; else to the one route without a claim; else it is answered by 404.
    """
    found = tuple(found)
    below = [path(prefix, include(list(one.routes))) for one in found for prefix in one.prefixes if prefix]
    at_root = [*(route for one in found for route in one.root_routes), *own]
    views: dict[str, list[View]] = defaultdict(list)
    for route in sorted(at_root, key=lambda route: not isinstance(route.callback, Claimed)):
        views[str(route.pattern)].append(route.callback)
    return [*below, *(_shared(route, views[str(route.pattern)]) for route in at_root)]


def _shared(route: URLPattern, views: Sequence[View]) -> URLPattern:
    """The route with a view that hands each request to the one of `views` that it belongs to."""
    if len(views) == 1:
        return route

    @csrf_exempt  # a route of the service that stands last answers safe methods only
    def dispatch(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        for view in views:
            if not isinstance(view, Claimed) or view.claims(request):
                return view(request, *args, **kwargs)
        raise Http404

    return URLPattern(route.pattern, dispatch, route.default_args, route.name)


def claims_root(request: HttpRequest, found: Iterable[Dialect] | None = None) -> bool:
    """Whether a dialect claims this request to `/`, which otherwise is a page."""
    routes = [route for one in (dialects() if found is None else found) for route in one.root_routes]
    views = [route.callback for route in routes if not str(route.pattern)]
    return any(isinstance(view, Claimed) and view.claims(request) for view in views)


def is_stray(request: HttpRequest) -> bool:
    """Whether a form, or a preflight, is sent to a path that only the `strays` of a dialect have."""
    if getattr(request, "urlconf", None) is not None:  # found to be one before
        return True
    is_form = request.method == "POST" and (request.content_type in FORMS or not request.content_type)
    if not (is_form or request.method == "OPTIONS"):
        return False
    path = REPEATED_SLASHES.sub("/", request.path_info)
    strays = [route for one in dialects() for route in one.strays]
    if not any(route.pattern.match(path.lstrip("/")) for route in strays):
        return False
    forms = (path, path.removesuffix("/"), f"{path.removesuffix('/')}/")
    return not any(is_valid_path(form, settings.ROOT_URLCONF) for form in forms)


def has_field(request: HttpRequest, name: str) -> bool:
    """Whether the body is a JSON object or a form with this field. The view can read the body again."""
    if request.content_type != "application/json":
        return name in request.POST or name in request.FILES
    try:
        body = read_json(request.body)
    except ParseError:
        return False
    return isinstance(body, dict) and name in body


@register(Tags.urls)
def check_claims(**_: Any) -> list[CheckMessage]:
    """If several dialects have the same path at the root, all but one must say which requests are theirs."""
    return list(unclaimed(dialects()))


def unclaimed(found: Iterable[Dialect]) -> list[CheckMessage]:
    """An error for each path at which two dialects would take every request."""
    routes = [route for one in found for route in one.root_routes if not isinstance(route.callback, Claimed)]
    paths = [str(route.pattern) for route in routes]
    hint = "Give one of them a Claimed view; see compat/dialect.py."
    return [
        Error(f"Two compatibility APIs serve every request to /{path}.", hint=hint, id="compat.E001")
        for path in sorted({path for path in paths if paths.count(path) > 1})
    ]
