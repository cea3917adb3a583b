"""A photo library, in which faces are marked and named, as a gallery."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from people import services
from people.models import Person, ReferenceImage
from people.types import Probe
from transfer import people_import as importing
from vision.regions import Region
from vision.sidecars import sidecar
from vision.tests.drawing import BLUE, FIRST, GREEN, RED, SECOND, THIRD, picture
from vision.tests.drawing import three_people as photograph

pytestmark = pytest.mark.django_db


@pytest.fixture
def library(tmp_path: Path) -> Path:
    root = tmp_path / "library"
    (root / "2019" / "summer").mkdir(parents=True)
    (root / ".trash").mkdir()
    named = [Region("Ada", *FIRST), Region("", *SECOND), Region("Zoë Quinn", *THIRD)]
    (root / "2019" / "summer" / "one.jpg").write_bytes(photograph(*named, orientation=6))
    (root / "2019" / "two.jpg").write_bytes(photograph())
    (root / "2019" / "two.xmp").write_bytes(sidecar([Region("Grace", *SECOND)], width=480, height=160, orientation=1))
    (root / "2019" / "nobody.jpg").write_bytes(photograph())
    (root / "2019" / "video.mp4").write_bytes(b"\0" * 100)
    (root / ".trash" / "gone.jpg").write_bytes(photograph(Region("Gone", *FIRST)))
    return root


def run(*arguments: object) -> str:
    out = StringIO()
    call_command("import_people", *map(str, arguments), "--regions", "--client", "bank", stdout=out)
    return out.getvalue()


def test_a_region_without_a_pixel_stops_nothing(library: Path, tmp_path: Path) -> None:
    specks = [Region("Dot", x, 0.5, 1e-6, 1e-6) for x in (0.0, 0.5, 0.9999)]
    (library / "2019" / "a.jpg").write_bytes(photograph(*specks))
    run(library, "--report", tmp_path / "report.csv")
    assert [name for name in refused(tmp_path / "report.csv") if "Dot" in name]
    assert {person.name for person in Person.objects.all()} == {"Ada", "Grace", "Zoë Quinn"}


def refused(report: Path) -> dict[str, str]:
    with report.open(newline="") as handle:
        return {row["file"]: row["code"] for row in csv.DictReader(handle)}


def test_named_faces_become_people_and_a_second_run_knows_them(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "3 images for 3 new people imported." in run(library, "--source", "family")
    people = {person.name: person for person in Person.objects.select_related("gallery", "client")}
    assert {(one.external_id, one.gallery.name) for one in people.values()} == {
        (name, "family") for name in ("Ada", "Grace", "Zoë Quinn")
    }
    for name, colour in (("Ada", RED), ("Grace", GREEN), ("Zoë Quinn", BLUE)):
        client = people[name].client
        (face,) = services.search_people(client=client, probe=Probe(picture(colour))).faces
        assert [match.person.name for match in face.matches] == [name]
    stored = ReferenceImage.objects.get(person=people["Ada"])
    assert (stored.width, stored.height) == (200, 160)  # 80 pixels around the face, as far as there are so many
    monkeypatch.setattr(importing, "enrol_face", None)
    assert "0 images for 0 new people imported, 3 were there already." in run(library, "--source", "family")


def test_a_dry_run_stores_nothing(library: Path) -> None:
    assert "3 named faces of 3 people could be imported" in run(library, "--dry-run")
    assert not Person.objects.exists()


def test_what_cannot_be_used_is_listed(library: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.csv"
    (library / "beside.jpg").write_bytes(photograph(Region("Eve", 0.2, 0.25, 0.12, 0.5)))  # between two people
    (library / "broken.jpg").write_bytes(picture(RED))
    (library / "broken.jpg.xmp").write_bytes(b"<x")
    (library / "raw.cr2").write_bytes(b"RAW" * 40)
    (library / "raw.xmp").write_bytes(sidecar([Region("Ada", *FIRST)], width=480, height=160, orientation=1))
    (library / "outside.jpg").symlink_to(tmp_path / "elsewhere.jpg")
    (tmp_path / "elsewhere.jpg").write_bytes(photograph(Region("Mallory", *FIRST)))
    assert "3 images for 3 new people imported." in run(library, "--report", report)
    assert refused(report) == {
        "beside.jpg (Eve)": "face.not_as_marked",
        "broken.jpg": "image.bad_xmp",
        "raw.cr2": "image.not_an_image",
    }
    assert not Person.objects.filter(name__in=["Eve", "Mallory"]).exists()


@pytest.mark.parametrize("arguments", [["--dry-run"], ["--archive", "x", "--regions"], ["nowhere", "--regions"]])
def test_options_that_do_not_go_together(arguments: list[str], tmp_path: Path) -> None:
    with pytest.raises(CommandError):
        call_command("import_people", *arguments, "--client", "bank", stdout=StringIO())
