"""`manage.py import_compreface`: a server's services, people and keys, from a dump and from its database."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.test import Client as Browser
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from clients.models import ApiKey, Client
from compat.compreface.models import Service
from compat.compreface.services import gallery_of, key_of_uuid, kinds_of
from people.models import Gallery, Person, ReferenceImage
from transfer.compreface import api
from transfer.compreface.people import PeopleImport
from transfer.compreface.report import Report
from transfer.compreface.source import Source
from transfer.tests.compreface_server import VERSION_05, CompreFace, compreface
from transfer.tests.test_compreface_dump import write_dump
from vision import inference
from vision.exceptions import EngineUnavailable
from vision.tests.drawing import BLUE, GREEN, RED, picture

pytestmark = pytest.mark.django_db


@pytest.fixture
def server() -> Iterator[CompreFace]:
    with compreface() as found:
        yield found


@pytest.fixture
def keys(server: CompreFace) -> dict[str, str]:
    """Two applications, with a service of the same name in each."""
    names = [("Door", "R", "Main"), ("Gate", "R", "Main"), ("Gate", "R", "Second"), ("Look", "D", "Main")]
    keys = {f"{app} {name}": server.add_service(name, kind=kind, app=app) for name, kind, app in names}
    server.add_example(keys["Main Door"], "Ada", picture(RED))
    server.add_example(keys["Main Door"], "Grace", picture(GREEN))
    server.add_example(keys["Main Gate"], "Ada", picture(BLUE))
    server.add_example(keys["Second Gate"], "Alan", None)
    return keys


def run(*arguments: object) -> str:
    out = StringIO()
    call_command("import_compreface", *map(str, arguments), "--client", "bank", stdout=out)
    return out.getvalue()


def test_services_keep_their_keys_and_have_galleries(server: CompreFace, keys: dict[str, str]) -> None:
    said = run("--database", server.url)
    assert "Door of Main, recognition: callers keep their key." in said
    assert "2 subjects: 2 imported, 0 were there; gallery Door." in said
    assert "Searched for 2 stored photographs: 2 found their own person first." in said
    assert "import.needs_photograph: 1" in said
    galleries = {"Main Door": "Door", "Main Gate": "Main Gate", "Second Gate": "Second Gate"}
    for name, gallery in galleries.items():
        key = key_of_uuid(keys[name].upper())
        assert key and key.client.name == "bank"
        assert gallery_of(key=key).name == gallery
    look = key_of_uuid(keys["Main Look"])
    assert look and kinds_of(look) == {"D"}
    assert {person.gallery.name: person.external_id for person in Person.objects.filter(external_id="Ada")} == {
        "Door": "Ada", "Main Gate": "Ada",
    }  # fmt: skip
    assert ReferenceImage.objects.filter(uuid__in=server.examples).count() == 3


def test_services_of_one_name_stay_apart_when_they_come_one_by_one(server: CompreFace, keys: dict[str, str]) -> None:
    for app in ("Main", "Second"):
        run("--database", server.url, "--app", app, "--service", "Gate")
    main, second = (key_of_uuid(keys[f"{app} Gate"]) for app in ("Main", "Second"))
    assert main and second
    assert (gallery_of(key=main).name, gallery_of(key=second).name) == ("Gate", "Second Gate")
    assert {person.external_id: person.gallery.name for person in Person.objects.all()} == {
        "Ada": "Gate", "Alan": "Second Gate",
    }  # fmt: skip


def test_a_service_whose_gallery_was_deleted_gets_another(server: CompreFace, keys: dict[str, str]) -> None:
    run("--database", server.url, "--app", "Second")
    Person.objects.all().delete()
    Gallery.objects.filter(name="Gate").delete()
    run("--database", server.url, "--app", "Second")
    key = key_of_uuid(keys["Second Gate"])
    assert key and [person.external_id for person in Person.objects.filter(gallery=gallery_of(key=key))] == ["Alan"]


def test_keys_are_for_embeddings_when_asked(server: CompreFace, keys: dict[str, str]) -> None:
    run("--database", server.url, "--service", "Door")
    run("--database", server.url, "--service", "Look", "--with-embeddings")
    door, look = (key_of_uuid(keys[name]) for name in ("Main Door", "Main Look"))
    assert door and look and ("embeddings" not in door.scopes) and "embeddings" in look.scopes


def test_no_key_is_stored_or_said(server: CompreFace, keys: dict[str, str], tmp_path: Path) -> None:
    said = run("--database", server.url, "--report", tmp_path / "report.csv") + (tmp_path / "report.csv").read_text()
    stored = f"{list(Service.objects.values())} {list(ApiKey.objects.values())}"
    assert not [key for key in keys.values() if key in said + stored or key.replace("-", "") in said + stored]


def test_a_second_run_and_a_dump_add_nothing(server: CompreFace, keys: dict[str, str], tmp_path: Path) -> None:
    run("--database", server.url)
    Gallery.objects.filter(name="Door").update(name="Front door")  # a repeated run goes by the key

    def everything() -> list[object]:
        return [*Service.objects.order_by("pk").values(), *ReferenceImage.objects.order_by("pk").values(),
                *Person.objects.order_by("pk").values(), *Gallery.objects.order_by("pk").values(),
                *ApiKey.objects.order_by("pk").values()]  # fmt: skip

    before = everything()
    said = run("--dump", server.dump(tmp_path / "compreface.sql"))
    assert "2 subjects: 0 imported, 2 were there; gallery Front door." in said
    assert everything() == before


def test_a_dry_run_says_what_would_happen(server: CompreFace, keys: dict[str, str]) -> None:
    said = run("--database", server.url, "--dry-run")
    assert "Door of Main, recognition: dry run, nothing is stored." in said
    assert "2 subjects: 2 would be imported" in said
    assert not (Client.objects.exists() or Service.objects.exists() or Gallery.objects.exists())


def test_one_application_or_service_and_other_keys(server: CompreFace, keys: dict[str, str]) -> None:
    said = run("--database", server.url, "--app", "Main", "--service", "Gate", "--without-keys")
    assert "its key was not taken over" in said
    assert [person.gallery.name for person in Person.objects.all()] == ["Gate"]
    assert not Service.objects.exists()
    with pytest.raises(CommandError, match="no such service"):
        run("--database", server.url, "--app", "Third")


def test_a_key_that_cannot_be_taken_over_is_said(server: CompreFace, keys: dict[str, str], tmp_path: Path) -> None:
    weak = tmp_path / "weak.sql"
    write_dump(weak, examples=0, subjects=1, key="00000000-0000-0000-0000-000000000002")
    assert "compreface.weak_key: 1" in run("--dump", weak)
    write_dump(weak, examples=0, subjects=1, key="no uuid")
    assert "import.bad_key: 1" in run("--dump", weak)
    run("--database", server.url)
    out = StringIO()
    call_command("import_compreface", "--database", server.url, "--client", "other", stdout=out)
    assert "compreface.key_taken: 4" in out.getvalue()


def test_what_cannot_be_imported_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with compreface(VERSION_05) as server, pytest.raises(CommandError, match=r"CompreFace 0\.5 or older"):
        run("--database", server.url)
    with pytest.raises(CommandError, match=r"database does not answer.*run the command again"):
        run("--database", "postgresql://127.0.0.1:1/frs")
    with pytest.raises(CommandError, match="set COMPREFACE_DATABASE_URL"):
        run("--database")
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        run("--dump", tmp_path / "missing.sql")
    with pytest.raises(CommandError, match="set COMPREFACE_API_KEY"):
        run("--api", "https://compreface.example")
    with pytest.raises(CommandError, match="report cannot be written"):
        run("--dump", tmp_path / "missing.sql", "--report", tmp_path / "missing" / "report.csv")


def test_what_was_imported_before_the_workers_went_away_is_said(
    server: CompreFace, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise EngineUnavailable("No worker answers.")

    monkeypatch.setattr(inference, "several", failing)
    with pytest.raises(CommandError, match="What was imported is kept; run the command again"):
        run("--database", server.url)
    assert sorted(Person.objects.values_list("external_id", flat=True)) == ["Ada", "Grace"]


# ---- over the API of a server like ours -------------------------------------------------------------------------
class InProcess(HTTPAdapter):
    """Answers by this process what would be sent to a server."""

    def send(self, request: PreparedRequest, *_: Any, **__: Any) -> Response:
        parts = urlsplit(str(request.url))
        found = Browser().get(f"{parts.path}?{parts.query}", headers=dict(request.headers))
        answer = Response()
        answer.status_code, answer.request, answer.raw = found.status_code, request, BytesIO(found.getvalue())
        return answer


class Kept:
    """What another source lists and holds, read at once."""

    def __init__(self, source: Source) -> None:
        self.catalogue, self.pictures = source.catalogue, dict[str, bytes | None]()
        for service in source.catalogue.services():
            for example in source.catalogue.examples(service):
                assert example.picture
                self.pictures[example.picture] = source.picture(example.picture)

    def picture(self, name: str) -> bytes | None:
        return self.pictures[name]


def test_people_come_over_our_own_api_as_they_left(
    server: CompreFace, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "HTTPAdapter", InProcess)
    monkeypatch.setattr(api, "PAGE", 1)
    run("--database", server.url)

    def everything() -> list[object]:
        stored = ReferenceImage.objects.filter(person__gallery__name="Door").order_by("uuid")
        return list(stored.values_list("uuid", "person__external_id", "person__name", "content_hash"))

    before, client = everything(), Client.objects.get()
    with api.Api("http://testserver", keys["Main Door"], name="Door") as source, Report() as report:
        kept, [service] = Kept(source), source.catalogue.services()
        assert source.catalogue.count(service) == (2, 2)
        Person.objects.all().delete()
        done = PeopleImport(client, "Door", kept, service, report).run(advance=lambda _: None)
        assert (done.added, done.imported, everything()) == (2, 2, before)
        assert PeopleImport(client, "Door", kept, service, report).run(advance=lambda _: None).known == 2
    with pytest.raises(CommandError, match="refuses the key"):
        monkeypatch.setenv("COMPREFACE_API_KEY", str(uuid4()))
        run("--api", "http://testserver")
