"""The base of compatibility APIs: how requests are dispatched, and that every folder has what the base expects."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.conf import settings as configured
from django.http import HttpRequest
from django.test import Client as Browser
from django.urls import clear_url_caches, path
from pytest_django.fixtures import Settings
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

import compat
from clients.models import Client
from clients.services import create_api_key
from compat import conf
from compat.dialect import Claimed, Dialect, DialectConfig, View, configs, dialects, has_field, unclaimed, url_patterns
from compat.views import DialectView
from faceapp import handlers, health
from faceapp import urls as service
from faceapp.middleware import is_api_path
from rest.parsers import JSONParser

FOLDERS = sorted(file.parent for file in Path(str(compat.__file__)).parent.glob("*/apps.py"))
every_dialect = pytest.mark.parametrize("config", configs(), ids=lambda config: config.label)


# ---- a made-up dialect ------------------------------------------------------------------------------------------
class Echo(DialectView):
    authentication_classes = []
    permission_classes = []
    throttle_classes = []
    parser_classes = [JSONParser, MultiPartParser]
    name = ""

    def get(self, request: Request) -> Response:
        return Response({"by": self.name})

    def post(self, request: Request) -> Response:
        return Response({"by": self.name, "read": sorted(request.data) if request.content_type else []})


def view(name: str) -> View:
    return Echo.as_view(name=name)


def has_target(request: HttpRequest) -> bool:
    return request.method == "POST" and request.headers.get("X-Acme-Target", "").startswith("Acme.")


ACME = Dialect(
    page="docs/acme.md",
    prefixes=("acme/", ""),
    routes=[
        path("", Claimed(has_target, view("acme")), name="acme-root"),
        path("status", Claimed(lambda request: "text/csv" in request.headers["Accept"], view("acme")), name="status"),
        path("search", Claimed(lambda request: has_field(request, "img"), view("acme")), name="acme-search"),
    ],
)
OTHER = Dialect(
    page="docs/other.md",
    prefixes=("",),
    routes=[
        path("", Claimed(lambda request: request.method == "POST", view("other")), name="other-root"),
        path("search", view("other"), name="other-search"),
    ],
)


@pytest.fixture
def browser(settings: Settings) -> Iterator[Browser]:
    urls: Any = ModuleType("made_up_urls")
    made_up = url_patterns([ACME, OTHER], own=[path("", health.home, name="home")])
    urls.urlpatterns = [*made_up, *service.urlpatterns]
    urls.handler404 = handlers.handler404
    settings.ROOT_URLCONF = urls
    yield Browser(enforce_csrf_checks=True)


def by(response: Any) -> str:
    assert response.status_code == 200, response.content
    return str(response.json()["by"])


@pytest.mark.django_db
def test_root_is_dispatched_by_method_and_header(browser: Browser) -> None:
    assert by(browser.post("/", headers={"X-Acme-Target": "Acme.Search"})) == "acme"
    assert by(browser.post("/", headers={"X-Acme-Target": "Foreign.Search"})) == "other"
    assert by(browser.post("/")) == "other"
    assert browser.get("/").json()["api"] == "/api/v1/"
    assert "<html" in browser.get("/", headers={"Accept": "text/html"}).content.decode()
    assert browser.put("/").status_code == 405  # only safe methods are the service's own


def test_a_path_is_dispatched_by_a_field_and_the_body_is_read_again(browser: Browser) -> None:
    for sent in ({"data": '{"img": 1}', "content_type": "application/json"}, {"data": {"img": "1"}}):
        response = browser.post("/search", **sent)  # type: ignore[arg-type]
        assert by(response) == "acme"
        assert response.json()["read"] == ["img"]
    for body in ('{"image": 1}', '["img"]'):
        assert by(browser.post("/search", body, "application/json")) == "other"
    for body in ("{", "[" * 60_000):
        assert browser.post("/search", body, "application/json").json()["code"] == "bad_body"


def test_a_path_is_dispatched_by_what_is_accepted(browser: Browser) -> None:
    assert by(browser.get("/status", headers={"Accept": "text/csv"})) == "acme"
    assert browser.get("/status", headers={"Accept": "application/json"}).status_code == 404


def test_what_no_route_has_is_not_found(browser: Browser) -> None:
    assert by(browser.post("/acme/", headers={"X-Acme-Target": "Acme.Search"})) == "acme"
    for nowhere in ("/acme/", "/acme/nowhere", "/nowhere", "/other/search"):
        assert browser.post(nowhere, "{}", "application/json").status_code == 404


def test_the_order_of_the_dialects_decides_between_claims(browser: Browser, settings: Settings) -> None:
    settings.ROOT_URLCONF.urlpatterns = url_patterns([OTHER, ACME])
    clear_url_caches()
    assert by(browser.post("/", headers={"X-Acme-Target": "Acme.Search"})) == "other"
    assert by(browser.post("/search", {"img": "1"})) == "acme"  # a claim goes before a route without one


def test_paths_are_known_with_any_slashes() -> None:
    for known in ("/acme/anything", "//acme//", "/search", "//search//", "/", ""):
        assert ACME.serves(known), known
    for unknown in ("/acme", "/search/x", "/research", "/searching", "/sea/rch", "/x/search"):
        assert not ACME.serves(unknown), unknown
    assert not OTHER.serves("/acme/")


def test_two_that_serve_every_request_of_a_path_are_a_mistake() -> None:
    assert list(unclaimed([ACME, OTHER])) == list(unclaimed(dialects())) == []
    [problem] = unclaimed([OTHER, OTHER])
    assert problem.id == "compat.E001" and "/search" in str(problem)


# ---- every folder -----------------------------------------------------------------------------------------------
def test_every_folder_is_installed_and_its_settings_are_read() -> None:
    assert {config.module.__name__ for config in configs()} == {f"compat.{folder.name}" for folder in FOLDERS}
    for folder in FOLDERS:
        module = import_module(f"compat.{folder.name}.conf") if (folder / "conf.py").exists() else None
        names = [name for name in vars(module) if name.isupper()] if module else []
        assert all(name.startswith(f"{folder.name.upper()}_") for name in names)
        assert all(hasattr(conf, name) and hasattr(configured, name) for name in names)


@every_dialect
def test_the_page_of_documentation_names_every_path(config: DialectConfig) -> None:
    text = (configured.BASE_DIR / config.dialect.page).read_text()
    for route in config.dialect.routes:
        word = str(route.pattern).partition("/<")[0].rpartition("/")[2].removesuffix(r"\Z").removeprefix("^")
        assert word in text or "(?P" in word or not word, route.name


@every_dialect
def test_routes_are_named_for_the_dialect_and_are_paths_of_the_api(config: DialectConfig) -> None:
    for prefix in config.dialect.prefixes:
        for route in config.dialect.routes:
            assert str(route.name).startswith(f"{config.label}-")
            if str(route.pattern).isidentifier():
                assert is_api_path(f"/{prefix}{route.pattern}") and is_api_path(f"//{prefix}{route.pattern}//")


def test_the_root_itself_and_pages_are_not_paths_of_the_api() -> None:
    for page in ("/", "//", "", "/admin/", "/docs", "/healthz", "/searching", "/api", "/open/x"):
        assert not is_api_path(page)


@every_dialect
def test_options_say_nothing_of_the_code(config: DialectConfig, client_a: Client) -> None:
    browser = Browser(headers={"X-API-Key": create_api_key(client_name=client_a.name)[1]})
    for route in config.dialect.routes:
        path = f"/{config.dialect.prefixes[0]}{route.pattern}"
        if "(?P" not in path:
            answer = browser.options(path.replace("<str:img_id>", "a"))
            described = answer.json().get("description", "") if answer.status_code == 200 else ""
            assert described == "", route.name
