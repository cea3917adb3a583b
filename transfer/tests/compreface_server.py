"""A database with the tables of CompreFace 1.2.0 that hold people, filled by tests and dumped by pg_dump."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
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


@contextmanager
def compreface(schema: str = SCHEMA) -> Iterator[CompreFace]:
    """A database of its own in the server of the tests, with the demo that every CompreFace has."""
    name = f"compreface_{uuid4().hex[:12]}"
    where = connection.settings_dict
    server = {"host": where["HOST"], "port": where["PORT"] or None, "user": where["USER"] or None}
    server = {key: value for key, value in server.items() if value}
    with psycopg.connect(dbname="postgres", autocommit=True, password=where["PASSWORD"] or None, **server) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')  # type: ignore[call-overload]
        try:
            with psycopg.connect(dbname=name, autocommit=True, password=where["PASSWORD"] or None, **server) as rows:
                rows.execute(schema)  # type: ignore[call-overload]
                found = CompreFace(name, rows)
                if schema == SCHEMA:
                    rows.execute("INSERT INTO app VALUES (0, 'Demo_app', 'a', 'b')")
                    rows.execute("INSERT INTO model VALUES (0, 'Demo', 'c', 0, %s, 'R', now())", [DEMO_KEY])
                    found.add_subject(DEMO_KEY, "Demo person")
                yield found
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[call-overload]
