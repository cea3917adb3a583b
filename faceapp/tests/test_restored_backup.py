"""From enrolment to a restored dump of PostgreSQL: nothing of an erased face remains anywhere."""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings as configured
from django.db import connection
from pytest_django.fixtures import Settings

from audit import receipts
from clients.models import Client
from faceapp.embedded import postgres
from faceapp.reapplying import reapply
from faceapp.tests.test_erasure import album_with, enrol, screen
from people import services as people
from people.models import FaceTemplate, Gallery, GalleryKind, Person
from training.models import KnownPerson, Recogniser
from vision import dispatch
from vision.tests.drawing import GREEN, RED, picture
from work.models import Status

NAME, WEIGHTS = "Rose Redmond", b"weights that know Rose"
Program = Callable[..., str]


@pytest.fixture
def program(transactional_db: None) -> Program:
    """A client program of PostgreSQL, on the test's database."""
    if not configured.EMBEDDED_DATABASE:
        pytest.skip("The programs of this database are not at hand.")
    place = connection.settings_dict
    folder = postgres.prepare(var=configured.VAR, run_dir=configured.RUN_DIR).programs / "bin"

    def run(name: str, *arguments: str, text: str = "") -> str:
        where = ["-h", place["HOST"], "-U", place["USER"], "-d", place["NAME"]]
        environment = os.environ | {"PGOPTIONS": "-c session_replication_role=replica"}  # no triggers, any order
        done = subprocess.run(
            [str(folder / name), *where, *arguments], input=text, env=environment, capture_output=True, text=True,
            timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_nothing_of_the_face_remains(
    client_a: Client,
    program: Program,
    redis_flush: None,
    media_root: Path,
    settings: Settings,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.AUDIT_KEY_FILE, settings.ERASURES_FILE = tmp_path / "key.pem", tmp_path / "erasures.jsonl"
    caplog.set_level(logging.DEBUG)
    Client.objects.update(keep_screened_embeddings=True)
    client_a.refresh_from_db()
    person, other = enrol(client_a, RED, NAME), enrol(client_a, GREEN, "Gwen")
    album_with(client_a, picture(RED))
    screen(client_a, picture(RED), picture(GREEN))
    gallery = Gallery.objects.default_of(client_a, GalleryKind.PEOPLE)
    version = Recogniser.objects.create(
        client=client_a, gallery=gallery, space="fake", version=1, status=Status.DONE, weights=WEIGHTS
    )
    KnownPerson.objects.create(recogniser=version, person=person, position=0, mark="1:1")
    traces = traces_of(person)
    backup = program("pg_dump", "--data-only", "--schema=public")
    assert all(trace in backup for trace in traces)

    people.erase_person(person=person, everywhere=True)
    receipts.file_all()
    assert left(program, traces) == []

    tables = connection.introspection.table_names()
    program("psql", "-c", f"TRUNCATE {', '.join(tables)}")
    program("psql", "-v", "ON_ERROR_STOP=1", "-q", text=backup)
    assert left(program, traces) == sorted(traces)
    report = reapply(file=settings.ERASURES_FILE)
    assert left(program, traces) == []
    assert report.erased["album_faces"] == report.erased["screened_faces"] == report.erased["recognisers"] == 1
    assert reapply(file=settings.ERASURES_FILE).erased == {}
    assert people.get_person(client=client_a, person_id=other.number).name == "Gwen"
    assert FaceTemplate.objects.filter(person=other).exists()
    stored = [path for path in media_root.rglob("*") if path.is_file()]
    assert len(stored) == 2  # Gwen's photograph, and the screened image of her
    queue = dispatch.handoff()
    held = b" ".join(part for key in queue.scan_iter() for part in (key, queue.dump(key) or b""))
    log = caplog.text
    for trace in traces:
        assert trace.encode() not in held and trace not in log


def traces_of(person: Person) -> set[str]:
    """What shows that the person was here: as PostgreSQL writes it."""
    image = person.reference_images.get()
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT embedding::text FROM people_facetemplate WHERE person_id = %s", [person.pk])
        embeddings = {str(text) for (text,) in cursor}
    return {NAME, str(person.uuid), str(image.uuid), Path(image.image.name or "").name, WEIGHTS.hex(), *embeddings}


def left(program: Program, traces: set[str]) -> list[str]:
    text = program("pg_dump", "--data-only", "--schema=public")
    return sorted(trace for trace in traces if trace in text)
