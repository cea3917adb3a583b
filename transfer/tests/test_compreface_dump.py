"""What is read from a database of CompreFace and from a dump of it."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from transfer.compreface.database import Database, Unreachable
from transfer.compreface.dump import Dump, OldVersion, Truncated
from transfer.compreface.source import Source
from transfer.folders import BadLayout
from transfer.tests.compreface_server import VERSION_05, CompreFace, compreface

pytestmark = pytest.mark.django_db

NULL = "\\N"
ODD = "Zoë \\ ; / & \t tab\nline"


@pytest.fixture
def server() -> Iterator[CompreFace]:
    with compreface() as found:
        yield found


def of_dump(server: CompreFace, folder: Path) -> Dump:
    return Dump(server.dump(folder / "compreface.sql"))


def of_database(server: CompreFace, folder: Path) -> Database:
    return Database(server.url)


def in_utf_16(data: bytes) -> bytes:
    return data.decode().encode("utf-16")


Opened = Callable[[CompreFace, Path], Dump | Database]
both = pytest.mark.parametrize("opened", [of_dump, of_database])


def listed(source: Source) -> dict[str, dict[str, list[tuple[UUID, bytes | None]]]]:
    """Examples with their pictures, by the name of the service and of the subject."""
    found: dict[str, dict[str, list[tuple[UUID, bytes | None]]]] = {}
    for service in source.catalogue.services():
        found[service.name] = {name: [] for name in source.catalogue.subjects(service)}
        for example in source.catalogue.examples(service):
            data = source.picture(example.picture) if example.picture else None
            found[service.name][example.subject].append((example.id, data))
    return found


@both
def test_services_subjects_examples_and_pictures(server: CompreFace, opened: Opened, tmp_path: Path) -> None:
    large = bytes(range(256)) * 1000  # longer than what is read at a time
    door, gate = server.add_service("Door"), server.add_service("Gate", app="Second")
    server.add_service("Detect", kind="D")
    ada, odd = server.add_example(door, "Ada", large), server.add_example(door, ODD, None)
    other = server.add_example(gate, "Ada", b"x")
    server.add_subject(door, "Nobody")
    with opened(server, tmp_path) as source:
        assert listed(source) == {
            "Detect": {},
            "Door": {"Ada": [(ada, large)], "Nobody": [], ODD: [(odd, None)]},
            "Gate": {"Ada": [(other, b"x")]},
        }
        services = {one.name: one for one in source.catalogue.services()}
        assert (services["Gate"].app, services["Gate"].key, services["Detect"].kind) == ("Second", gate, "D")
        assert source.catalogue.count(services["Door"]) == (3, 2)


@both
def test_names_that_differ_in_case_alone(server: CompreFace, opened: Opened, tmp_path: Path) -> None:
    door = server.add_service("Door")
    for name in ("Ärne", "ärne", "Bob"):
        server.add_subject(door, name)
    with opened(server, tmp_path) as source:
        assert sorted(source.catalogue.alike(source.catalogue.services()[0])) == ["Ärne", "ärne"]


@both
def test_a_database_of_version_05_is_named_as_such(opened: Opened, tmp_path: Path) -> None:
    with compreface(VERSION_05) as server, pytest.raises(OldVersion, match="Update that server"):
        opened(server, tmp_path)


@both
def test_another_database_is_refused(opened: Opened, tmp_path: Path) -> None:
    with compreface("CREATE TABLE other (id int)") as server, pytest.raises(BadLayout, match="is not a d"):
        opened(server, tmp_path)


def test_a_database_is_only_read(server: CompreFace) -> None:
    with Database(server.url) as source, pytest.raises(Exception, match="read-only"):
        source._connection.execute("DELETE FROM subject")


def test_a_database_that_does_not_answer() -> None:
    with pytest.raises(Unreachable):
        Database("postgresql://user:secret@127.0.0.1:1/frs")
    with pytest.raises(BadLayout):
        Database("not a url")


@pytest.mark.parametrize("kept", [0.05, 0.3, 0.6, 0.9, 1])
def test_a_truncated_dump_is_refused(server: CompreFace, tmp_path: Path, kept: float) -> None:
    door = server.add_service("Door")
    for number in range(3):
        server.add_example(door, f"person {number}", bytes(500))
    file = server.dump(tmp_path / "compreface.sql")
    data = file.read_bytes()
    file.write_bytes(data[: int(data.index(b"-- PostgreSQL database dump complete") * kept)])
    with pytest.raises(Truncated, match="Make it again"):
        Dump(file)


@pytest.mark.parametrize(
    ("options", "message"),
    [(["-Fc"], "pg_restore -f"), (["--inserts"], "without that option"), (["-E", "LATIN1"], "--encoding=UTF8")],
)
def test_other_kinds_of_dumps_say_what_to_do(
    server: CompreFace, tmp_path: Path, options: list[str], message: str
) -> None:
    server.add_example(server.add_service("Door"), "Ada", b"x")
    with pytest.raises(BadLayout, match=message):
        Dump(server.dump(tmp_path / "compreface.sql", *options))


@pytest.mark.parametrize(("encoded", "message"), [(gzip.compress, "gunzip"), (in_utf_16, "PowerShell")])
def test_files_that_were_changed_on_their_way(
    server: CompreFace, tmp_path: Path, encoded: Callable[[bytes], bytes], message: str
) -> None:
    file = server.dump(tmp_path / "compreface.sql")
    file.write_bytes(encoded(file.read_bytes()))
    with pytest.raises(BadLayout, match=message):
        Dump(file)


def test_pictures_that_are_gone(server: CompreFace, tmp_path: Path) -> None:
    """Dumped without them, or damaged."""
    example = server.add_example(server.add_service("Door"), "Ada", b"\x01\x02")
    with Dump(server.dump(tmp_path / "without.sql", "--exclude-table-data=img")) as source:
        assert listed(source)["Door"]["Ada"] == [(example, None)]
    damaged = tmp_path / "damaged.sql"
    damaged.write_bytes(server.dump(damaged).read_bytes().replace(rb"\\x0102", rb"\\x01zz"))
    with Dump(damaged) as source, pytest.raises(BadLayout, match="hexadecimal"):
        listed(source)


def test_a_dump_with_the_line_ends_of_windows(server: CompreFace, tmp_path: Path) -> None:
    example = server.add_example(server.add_service("Door"), "Ada\r", bytes(range(256)) * 400)
    file = server.dump(tmp_path / "compreface.sql")
    with Dump(file) as source:
        found = listed(source)
    assert list(found["Door"]["Ada\r"][0]) == [example, bytes(range(256)) * 400]
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    with Dump(file) as source:
        assert listed(source) == found
        assert [one.kind for one in source.catalogue.services()] == ["R"]


def test_rows_that_cannot_be_understood(tmp_path: Path) -> None:
    def refused(rows: str) -> str:
        file = tmp_path / "made.sql"
        block = "COPY public.{} ({}) FROM stdin;\n{}\\.\n"
        tables = [("model", "name, app_id, api_key, type", ""), ("subject", "id, api_key, subject_name", rows)]
        tables.append(("embedding", "id, subject_id, img_id", ""))
        file.write_text("".join(block.format(*table) for table in tables) + "-- PostgreSQL database dump complete\n")
        with pytest.raises(BadLayout) as error:
            Dump(file)
        return error.value.message

    assert "has 2 fields instead of 3" in refused("a\tb\n")
    assert "lacks its id" in refused("a\tb\t\\N\n")
    assert "comes twice" in refused("a\tb\tc\n" * 2)
    assert "longer than any" in refused(f"a\tb\t{'c' * 9000}\n")
    assert "not UTF-8" in refused("a\tb\t\\xff\n")


def test_memory_does_not_grow_with_the_examples(tmp_path: Path) -> None:
    """Nor with the pictures."""

    def peak(examples: int, digits: int) -> int:
        file = tmp_path / "made.sql"
        write_dump(file, examples=examples, picture=b"ab" * (digits // 2))
        tracemalloc.start()
        with Dump(file) as source:
            found = sum(1 for _ in source.catalogue.examples(source.catalogue.services()[0]))
            most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found == examples
        return most

    peak(10, 10)
    assert peak(4000, 10) < 1.2 * peak(400, 10) + 100_000
    assert peak(2, 20_000_000) < 2_000_000


def write_dump(file: Path, *, examples: int, subjects: int = 100, picture: bytes = b"", key: str = "") -> None:
    """A dump of one service; `picture` is in hexadecimal, empty: none was kept."""
    key, people, numbers = key or str(uuid4()), [uuid4() for _ in range(subjects)], [uuid4() for _ in range(examples)]
    with file.open("wb") as out:

        def copy(table: str, columns: str, rows: Iterator[bytes]) -> None:
            out.write(f"COPY public.{table} ({columns}) FROM stdin;\n".encode())
            out.writelines(rows)
            out.write(b"\\.\n\n")

        copy("app", "id, name, guid, api_key", iter([b"1\tMain\ta\tb\n"]))
        rows = (
            f"{number}\t{people[place % subjects]}\t{{0.6,0.8}}\tcalculator\t{number if picture else NULL}\n"
            for place, number in enumerate(numbers)
        )
        copy("embedding", "id, subject_id, embedding, calculator, img_id", (row.encode() for row in rows))
        images = (str(number).encode() + rb"	\\x" + picture + b"\n" for number in numbers) if picture else iter([])
        copy("img", "id, content", images)
        copy("model", "id, name, guid, app_id, api_key, type", iter([f"1\tDoor\tc\t1\t{key}\tR\n".encode()]))
        named = (f"{number}\t{key}\tperson {place}\n".encode() for place, number in enumerate(people))
        copy("subject", "id, api_key, subject_name", named)
        out.write(b"-- PostgreSQL database dump complete\n")
