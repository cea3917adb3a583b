"""Archives: what goes in comes out elsewhere, and nothing else gets in."""

from __future__ import annotations

import json
import stat
import zipfile
from collections.abc import Callable
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from blacklist.models import BlacklistEntry
from blacklist.services import create_entry
from calibration import services as calibration
from calibration.models import SpaceCalibration
from clients.models import Client
from people import services
from people.models import FaceTemplate, GalleryKind, Person, ReferenceImage
from people.types import Probe, SearchOptions, Whom
from vision.engines import engines
from vision.tests.drawing import BLUE, GREEN, RED, YELLOW, picture
from vision.types import Upload

pytestmark = pytest.mark.django_db
Edit = Callable[[dict[str, bytes]], None]


def enrol(client: Client, colour: tuple[int, int, int], external_id: str | None, **more: Any) -> Person:
    upload = Upload(picture(colour, side=more.pop("side", 40)), "face.png")
    return services.enrol_face(client=client, upload=upload, whom=Whom(external_id=external_id, **more)).person


@pytest.fixture
def gallery(client_a: Client) -> Client:
    """Alice's people: two photographs, another source, no id, no face; and somebody on her blacklist."""
    red = enrol(client_a, RED, "r1", name="Röd", metadata={"vip": True, "n": [1, None]})
    enrol(client_a, (200, 40, 20), "r1", side=44)
    services.set_primary_image(person=red, image_id=red.reference_images.latest("pk").number)
    enrol(client_a, GREEN, "g1", source="other")
    enrol(client_a, BLUE, None, name="no id")
    services.create_person(client=client_a, external_id="faceless")
    calibration.set_calibration(client=client_a, space="default", threshold=0.3, false_match_rate=1e-3, note="measured")
    create_entry(client=client_a, name="Listed", uploads=[Upload(picture(YELLOW), "y.png")])
    return client_a


@pytest.fixture
def archive(gallery: Client, tmp_path: Path) -> Path:
    file = tmp_path / "people.zip"
    assert "4 people with 4 images exported." in export(file)
    return file


def export(file: Path, *arguments: str) -> str:
    out = StringIO()
    call_command("export_people", "--client", "alice", "--output", str(file), "--plain", *arguments, stdout=out)
    return out.getvalue()


def import_(file: Path, client: str = "new") -> str:
    out = StringIO()
    call_command("import_people", "--archive", str(file), "--client", client, stdout=out)
    return out.getvalue()


def answers(client: Client) -> tuple[list[Any], list[float]]:
    """What searches say about several probes, but for the rows' own numbers; and at which distances."""
    said, distances = list[Any](), list[float]()
    for alias in engines.aliases():
        for probe in (RED, GREEN, BLUE, YELLOW, (212, 30, 20), (120, 120, 20)):
            options = SearchOptions(limit=100, alias=alias)
            search = services.search_people(client=client, probe=Probe(picture(probe)), options=options)
            for face in search.faces:  # people at the same distance may change places
                candidates = sorted(face.candidates, key=lambda one: (one.person.external_id or "", one.person.name))
                said.append((search.threshold, [described(one) for one in candidates]))
                distances += [one.comparison.distance or 0.0 for one in candidates]
    return said, distances


def described(candidate: Any) -> tuple[Any, ...]:
    person, said = candidate.person, candidate.comparison
    named = (person.external_id, person.gallery.name, person.name, person.metadata, person.created_at)
    return (*named, candidate.reference_image.content_hash, said.point, said.decision)


def rewrite(file: Path, edit: Edit) -> Path:
    """The archive with its entries changed by `edit`, every checksum of the ZIP itself right."""
    with zipfile.ZipFile(file) as old:
        entries = {info.filename: old.read(info) for info in old.infolist()}
    edit(entries)
    with zipfile.ZipFile(file, "w") as new:
        for name, data in entries.items():
            new.writestr(name, data)
    return file


def reseal(entries: dict[str, bytes]) -> None:
    """Make the manifest vouch for what the records are now: an archive made with intent."""
    manifest = json.loads(entries["manifest.json"])
    manifest["sha256"]["people.jsonl"] = sha256(entries["people.jsonl"]).hexdigest()
    entries["manifest.json"] = json.dumps(manifest).encode()


def with_record(change: Callable[[dict[str, Any]], None]) -> Edit:
    """Change the first person and vouch for it."""

    def edit(entries: dict[str, bytes]) -> None:
        first, *rest = entries["people.jsonl"].splitlines(keepends=True)
        record = json.loads(first)
        change(record)
        entries["people.jsonl"] = json.dumps(record).encode() + b"\n" + b"".join(rest)
        reseal(entries)

    return edit


def nothing_came_of(file: Path, message: str) -> None:
    before = (Person.objects.count(), ReferenceImage.objects.count())
    with pytest.raises(CommandError, match=message):
        import_(file)
    assert (Person.objects.count(), ReferenceImage.objects.count()) == before
    assert not Client.objects.filter(name="new").exists()


def test_searches_answer_the_same_after_a_move(gallery: Client, archive: Path) -> None:
    before = answers(gallery)
    assert "4 images for 4 new people imported." in import_(archive)
    new = Client.objects.get(name="new")
    said, distances = answers(new)
    assert said == before[0]
    assert distances == pytest.approx(before[1], abs=5e-3)  # each client rotates and rounds in its own way
    red = Person.objects.of_client(new).get(external_id="r1")
    assert [image.is_primary for image in red.reference_images.all()] == [False, True]
    for image in red.reference_images.all():
        with image.image.open("rb") as handle:
            assert sha256(handle.read()).hexdigest() == image.content_hash
    columns = ("width", "height", "box_x", "box_w", "confidence", "quality", "original_name", "created_at")
    old = ReferenceImage.objects.filter(person__client=gallery).filter(person__kind=GalleryKind.PEOPLE)
    assert list(ReferenceImage.objects.filter(person__client=new).values(*columns)) == list(old.values(*columns))
    taken = SpaceCalibration.objects.of_client(new).get()
    assert (taken.threshold, taken.false_match_rate, taken.note) == (0.3, 1e-3, "measured")


def test_no_worker_is_needed(archive: Path, settings: Settings) -> None:
    settings.CELERY_TASK_ALWAYS_EAGER = False
    assert "4 images" in import_(archive)


def test_a_second_run_changes_nothing(archive: Path) -> None:
    import_(archive)
    Person.objects.filter(client__name="new", external_id="r1").update(name="Changed since")
    assert "0 images for 0 new people imported, 4 were there already." in import_(archive)
    assert Person.objects.filter(client__name="new").count() == 4
    assert Person.objects.filter(client__name="new", name="Changed since").exists()


def test_only_what_is_missing_comes_in(archive: Path) -> None:
    import_(archive)
    red = Person.objects.get(client__name="new", external_id="r1")
    services.delete_reference_image(person=red, image_id=red.reference_images.first().number)  # type: ignore[union-attr]
    assert "1 images for 0 new people imported, 3 were there already." in import_(archive)


def test_the_blacklist_stays(archive: Path) -> None:
    import_(archive)
    assert not Person.objects.filter(client__name="new", kind=GalleryKind.BLACKLIST).exists()
    assert BlacklistEntry.objects.count() == 1
    with zipfile.ZipFile(archive) as found:
        assert "Listed" not in found.read("people.jsonl").decode()


def test_one_source_alone(gallery: Client, tmp_path: Path) -> None:
    assert "1 people with 1 images exported." in export(tmp_path / "o.zip", "--source", "other")


def test_spaces_that_the_archive_lacks_are_computed(gallery: Client, tmp_path: Path) -> None:
    FaceTemplate.objects.filter(space=engines["second"].space.name).delete()
    export(tmp_path / "old.zip")
    assert "4 of 4 photographs have a template in fake-fake8-8; 0 failed." in import_(tmp_path / "old.zip")
    assert FaceTemplate.objects.filter(client__name="new").count() == 8


def test_embeddings_of_spaces_that_are_not_enabled_are_kept(gallery: Client, tmp_path: Path) -> None:
    FaceTemplate.objects.filter(space=engines["second"].space.name).update(space="another.model")
    export(tmp_path / "old.zip")
    import_(tmp_path / "old.zip")
    spaces = FaceTemplate.objects.filter(client__name="new").values_list("space", flat=True)
    assert sorted(set(spaces)) == ["another.model", "fake-fake-4", "fake-fake8-8"]
    assert len(spaces) == 12


def test_an_image_that_the_store_has_lost_is_reported(gallery: Client, tmp_path: Path) -> None:
    lost = ReferenceImage.objects.filter(person__client=gallery).earliest("pk")
    lost.image.storage.delete(lost.image.name)
    out = export(tmp_path / "people.zip")
    assert "4 people with 3 images exported." in out
    assert f"reference image {lost.pk}" in out and "image.gone" in out
    assert "3 images for 4 new people imported." in import_(tmp_path / "people.zip")


def test_the_file_is_its_owners_alone_and_never_replaces_another(archive: Path) -> None:
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert [file.name for file in archive.parent.glob("*people*")] == ["people.zip"]
    with pytest.raises(CommandError, match="exists already"):
        export(archive)


def test_a_failed_export_leaves_no_file(gallery: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transfer import archive_export

    def fails(**_: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive_export, "read_file", fails)
    (tmp_path / "out").mkdir()
    with pytest.raises(CommandError, match="No space left"):
        export(tmp_path / "out" / "people.zip")
    assert not list((tmp_path / "out").iterdir())


# ---- damage and malice ------------------------------------------------------------------------------------------
def test_one_wrong_byte_anywhere_is_noticed(archive: Path) -> None:
    whole = archive.read_bytes()
    for place in range(0, len(whole), max(len(whole) // 60, 1)):
        archive.write_bytes(whole[:place] + bytes([whole[place] ^ 0x40]) + whole[place + 1 :])
        try:
            import_(archive, f"c{place}")
        except CommandError:
            assert not Client.objects.filter(name=f"c{place}").exists()
        else:  # a byte that says nothing, such as a date in a header
            assert Person.objects.filter(client__name=f"c{place}").count() == 4
    archive.write_bytes(whole[: len(whole) // 2])
    nothing_came_of(archive, "damaged or not a ZIP file")


def test_changed_records_and_images_are_noticed(archive: Path) -> None:
    def rename(entries: dict[str, bytes]) -> None:
        entries["people.jsonl"] = entries["people.jsonl"].replace(b'"g1"', b'"g2"')

    whole = archive.read_bytes()
    nothing_came_of(rewrite(archive, rename), "checksum of the people is wrong")
    archive.write_bytes(whole)

    def repaint(entries: dict[str, bytes]) -> None:
        entries[next(name for name in entries if name.startswith("images/"))] = picture(YELLOW)

    nothing_came_of(rewrite(archive, repaint), "checksum of an image is wrong")


@pytest.mark.parametrize(
    "name",
    ["../evil.png", "/etc/cron.d/evil", "images/../../evil.png", "images/x.png", "C:\\evil.png", "images\\a.png"],
)
def test_hostile_names_are_refused(archive: Path, name: str) -> None:
    def smuggle(entries: dict[str, bytes]) -> None:
        entries[name] = b"x"

    nothing_came_of(rewrite(archive, smuggle), "does not belong there")


def test_images_of_nobody_and_missing_images_are_refused(archive: Path) -> None:
    whole = archive.read_bytes()
    nothing_came_of(
        rewrite(archive, lambda entries: entries.update({f"images/{'a' * 64}.png": b"x"})), "belong to no person"
    )
    archive.write_bytes(whole)

    def lose(entries: dict[str, bytes]) -> None:
        del entries[next(name for name in entries if name.startswith("images/"))]

    nothing_came_of(rewrite(archive, lose), "incomplete")
    archive.write_bytes(whole)
    nothing_came_of(rewrite(archive, lambda entries: entries.pop("people.jsonl")), "incomplete")
    archive.write_bytes(whole)
    nothing_came_of(rewrite(archive, lambda entries: entries.pop("manifest.json")), "incomplete")


def test_other_files_and_versions_are_refused(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("no archive")
    nothing_came_of(tmp_path / "text.zip", "not a ZIP file")
    nothing_came_of(tmp_path / "none.zip", "not a ZIP file")

    def later(entries: dict[str, bytes]) -> None:
        entries["manifest.json"] = entries["manifest.json"].replace(b'"version": 1', b'"version": 2')

    nothing_came_of(rewrite(archive, later), "archives of version 1")
    nothing_came_of(
        rewrite(archive, lambda entries: entries.update({"manifest.json": b"{}"})), "not an archive of people"
    )
    nothing_came_of(rewrite(archive, lambda entries: entries.update({"manifest.json": b"{"})), "cannot be read")


CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "another field": lambda r: r.update(extra=1),
    "a missing field": lambda r: r.pop("name"),
    "a number for a name": lambda r: r.update(name=7),
    "metadata that is a list": lambda r: r.update(metadata=[]),
    "a file elsewhere": lambda r: r["images"][0].update(file="../../etc/passwd"),
    "a box of text": lambda r: r["images"][0].update(box=["1", 2, 3, 4]),
    "a huge box": lambda r: r["images"][0].update(box=[1 << 40, 2, 3, 4]),
    "no size": lambda r: r["images"][0].update(width=0),
    "no number": lambda r: r["images"][0].update(confidence=float("nan")),
    "no base64": lambda r: r["images"][0]["embeddings"].update({"fake-fake-4": "!"}),
    "half a number": lambda r: r["images"][0]["embeddings"].update({"fake-fake-4": "AAAA"}),
    "an infinite embedding": lambda r: r["images"][0]["embeddings"].update({"fake-fake-4": "AHwAfAB8AHw="}),
    "a long space": lambda r: r["images"][0]["embeddings"].update({"x" * 101: "AAAAAAAAAAA="}),
    "no date": lambda r: r.update(created_at="yesterday"),
    "a date without a zone": lambda r: r.update(created_at="2025-01-01T00:00:00"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_records_that_are_no_people_are_refused_before_anything_is_stored(
    archive: Path, change: Callable[[dict[str, Any]], Any]
) -> None:
    nothing_came_of(rewrite(archive, with_record(change)), "record that is not a valid person")


def test_a_person_whom_this_service_cannot_hold_is_refused_alone(archive: Path) -> None:
    rewrite(archive, with_record(lambda r: r.update(source="s" * 101)))
    out = import_(archive)
    assert "2 images for 3 new people imported." in out
    assert "person 1" in out and "person.bad_value" in out
    assert not BlacklistEntry.objects.filter(client__name="new").exists()


def test_an_image_that_this_service_does_not_take_is_refused_alone(archive: Path) -> None:
    rewrite(archive, with_record(lambda r: r["images"][0]["embeddings"].update({"fake-fake-4": "AAAAAA=="})))
    out = import_(archive)
    assert "3 images for 4 new people imported." in out
    assert "person 1, image 1" in out and "archive.bad_record" in out


def test_strange_quality_is_forgotten(archive: Path) -> None:
    rewrite(archive, with_record(lambda r: r["images"][0].update(quality={"beauty": 1e999})))
    with pytest.raises(CommandError, match="not a valid person"):  # JSON has no such number
        import_(archive)
    rewrite(archive, with_record(lambda r: r["images"][0].update(quality={"beauty": 1})))
    import_(archive)
    assert {} in ReferenceImage.objects.filter(person__client__name="new").values_list("quality", flat=True)


def test_large_entries_are_refused_unread(archive: Path, settings: Settings) -> None:
    settings.MAX_IMAGE_BYTES = 100
    nothing_came_of(archive, "larger than 100 bytes")
