"""The people of a CompreFace service become people of a gallery."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.models import Record
from audit.types import Action
from clients.models import Client
from errors import Unavailable
from people.models import FaceTemplate, Person, ReferenceImage
from transfer.compreface import people
from transfer.compreface.database import Database
from transfer.compreface.dump import Dump
from transfer.compreface.people import Checked, Imported, PeopleImport, check_sample
from transfer.compreface.report import SHOWN, Report
from transfer.compreface.source import Source
from transfer.tests.compreface_server import CompreFace, compreface
from vision import inference
from vision.exceptions import EngineUnavailable
from vision.tests.drawing import BLUE, DIM, GREEN, RED, picture

pytestmark = pytest.mark.django_db


@pytest.fixture
def server() -> Iterator[CompreFace]:
    with compreface() as found:
        yield found


@pytest.fixture
def door(server: CompreFace) -> str:
    """A service with what a server collects in years."""
    key = server.add_service("Door")
    server.add_example(key, "Ada", picture(RED))
    server.add_example(key, "Ada", picture(RED, side=44))
    server.add_example(key, "Grace", picture(GREEN))
    server.add_example(key, "grace", picture(BLUE))
    server.add_example(key, "Gone", None)
    server.add_example(key, "Odd", picture())
    server.add_example(key, "Odd", picture(DIM))
    server.add_example(key, "Odd", b"not an image")
    server.add_example(key, "Crowd", picture(BLUE, RED))
    server.add_subject(key, "Nobody")
    server.add_subject(key, " ")
    return key


ALL = Imported(added=7, imported=5, several=1, without_picture=1, without_face=2, refused=1)


def imported(server: CompreFace, client: Client, *, file: Path | None = None, is_dry: bool = False) -> Imported:
    with Database(server.url) as source, Report(file) as report:
        return of_source(source, client, report, is_dry=is_dry)


def of_source(source: Source, client: Client, report: Report, *, is_dry: bool = False) -> Imported:
    [service] = [one for one in source.catalogue.services() if one.name == "Door"]
    total: list[int] = []
    done = PeopleImport(client, "Door", source, service, report, is_dry).run(advance=total.append)
    assert sum(total) == source.catalogue.count(service)[1]
    return done


def test_people_and_photographs_keep_their_names_and_ids(server: CompreFace, door: str, client_a: Client) -> None:
    assert imported(server, client_a) == ALL
    people = {one.external_id: one for one in Person.objects.of_client(client_a)}
    assert sorted(map(str, people)) == ["Ada", "Crowd", "Gone", "Grace", "Nobody", "Odd", "grace"]
    assert {(one.name, one.gallery.name) for one in people.values()} == {(name, "Door") for name in people}
    stored = {image.uuid: image.person.external_id for image in ReferenceImage.objects.select_related("person")}
    assert stored == {number: name for number, name in server.examples.items() if number in stored}
    assert len(stored) == FaceTemplate.objects.values("reference_image").distinct().count() == 5
    assert Record.objects.filter(action=Action.IMPORT, client=client_a, results=5).exists()


def test_a_second_run_adds_nothing_and_asks_no_worker(
    server: CompreFace, door: str, client_a: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported(server, client_a)
    before = list(ReferenceImage.objects.order_by("pk").values())
    for number, name in list(server.examples.items()):
        if name in ("Odd", "Gone"):
            server.rows.execute("DELETE FROM embedding WHERE id = %s", [number])
    monkeypatch.setattr(people, "read_portrait", None)
    assert imported(server, client_a) == Imported(found=7, known=5)
    assert list(ReferenceImage.objects.order_by("pk").values()) == before


def test_a_run_that_was_stopped_goes_on(
    server: CompreFace, door: str, client_a: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "AT_ONCE", 1)
    read, asked = people.read_portrait, list[bytes]()

    def failing(**options: object) -> object:
        asked.append(b"")
        if len(asked) > 3:
            raise EngineUnavailable("No worker answers.")
        return read(**options)  # type: ignore[arg-type]

    with monkeypatch.context() as patched, pytest.raises(Unavailable):
        patched.setattr(people, "read_portrait", failing)
        imported(server, client_a)
    stored = ReferenceImage.objects.count()
    assert 0 < stored < 5
    done = imported(server, client_a)
    assert (done.known, done.imported, done.found) == (stored, 5 - stored, 7)


def test_a_dry_run_counts_the_same_and_stores_nothing(server: CompreFace, door: str, client_a: Client) -> None:
    assert imported(server, client_a, is_dry=True) == ALL
    assert not Person.objects.exists()
    assert not Record.objects.filter(action=Action.IMPORT).exists()
    imported(server, client_a)
    assert imported(server, client_a, is_dry=True).known == 5


def test_the_report_names_what_needs_a_person(server: CompreFace, door: str, client_a: Client, tmp_path: Path) -> None:
    imported(server, client_a, file=tmp_path / "report.csv")
    with (tmp_path / "report.csv").open(newline="") as handle:
        rows = [(row["file"].split("/")[1], row["code"]) for row in csv.DictReader(handle)]
    assert sorted(rows) == [
        (" ", "import.bad_record"), ("Crowd", "import.several_faces"), ("Gone", "import.needs_photograph"),
        ("Grace", "import.same_name"), ("Odd", "face.none"), ("Odd", "face.not_recognisable"),
        ("Odd", "image.not_an_image"), ("grace", "import.same_name"),
    ]  # fmt: skip


def test_the_report_keeps_few_lines_in_memory(tmp_path: Path) -> None:
    with Report(tmp_path / "report.csv") as report:
        for number in range(1000):
            report.add(f"a/{number}", "import.needs_photograph", "Gone.")
    assert (len(report.first), report.counts) == (SHOWN, {"import.needs_photograph": 1000})
    assert len((tmp_path / "report.csv").read_text().splitlines()) == 1001


def test_an_example_of_another_client_is_not_taken_twice(
    server: CompreFace, door: str, client_a: Client, client_b: Client, tmp_path: Path
) -> None:
    imported(server, client_a)
    done = imported(server, client_b, file=tmp_path / "report.csv")
    assert (done.imported, done.refused) == (0, 6)
    assert (tmp_path / "report.csv").read_text().count("import.id_taken") == 5
    assert ReferenceImage.objects.filter(person__client=client_a).count() == 5


def test_a_name_that_is_too_long_stops_nobody_else(server: CompreFace, client_a: Client) -> None:
    key = server.add_service("Door")
    server.rows.execute("ALTER TABLE subject ALTER subject_name TYPE text")
    server.add_example(key, "A" * 600, picture(RED))
    server.add_example(key, "Bob", picture(BLUE))
    assert imported(server, client_a) == Imported(added=1, imported=1)
    assert [person.external_id for person in Person.objects.all()] == ["Bob"]


def test_a_damaged_picture_of_a_dump_harms_no_other(server: CompreFace, client_a: Client, tmp_path: Path) -> None:
    key = server.add_service("Door")
    server.add_example(key, "Ada", picture(RED))
    server.add_example(key, "Odd", b"\x01\x02")
    file = server.dump(tmp_path / "compreface.sql")
    file.write_bytes(file.read_bytes().replace(rb"\\x0102", rb"\\x01zz"))
    with Dump(file) as source, Report() as report:
        assert of_source(source, client_a, report) == Imported(added=2, imported=1, refused=1)
    assert [remark.code for remark in report.first] == ["import.unreadable"]


def test_every_stored_picture_finds_its_own_person(server: CompreFace, door: str, client_a: Client) -> None:
    server.rows.execute("DELETE FROM subject WHERE subject_name = 'Crowd'")
    imported(server, client_a)
    with Report() as report:
        assert check_sample(client=client_a, gallery="Door", most=100, report=report) == Checked(4, 0)
        assert check_sample(client=client_a, gallery="Door", most=2, report=report) == Checked(2, 0)
        ada, grace = (Person.objects.get(external_id=name) for name in ("Ada", "Grace"))
        FaceTemplate.objects.filter(person=ada).update(person=grace)  # as if two had been confused
        assert check_sample(client=client_a, gallery="Door", most=100, report=report) == Checked(4, 2)
    assert [remark.code for remark in report.first] == ["import.not_found_again"] * 2


def test_few_pictures_are_in_memory_at_a_time(
    server: CompreFace, client_a: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = server.add_service("Door")
    for number in range(7):
        server.add_example(key, f"person {number}", picture(RED))
    together: list[int] = []
    several = inference.several
    monkeypatch.setattr(inference, "several", lambda work, items: together.append(len(items)) or several(work, items))
    monkeypatch.setattr(people, "AT_ONCE", 3)
    assert imported(server, client_a).imported == 7
    assert together == [3, 3, 1]
    monkeypatch.setattr(people, "MOST_BYTES", 10)
    Person.objects.all().delete()
    together.clear()
    assert imported(server, client_a).imported == 7
    assert together == [1] * 7
