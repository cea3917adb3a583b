"""The people of Face Service 1.1: out of an export or an index of Elasticsearch, with photographs out of a folder."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from people.models import Person, ReferenceImage
from transfer.face_service import read_rows, where_shown
from transfer.folders import BadLayout
from vision.tests.drawing import BLUE, GREEN, RED, picture

VECTOR = [0.5] * 512
PEOPLE: list[dict[str, Any]] = [
    {"people_id": "u1", "source": "default", "created_at": "02/01/2021", "face_vector": VECTOR},
    {"people_id": "u1", "source": "bank", "created_at": "1612137600", "face_vector": VECTOR},
    {"people_id": 7, "source": "bank", "meta_data": {"branch": "1"}, "face_vector": VECTOR},
    {"people_id": "named", "source": "bank", "image_path": "bank/odd name.png"},
    {"people_id": "u", "source": "default"},
    {"people_id": "../secret", "source": "bank"},
    {"people_id": "out", "source": "bank", "image_path": "../../secret.png"},
    {"source": "bank"},
]
HITS = [{"_index": "face_index", "_id": str(number), "_source": one} for number, one in enumerate(PEOPLE)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "inner" / "images"
    (root / "bank" / "7").mkdir(parents=True)
    (tmp_path / "secret.png").write_bytes(picture(RED))
    (root / "secret.png").write_bytes(picture(RED))
    (root / "u1.png").write_bytes(picture(RED))
    (root / "u1_2.png").write_bytes(picture(BLUE))  # perhaps somebody else's
    (root / "bank" / "u1.png").write_bytes(picture(GREEN))
    (root / "bank" / "7" / "1.png").write_bytes(picture(BLUE, GREEN))
    (root / "bank" / "odd name.png").write_bytes(picture((200, 200, 20)))
    return root


@pytest.fixture(params=["lines", "answer", "list"])
def export(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    texts = {
        "lines": "\n".join(map(json.dumps, HITS)),
        "answer": json.dumps({"took": 1, "hits": {"total": 8, "hits": HITS}}, indent=1),
        "list": json.dumps(PEOPLE),
    }
    file = tmp_path / "export.json"
    file.write_text(texts[request.param], encoding="utf-8-sig")
    return file


def described(rows: list[Any]) -> dict[tuple[str, str], str]:
    return {(row.source, row.external_id): row.path.name for row in rows if not row.refusal}


FOUND = {("", "u1"): "u1.png", ("bank", "u1"): "u1.png", ("bank", "7"): "1.png", ("bank", "named"): "odd name.png"}
REFUSED = {"u": "import.no_photograph", "../secret": "import.no_photograph"}


def check(rows: list[Any]) -> None:
    assert described(rows) == FOUND
    refused = {row.refusal.name: row.refusal.code for row in rows if row.refusal}
    assert refused.items() >= REFUSED.items()
    assert sorted(set(refused.values())) == ["import.bad_record", "import.no_photograph", "import.outside"]
    metadata = {(row.source, row.external_id): row.metadata for row in rows if not row.refusal}
    assert metadata["", "u1"] == {"created_at": "02/01/2021"} and metadata["bank", "7"] == {
        "meta_data": {"branch": "1"}
    }


def test_every_kind_of_export_is_read(export: Path, folder: Path) -> None:
    check(read_rows(str(export), folder))


def exported(folder: Path, *people: dict[str, Any]) -> str:
    file = folder / "some.json"
    file.write_text(json.dumps(people))
    return str(file)


def test_an_id_with_dots_is_not_cut(tmp_path: Path) -> None:
    """What follows a dot is a suffix only where it is one of pictures."""
    where = exported(tmp_path, {"people_id": "ann@a"}, {"people_id": "ann@a.com"}, {"people_id": "bob"})
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "ann@a.com").write_bytes(picture(RED))
    (folder / "bob.JPG").write_bytes(picture(BLUE))
    assert described(read_rows(where, folder)) == {("", "ann@a.com"): "ann@a.com", ("", "bob"): "bob.JPG"}


def test_people_of_two_sources_do_not_become_one(tmp_path: Path, folder: Path) -> None:
    where = exported(tmp_path, {"people_id": "u1"}, {"people_id": "u1", "source": "bank"})
    with pytest.raises(BadLayout, match="1 ids are of other people"):
        read_rows(where, folder, default_source="bank")
    assert set(described(read_rows(where, folder, default_source="shop"))) == {("shop", "u1"), ("bank", "u1")}


def test_addresses_are_shown_without_passwords() -> None:
    assert where_shown("http://elastic:secret@es:9200/") == "es:9200"
    assert where_shown("http://elastic:secret@es:9200/face_index") == "face_index"


BAD = ["", "{", '{"a": 1}\n{"b"', "[1]", '"x"', '{"hits": {"hits": {}}}', '{"hits": 7}', "<html>", "[" * 90_000]


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_what_is_no_export_is_refused(text: str, tmp_path: Path, folder: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_text(text)
    with pytest.raises(BadLayout):
        read_rows(str(file), folder)
    with pytest.raises(BadLayout):
        read_rows(str(tmp_path / "missing.json"), folder)


@contextmanager
def index(pages: list[Any]) -> Iterator[tuple[str, list[tuple[str, Any, str | None]]]]:
    """A small Elasticsearch that answers these pages one after the other, and what it was asked."""
    asked: list[tuple[str, Any, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append((self.path, body, self.headers["Authorization"]))
            page = pages[min(len(asked), len(pages)) - 1]
            status, data = page if isinstance(page, tuple) else (200, json.dumps(page).encode())
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://elastic:pass%2Fword@127.0.0.1:{server.server_port}/face_index", asked
        server.shutdown()


def page(hits: list[Any]) -> dict[str, Any]:
    return {"_scroll_id": "scroll", "timed_out": False, "hits": {"hits": hits}}


def test_an_index_is_read_page_by_page_and_without_vectors(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # which would see the password
    monkeypatch.delenv("no_proxy", raising=False)
    with index([page(HITS[:3]), page(HITS[3:]), page([])]) as (address, asked):
        check(read_rows(address, folder))
    assert [path for path, _, _ in asked] == ["/face_index/_search?scroll=5m", "/_search/scroll", "/_search/scroll"]
    assert "face_vector" not in asked[0][1]["_source"] and asked[1][1]["scroll_id"] == "scroll"
    assert {credentials for _, _, credentials in asked} == {"Basic ZWxhc3RpYzpwYXNzL3dvcmQ="}


@pytest.mark.parametrize(
    "answer", [(200, b"<html>"), (401, b"{}"), (302, b""), (200, b'{"hits": 7}'), page(HITS) | {"timed_out": True}]
)
def test_what_is_no_index_is_refused_and_no_password_shown(answer: Any, folder: Path) -> None:
    with index([answer]) as (address, asked), pytest.raises(BadLayout) as refused:
        read_rows(address, folder)
    assert len(asked) == 1 and "pass" not in refused.value.message and "127.0.0.1" not in refused.value.message
    for address in ("http://127.0.0.1:9/face_index", "http://[::1/face_index"):
        with pytest.raises(BadLayout):
            read_rows(address, folder)


@pytest.mark.django_db
def test_people_are_enrolled_with_their_sources_and_a_second_run_adds_nothing(export: Path, folder: Path) -> None:
    def run() -> str:
        out = StringIO()
        named = ("--face-service", str(export), "--images", str(folder), "--client", "bank", "--gate", "off")
        call_command("import_people", *named, stdout=out)
        return out.getvalue()

    assert run().startswith("4 images for 4 new people imported.")
    assert {(one.gallery.name, one.external_id) for one in Person.objects.all()} == {
        ("default", "u1"), ("bank", "u1"), ("bank", "7"), ("bank", "named"),
    }  # fmt: skip
    assert "4 were there already" in run() and ReferenceImage.objects.count() == 4


def test_the_options_belong_together(tmp_path: Path) -> None:
    for options in (("--face-service", "x"), ("--images", "x"), ("x", "--face-service", "x", "--images", "x")):
        with pytest.raises(CommandError):
            call_command("import_people", *options, "--client", "bank")
