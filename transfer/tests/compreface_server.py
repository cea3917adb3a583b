"""A database with the tables of CompreFace 1.2.0 that hold people, filled by tests and dumped by pg_dump."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import psycopg
from django.conf import settings
from django.db import connection

from faceapp.embedded import postgres

SCHEMA = """
CREATE TABLE app (id bigint PRIMARY KEY, name varchar(255), guid varchar(36) UNIQUE, api_key varchar(36) UNIQUE);
CREATE TABLE model (id bigint PRIMARY KEY, name varchar(255), guid varchar(36), app_id bigint REFERENCES app,
    api_key varchar(36) UNIQUE, type char(1), created_date timestamp);
CREATE TABLE subject (id uuid PRIMARY KEY, api_key varchar(36) REFERENCES model (api_key) ON DELETE CASCADE,
    subject_name varchar(255), UNIQUE (api_key, subject_name));
CREATE TABLE img (id uuid PRIMARY KEY, content bytea NOT NULL);
CREATE TABLE embedding (id uuid PRIMARY KEY, subject_id uuid REFERENCES subject ON DELETE CASCADE,
    embedding float8[] NOT NULL, calculator varchar(255) NOT NULL, img_id uuid REFERENCES img);
CREATE TABLE "user" (id bigint PRIMARY KEY, email varchar(63) UNIQUE, password varchar(255));
"""
VERSION_05 = """
CREATE TABLE app (id bigint PRIMARY KEY, name varchar(255));
CREATE TABLE model (id bigint PRIMARY KEY, name varchar(255), app_id bigint, api_key varchar(36), type char(1));
CREATE TABLE face (id varchar(36) PRIMARY KEY, face_name varchar(255), api_key varchar(36), embeddings json,
    migrated boolean);
CREATE TABLE image (id bigint PRIMARY KEY, face_id varchar(36), raw_img_fs bytea, face_img_fs bytea);
"""
DEMO_KEY = "00000000-0000-0000-0000-000000000002"


@dataclass
class CompreFace:
    """`add_service` and `add_example` fill it. `url` is what an administrator would name."""

    name: str
    rows: psycopg.Connection
    examples: dict[UUID, str] = field(default_factory=dict)  # subjects by the ids of their examples

    @property
    def url(self) -> str:
        info = self.rows.info
        return f"postgresql:///{self.name}?host={info.host}&port={info.port}&user={info.user}"

    def add_service(self, name: str, *, kind: str = "R", app: str = "Main") -> str:
        """Returns the key."""
        key = str(uuid4())
        number = int(self.rows.execute("SELECT count(*) FROM model").fetchone()[0]) + 1  # type: ignore[index]
        found = self.rows.execute("SELECT id FROM app WHERE name = %s", [app]).fetchone()
        app_id = found[0] if found else number
        if not found:
            self.rows.execute("INSERT INTO app VALUES (%s, %s, %s, %s)", [number, app, str(uuid4()), str(uuid4())])
        values = [number, name, str(uuid4()), app_id, key, kind]
        self.rows.execute("INSERT INTO model VALUES (%s, %s, %s, %s, %s, %s, now())", values)
        return key

    def add_subject(self, key: str, name: str) -> UUID:
        statement = "SELECT id FROM subject WHERE api_key = %s AND subject_name = %s"
        if found := self.rows.execute(statement, [key, name]).fetchone():
            return UUID(str(found[0]))
        number = uuid4()
        self.rows.execute("INSERT INTO subject VALUES (%s, %s, %s)", [number, key, name])
        return number

    def add_example(self, key: str, name: str, picture: bytes | None, numbers: Sequence[float] = (0.6, 0.8)) -> UUID:
        subject, number, image = self.add_subject(key, name), uuid4(), None
        if picture is not None:
            image = uuid4()
            self.rows.execute("INSERT INTO img VALUES (%s, %s)", [image, picture])
        values = [number, subject, list(numbers), "facenet.Calculator", image]
        self.rows.execute("INSERT INTO embedding VALUES (%s, %s, %s, %s, %s)", values)
        self.examples[number] = name
        return number

    def dump(self, file: Path, *options: str) -> Path:
        """What `pg_dump` writes of it."""
        program = "pg_dump"
        if settings.EMBEDDED_DATABASE:  # that of the server, whatever is installed
            program = str(postgres.prepare(var=settings.VAR, run_dir=settings.RUN_DIR).programs / "bin" / program)
        with file.open("wb") as handle:
            subprocess.run([program, *options, self.url], stdout=handle, check=True)
        return file


def server_of_tests() -> dict[str, str]:
    """Where the database of the tests is."""
    where = connection.settings_dict
    server = {name.lower(): str(where[name] or "") for name in ("HOST", "PORT", "USER", "PASSWORD")}
    return {name: value for name, value in server.items() if value}


@contextmanager
def compreface(schema: str = SCHEMA, *, server: dict[str, str] | None = None) -> Iterator[CompreFace]:
    """A database of its own, with the demo that every CompreFace has; `server` as libpq wants it."""
    name, server = f"compreface_{uuid4().hex[:12]}", server or server_of_tests()
    with psycopg.connect(dbname="postgres", autocommit=True, **server) as admin:  # type: ignore[arg-type]
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')  # type: ignore[call-overload]
        try:
            with psycopg.connect(dbname=name, autocommit=True, **server) as rows:  # type: ignore[arg-type]
                rows.execute(schema)  # type: ignore[call-overload]
                found = CompreFace(name, rows)
                if schema == SCHEMA:
                    rows.execute("INSERT INTO app VALUES (0, 'Demo_app', 'a', 'b')")
                    rows.execute("INSERT INTO model VALUES (0, 'Demo', 'c', 0, %s, 'R', now())", [DEMO_KEY])
                    found.add_subject(DEMO_KEY, "Demo person")
                yield found
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[call-overload]


class _Handler(BaseHTTPRequestHandler):
    """The three routes that an import asks, as CompreFace 1.2.0 answers them."""

    server: ApiServer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        path, query = parts.path.removeprefix("/api/v1/recognition/"), parse_qs(parts.query)
        key = self.headers["x-api-key"]
        self.server.seen.append(path)
        if self.server.failures:
            self.server.failures -= 1
            status, kind, body = 503, "text/html", b"<html>"
        elif self.server.answer is not None:
            status, kind, body = self.server.answer
        elif not self.server.rows("SELECT 1 FROM model WHERE api_key = %s", key):
            status, kind, body = 404, "application/json", b'{"message":"Recognition service not found","code":10}'
        else:
            status, kind, body = 200, *self.found(key, path, query)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if status == 302:
            self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()
        self.wfile.write(body)

    def found(self, key: str, path: str, query: dict[str, list[str]]) -> tuple[str, bytes]:
        rows = self.server.rows
        if path == "subjects":
            names = [name for (name,) in rows("SELECT subject_name FROM subject WHERE api_key = %s", key)]
            return "application/json", json.dumps({"subjects": names}).encode()
        if path.endswith("/img"):
            statement = "SELECT content FROM embedding e JOIN img i ON i.id = e.img_id WHERE e.id = %s"
            found = rows(statement, path.split("/")[1])
            return "application/octet-stream", bytes(found[0][0]) if found else b""
        page, size = int(query["page"][0]), int(query["size"][0])
        joined = "FROM embedding e JOIN subject s ON s.id = e.subject_id WHERE api_key = %s"
        [(total,)] = rows(f"SELECT count(*) {joined}", key)
        some = rows(f"SELECT e.id, subject_name {joined} ORDER BY e.id LIMIT %s OFFSET %s", key, size, page * size)
        faces = [{"image_id": str(number), "subject": name} for number, name in some]
        answer = {"faces": faces, "page_number": page, "page_size": size, "total_pages": -(-total // size)}
        return "application/json", json.dumps(answer | {"total_elements": total}).encode()

    def log_message(self, *_: object) -> None:
        pass


class ApiServer(ThreadingHTTPServer):
    """`answer`, if there is one, is what everything is answered with: status, type and body. The first `failures` calls
    are answered by 503. `seen`: what was asked.
    """

    def __init__(self, of: CompreFace) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.of, self.seen, self.failures = of, list[str](), 0
        self.answer: tuple[int, str, bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self.of.rows.execute(statement, values).fetchall()  # type: ignore[call-overload,no-any-return]


@contextmanager
def api_of(server: CompreFace) -> Iterator[ApiServer]:
    """CompreFace's API over this database."""
    with ApiServer(server) as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield found
        finally:
            found.shutdown()
            thread.join()
