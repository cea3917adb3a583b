"""What is read over CompreFace's API, and from servers that answer something else."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from pytest_django.fixtures import Settings

from clients.models import Client
from people.models import Person
from transfer.compreface import api
from transfer.compreface.api import Api
from transfer.compreface.database import Unreachable
from transfer.compreface.people import PeopleImport
from transfer.compreface.report import Report
from transfer.folders import BadLayout
from transfer.tests.compreface_server import ApiServer, CompreFace, api_of, compreface
from transfer.tests.test_compreface_dump import ODD, listed

pytestmark = pytest.mark.django_db
JSON = "application/json"


@pytest.fixture(autouse=True)
def few_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "RETRIES", api.RETRIES.new(total=1, backoff_factor=0))


@pytest.fixture
def server() -> Iterator[CompreFace]:
    with compreface() as found:
        yield found


@pytest.fixture
def http(server: CompreFace) -> Iterator[ApiServer]:
    with api_of(server) as found:
        yield found


def test_subjects_examples_and_pictures(server: CompreFace, http: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "PAGE", 2)
    door, gate = server.add_service("Door"), server.add_service("Gate")
    large = bytes(range(256)) * 1000
    ada = [server.add_example(door, "Ada", large) for _ in range(4)]
    odd = server.add_example(door, ODD, None)
    server.add_subject(door, "Nobody")
    server.add_example(gate, "Other", b"x")
    with Api(http.url + "/", door, name="Door") as source:
        found = listed(source)["Door"]
    assert sorted(found.pop("Ada")) == sorted((number, large) for number in ada)
    assert found == {ODD: [(odd, None)], "Nobody": []}
    assert http.seen[:4] == ["subjects", "faces", "faces", "faces"]


def test_a_picture_that_is_too_large_is_not_read_to_its_end(
    server: CompreFace, http: ApiServer, settings: Settings
) -> None:
    settings.MAX_IMAGE_BYTES = 1000
    key = server.add_service("Door")
    server.add_example(key, "Ada", bytes(500_000))
    with Api(http.url, key, name="Door") as source:
        [(_, data)] = listed(source)["Door"]["Ada"]
    assert data is not None and 1000 < len(data) <= 1000 + api.PIECE


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((200, "text/html", b"<html>Welcome</html>"), BadLayout),
        ((200, JSON, b"[1]"), BadLayout),
        ((200, JSON, b'{"subjects": 3}'), BadLayout),
        ((200, JSON, b'{"subjects": [], "faces": [{"image_id": "x", "subject": "y"}], "total_pages": 1}'), BadLayout),
        ((200, JSON, b'{"subjects": [], "faces": [], "total_pages": null}'), BadLayout),
        ((200, JSON, b'{"subjects": ["\\ud800"], "faces": [], "total_pages": 0}'), BadLayout),
        ((200, JSON, b'{"subjects"'), BadLayout),
        ((401, JSON, b"{}"), BadLayout),
        ((302, JSON, b"{}"), Unreachable),
        ((500, "text/html", b"<html>"), Unreachable),
        ((503, "text/html", b"<html>"), Unreachable),
    ],
)
def test_another_server(http: ApiServer, answer: tuple[int, str, bytes], error: type[Exception]) -> None:
    http.answer = answer
    with pytest.raises(error):
        Api(http.url, str(uuid4()), name="Door")


def test_a_name_that_cannot_be_stored_harms_no_other(http: ApiServer, client_a: Client) -> None:
    http.answer = (200, JSON, b'{"subjects": ["a\\u0000b", "Ada"], "faces": [], "total_pages": 0}')
    with Api(http.url, str(uuid4()), name="Door") as source, Report() as report:
        [service] = source.catalogue.services()
        PeopleImport(client_a, "Door", source, service, report).run(advance=lambda _: None)
    assert [person.external_id for person in Person.objects.all()] == ["Ada"]
    assert report.counts == {"import.bad_record": 1}


def test_a_key_that_is_unknown_an_address_that_is_none_and_a_server_that_is_gone(http: ApiServer) -> None:
    with pytest.raises(BadLayout, match="refuses the key"):
        Api(http.url, str(uuid4()), name="Door")
    with pytest.raises(BadLayout, match="not a URL"):
        Api("compreface.example:8000", str(uuid4()), name="Door")
    with pytest.raises(Unreachable):
        Api("http://127.0.0.1:1", str(uuid4()), name="Door")


def test_a_server_that_is_away_for_a_moment_is_asked_again(server: CompreFace, http: ApiServer) -> None:
    key = server.add_service("Door")
    http.failures = 1
    with Api(http.url, key, name="Door") as source:
        assert listed(source) == {"Door": {}}
    assert http.seen == ["subjects", "subjects", "faces"]
    http.failures = 2
    with pytest.raises(Unreachable):
        Api(http.url, key, name="Door")
