"""`manage.py evaluate`: pictures whose squares are faces for the fake engine, so that every figure can be foreseen."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from calibration.models import SpaceCalibration
from calibration.services import operating_point
from clients.models import Client
from people import services
from vision import inference
from vision.engines import engines
from vision.tests.drawing import BLUE, GREEN, RED, picture

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three people; red and blue have two photographs, and red's second one is a little green."""
    root = tmp_path / "people"
    for name in ("red", "green", "blue"):
        (root / name).mkdir(parents=True)
    (root / "red" / "1.png").write_bytes(picture(RED))
    (root / "red" / "2.png").write_bytes(picture((220, 50, 20)))
    (root / "green" / "1.png").write_bytes(picture(GREEN))
    (root / "blue" / "1.png").write_bytes(picture(BLUE))
    (root / "blue" / "2.png").write_bytes(picture(BLUE, side=44))
    return root


def run(source: Path, *arguments: str) -> str:
    out = StringIO()
    call_command("evaluate", str(source), *arguments, stdout=out)
    return out.getvalue()


def figures(source: Path, tmp_path: Path, *arguments: str) -> dict[str, Any]:
    """The JSON of the first space."""
    run(source, "--json", str(tmp_path / "figures.json"), *arguments)
    space: dict[str, Any] = json.loads((tmp_path / "figures.json").read_text())["spaces"][0]
    return space


def test_a_folder_is_compared_pair_by_pair_in_every_space(folder: Path, tmp_path: Path) -> None:
    out = run(folder, "--json", str(tmp_path / "figures.json"))
    assert "fake-fake-4" in out and "fake-fake8-8" in out
    first, second = json.loads((tmp_path / "figures.json").read_text())["spaces"]
    assert (first["alias"], second["alias"]) == ("default", "second")
    verification = first["verification"]
    assert (verification["genuine_pairs"], verification["impostor_pairs"]) == (2, 8)
    assert verification["eer"]["value"] == 0.0
    assert verification["eer"]["high"] > 0.5  # nothing seen with two people says very little
    assert [point["false_match_rate"] for point in verification["points"]] == [1e-2, 1e-3, 1e-4]
    assert (first["identification"]["probes"], first["identification"]["people"]) == (4, 3)
    assert first["identification"]["rank_1"]["value"] == 1.0
    assert first["images"] == 5 and first["milliseconds"]["median"] > 0
    assert first["curve"][-1]["fmr"] == 1.0


def test_the_table_shows_every_figure(folder: Path) -> None:
    out = run(folder, "--space", "default", "--fmr", "0.02")
    for words in ("EER", "TAR at FMR 0.02", "TAR at FMR 0.0001", "right person first", "threshold for FMR 0.02", "ms"):
        assert words in out
    assert "second" not in out


def test_what_cannot_be_used_is_reported_and_the_rest_compared(folder: Path, tmp_path: Path) -> None:
    (folder / "red" / "group.png").write_bytes(picture(RED, GREEN))
    (folder / "red" / "empty.png").write_bytes(picture())
    (folder / "red" / "notes.txt").write_text("no image")
    (folder / "red" / "again.png").write_bytes((folder / "red" / "1.png").read_bytes())
    (folder / "red" / "outside.png").symlink_to("/etc/hostname")
    found = figures(folder, tmp_path, "--report", str(tmp_path / "refused.csv"))
    assert found["images"] == 5
    with (tmp_path / "refused.csv").open(newline="") as handle:
        codes = {row["file"]: row["code"] for row in csv.DictReader(handle)}
    assert codes == {
        "red/group.png": "face.several",
        "red/empty.png": "face.none",
        "red/notes.txt": "image.not_an_image",
        "red/again.png": "import.duplicate",
        "red/outside.png": "import.outside",
    }


def test_pairs_of_a_table(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "pairs.csv"
    rows = [
        "people/red/1.png,people/red/2.png,1",
        "people/blue/1.png, people/blue/2.png ,yes",
        "people/red/1.png,people/green/1.png,0",
        "people/red/2.png,people/blue/1.png,no",
        "people/none.png,people/red/1.png,0",
    ]
    table.write_text("\n".join(["\ufeffimage_1,image_2,same", *rows]))
    found = figures(table, tmp_path)
    assert (found["verification"]["genuine_pairs"], found["verification"]["impostor_pairs"]) == (2, 2)
    assert found["identification"] is None
    assert [refusal["code"] for refusal in found["refused"]] == ["import.not_a_file"]


def test_a_table_reads_nothing_outside_its_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(picture(RED))
    table = folder / "pairs.csv"
    table.write_text(
        "image_1,image_2,same\nred/1.png,red/2.png,1\nred/1.png,blue/1.png,0\n../secret.png,red/1.png,1\n"
        "/etc/hostname,red/1.png,0\n"
    )
    assert [refusal["code"] for refusal in figures(table, tmp_path)["refused"]] == ["import.outside"] * 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a,b\n1,2\n", "no column"),
        (b"image_1,image_2,same\na.png,b.png,maybe\n", "Line 2"),
        (b"image_1,image_2,same\na.png\n", "Line 2"),
        (b"image_1,image_2,same\n\xff,b,1\n", "CSV file in UTF-8"),
        (b"image_1,image_2,same\n", "no photographs"),
        (b"", "no column"),
    ],
)
def test_bad_tables_are_named(tmp_path: Path, text: bytes, message: str) -> None:
    (tmp_path / "pairs.csv").write_bytes(text)
    with pytest.raises(CommandError, match=message):
        run(tmp_path / "pairs.csv")


def test_a_set_of_one_kind_of_pairs_is_refused(folder: Path, tmp_path: Path) -> None:
    for name in ("green", "blue"):
        for file in (folder / name).iterdir():
            file.unlink()
    with pytest.raises(CommandError, match="pairs of one person and pairs of two people"):
        run(folder)
    with pytest.raises(CommandError, match="no photographs"):
        run(folder / "blue")
    with pytest.raises(CommandError, match="does not exist"):
        run(tmp_path / "nowhere")


def test_says_that_the_set_is_too_small_for_the_rate(folder: Path) -> None:
    out = run(folder, "--space", "default", "--fmr", "0.5")
    assert "FMR 0.5 is uncertain with 8 pairs of two people; 60 would do" in out
    assert "FMR 0.001 cannot be shown by 8 pairs of two people; 30,000 would do" in out


def test_pictures_are_drawn_for_all_spaces(folder: Path, tmp_path: Path) -> None:
    run(folder, "--plots", str(tmp_path / "new" / "pictures"))
    assert {file.name for file in (tmp_path / "new" / "pictures").iterdir()} == {"roc.png", "det.png", "distances.png"}


def test_unknown_names_and_rates_are_refused(folder: Path) -> None:
    with pytest.raises(CommandError, match="no engine third"):
        run(folder, "--space", "third")
    with pytest.raises(CommandError, match="no client 'nobody'"):
        run(folder, "--store-for", "nobody")
    for rate in ("0", "1", "x"):
        with pytest.raises(CommandError, match="fmr"):
            run(folder, "--fmr", rate)


def test_needs_a_worker(folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = inference.require_worker
    settings.CELERY_TASK_ALWAYS_EAGER = False
    monkeypatch.setattr(inference, "require_worker", lambda: asked(seconds=0.2))
    with pytest.raises(CommandError, match="No worker answers"):
        run(folder)


def test_the_threshold_is_stored_for_a_client_and_used_from_then_on(folder: Path, client_a: Client) -> None:
    out = run(folder, "--store-for", "alice", "--fmr", "0.5")
    first, second = SpaceCalibration.objects.of_client(client_a)
    assert (first.space, second.space) == ("fake-fake-4", "fake-fake8-8")
    assert first.false_match_rate == 0.5
    assert first.note == "evaluate: 2 genuine, 8 impostor pairs"
    assert f"Stored for alice in fake-fake-4: euclidean {first.threshold:.4f}" in out
    space = engines["default"].space
    assert operating_point(client=client_a, space=space).threshold == first.threshold
    run(folder, "--store-for", "alice", "--fmr", "0.1", "--space", "default")
    assert operating_point(client=client_a, space=space).threshold < first.threshold


def test_distances_are_those_of_the_gallery(folder: Path, tmp_path: Path) -> None:
    """What the table calls a distance is what a search compares with its threshold."""
    (pair,) = {tuple(sorted(p.name for p in (folder / "red").iterdir()))}
    first, second = ((folder / "red" / name).read_bytes() for name in pair)
    client = Client.objects.create(name="compare")
    (compared,) = services.compare_faces(client=client, first=first, others=[second]).results
    table = folder / "pairs.csv"
    table.write_text("image_1,image_2,same\nred/1.png,red/2.png,1\nred/1.png,blue/1.png,0\n")
    curve = figures(table, tmp_path)["curve"]
    assert curve[0]["threshold"] == pytest.approx(compared.distance)  # type: ignore[union-attr]
