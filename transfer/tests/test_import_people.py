"""Enrolling many people from folders and tables."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from clients.models import Client
from clients.services import create_api_key
from people import services
from people.models import Person, ReferenceImage
from people.types import Probe
from transfer import people_import as importing
from vision import inference
from vision.exceptions import EngineUnavailable
from vision.tests.drawing import BLUE, GREEN, RED, data_url, picture

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two people, the first with two photographs."""
    root = tmp_path / "people"
    for name in ("Ada", "Grace Hopper"):
        (root / name).mkdir(parents=True)
    (root / "Ada" / "1.png").write_bytes(picture(RED))
    (root / "Ada" / "2.png").write_bytes(picture(RED, side=44))
    (root / "Grace Hopper" / "1.png").write_bytes(picture(GREEN))
    return root


def run(*arguments: object) -> str:
    out = StringIO()
    call_command("import_people", *map(str, arguments), "--client", "bank", stdout=out)
    return out.getvalue()


def table(file: Path, *rows: dict[str, Any]) -> Path:
    columns = ["image", "external_id", "name", "source", "metadata"]
    with file.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return file


def refused(report: Path) -> dict[str, str]:
    with report.open(newline="") as handle:
        return {row["file"]: row["code"] for row in csv.DictReader(handle)}


def test_a_folder_for_each_person(folder: Path) -> None:
    assert "3 images for 2 new people imported." in run(folder, "--source", "staff")
    ada, grace = Person.objects.order_by("external_id")
    assert (ada.external_id, ada.name, ada.gallery.name, ada.client.name) == ("Ada", "Ada", "staff", "bank")
    assert (grace.external_id, ada.reference_images.count()) == ("Grace Hopper", 2)
    (face,) = services.search_people(client=ada.client, probe=Probe(picture(GREEN))).faces
    assert [match.person for match in face.matches] == [grace]


def test_an_import_ends_where_a_quota_is_used_up(folder: Path, media_root: Path) -> None:
    Client.objects.create(name="bank", max_people=1, max_images_a_day=1)  # the images of commands are not counted
    report = folder.parent / "report.csv"
    with pytest.raises(CommandError, match=r"may have 1 people.*What was imported before is kept"):
        run(folder, "--report", report)
    assert Person.objects.get().external_id == "Ada"
    assert len([*media_root.rglob("*.png")]) == ReferenceImage.objects.count() == 2
    assert refused(report) == {}


def test_a_second_run_skips_what_is_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(folder)
    (folder / "Ada" / "3.png").write_bytes(picture(RED, side=48))
    assert "1 images for 0 new people imported, 3 were there already." in run(folder)
    monkeypatch.setattr(importing, "enrol_face", None)  # nothing is asked of a worker again
    assert "0 images for 0 new people imported, 4 were there already." in run(folder)
    assert ReferenceImage.objects.count() == 4


def test_photographs_from_before_hashes_were_kept_are_known_too(folder: Path) -> None:
    run(folder)
    ReferenceImage.objects.update(content_hash="")
    assert "0 images for 0 new people imported, 3 were there already." in run(folder)
    assert not ReferenceImage.objects.filter(content_hash="").exists()


def test_people_imported_without_a_source_are_found_by_ekyc(folder: Path) -> None:
    run(folder)
    api = APIClient(headers={"X-API-Key": create_api_key(client_name="bank")[1]})
    body = {"image": data_url(picture(GREEN))}
    assert [hit["people_id"] for hit in api.post("/search", body, format="json").json()["data"]] == ["Grace Hopper"]


def test_a_table_names_images_people_sources_and_metadata(folder: Path) -> None:
    file = table(
        folder / "people.csv",
        {"image": "Ada/1.png", "external_id": "7", "name": "Ada Lovelace", "metadata": json.dumps({"vip": True})},
        {"image": "Ada/2.png", "external_id": "7"},
        {"image": "Grace Hopper/1.png", "external_id": "7", "source": "navy", "name": "Grace"},
    )
    assert "3 images for 2 new people imported." in run(file, "--source", "main")
    ada, grace = Person.objects.order_by("gallery__name")
    assert (ada.gallery.name, ada.name, ada.metadata, ada.reference_images.count()) == (
        "main", "Ada Lovelace", {"vip": True}, 2,
    )  # fmt: skip
    assert (grace.gallery.name, grace.name, grace.metadata) == ("navy", "Grace", {})
    assert "3 were there already" in run(file, "--source", "main")


def test_what_cannot_be_used_is_refused_by_name_and_the_rest_enrolled(folder: Path, tmp_path: Path) -> None:
    (folder / "Ada" / "group.png").write_bytes(picture(RED, BLUE))
    (folder / "Ada" / "empty.png").write_bytes(picture())
    (folder / "Ada" / "notes.txt").write_text("no image")
    (folder / "Ada" / "deeper").mkdir()
    (folder / "Ada" / "outside.png").symlink_to("/etc/hostname")
    (folder / "Mallory").symlink_to("/etc", target_is_directory=True)
    out = run(folder, "--report", tmp_path / "report.csv")
    assert "3 images for 2 new people imported." in out and "6 refused:" in out
    assert refused(tmp_path / "report.csv") == {
        "Ada/group.png": "face.several",
        "Ada/empty.png": "face.none",
        "Ada/notes.txt": "image.not_an_image",
        "Ada/deeper": "import.not_a_file",
        "Ada/outside.png": "import.outside",
        "Mallory": "import.outside",
    }


def test_bad_rows_of_a_table_are_refused_alone(folder: Path, tmp_path: Path) -> None:
    (folder / "deep").mkdir()
    rows = [
        {"image": "Ada/1.png", "external_id": ""},
        {"image": "../secret.png", "external_id": "1"},
        {"image": "/etc/hostname", "external_id": "1"},
        {"image": "x" * 300, "external_id": "1"},
        {"image": "Ada/2.png", "external_id": "1", "metadata": "[1]"},
        {"image": "./Ada/2.png", "external_id": "1", "metadata": "{"},
        {"image": "Ada/../Ada/2.png", "external_id": "i" * 513},
        {"image": "Grace Hopper/../Ada/2.png", "external_id": "1", "source": "s" * 101},
        {"image": "Grace Hopper/1.png", "external_id": "Grâce '\"; DROP", "name": "名前"},
    ]
    report = tmp_path / "report.csv"
    assert "1 images for 1 new people imported." in run(table(folder / "p.csv", *rows), "--report", report)
    assert list(refused(report).values()) == [
        "import.bad_record", "import.outside", "import.outside", "import.unreadable", "import.bad_record",
        "import.bad_record", "person.bad_value", "person.bad_value",
    ]  # fmt: skip
    assert Person.objects.get().external_id == "Grâce '\"; DROP"


def test_the_gate_refuses_poor_faces(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Nothing could be imported"):
        run(folder, "--gate", "strict", "--report", tmp_path / "report.csv")
    codes = refused(tmp_path / "report.csv").values()
    assert len(codes) == 3 and all(code.startswith("quality.") for code in codes)
    assert "3 images for 2 new people" in run(folder, "--gate", "off")


def test_a_face_that_is_enrolled_under_another_id_is_told(folder: Path, tmp_path: Path) -> None:
    (folder / "Zoe").mkdir()
    (folder / "Zoe" / "1.png").write_bytes(picture(RED, side=52))
    out = run(folder, "--report", tmp_path / "report.csv")
    assert "Zoe/1.png: Enrolled, but the same face is enrolled as Ada." in out
    assert refused(tmp_path / "report.csv") == {"Zoe/1.png": "face.enrolled_elsewhere"}


def test_an_outage_keeps_what_is_done_and_says_what_to_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enrol, calls = importing.enrol_face, []

    def fails_the_second_time(**arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise EngineUnavailable("No worker answered.", code="engine.timeout")
        return enrol(**arguments)

    monkeypatch.setattr(importing, "enrol_face", fails_the_second_time)
    with pytest.raises(CommandError, match="What was imported is kept; run the command again"):
        run(folder)
    assert ReferenceImage.objects.count() == 1
    assert "2 images for 1 new people imported, 1 were there already." in run(folder)


def test_bad_calls_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="either a folder or table, or an archive"):
        run()
    with pytest.raises(CommandError, match="either a folder or table, or an archive"):
        run(folder, "--archive", "a.zip")
    with pytest.raises(CommandError, match="does not exist"):
        run(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CommandError, match="Nothing could be imported"):
        run(tmp_path / "empty")
    (tmp_path / "bad.csv").write_bytes(b"image,external_id\n\0,1\n")
    with pytest.raises(CommandError, match="NUL characters"):
        run(tmp_path / "bad.csv")


def test_needs_a_worker_before_anything_is_stored(
    folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = inference.require_worker
    settings.CELERY_TASK_ALWAYS_EAGER = False
    monkeypatch.setattr(inference, "require_worker", lambda: asked(seconds=0.2))
    with pytest.raises(CommandError, match="No worker answers"):
        run(folder)
    assert not Client.objects.filter(name="bank").exists()
