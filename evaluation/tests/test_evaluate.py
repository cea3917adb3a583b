"""`manage.py evaluate`: pictures whose squares are faces for the fake engine, so that every figure can be foreseen."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from PIL import Image, ImageDraw
from pytest_django.fixtures import Settings

from calibration.models import SpaceCalibration
from calibration.services import operating_point
from clients.models import Client
from people import services
from people.models import Gallery, Person
from vision import inference
from vision.engines import engines
from vision.tests.drawing import BLUE, DIM, GREEN, RED, picture

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
    assert first["groups"] == []
    assert first["images"] == 5 and first["milliseconds"]["median"] > 0
    assert first["curve"][-1]["fmr"] == 1.0


def test_the_table_shows_every_figure(folder: Path) -> None:
    out = run(folder, "--space", "default", "--fmr", "0.02")
    for words in ("EER", "TAR at FMR 0.02", "TAR at FMR 0.0001", "ms", "FPIR", "FNIR", "threshold for FMR 0.02"):
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
    assert found["searches"] == []
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


def test_sets_that_show_nothing_are_refused_with_a_code(folder: Path, tmp_path: Path) -> None:
    (folder / "red" / "2.png").unlink()
    (folder / "blue" / "2.png").unlink()
    with pytest.raises(CommandError, match=r"two photographs or more are needed. \(evaluate.one_photograph_each\)"):
        run(folder)
    (folder / "red" / "2.png").write_bytes(picture((220, 50, 20)))
    shutil.rmtree(folder / "green")
    shutil.rmtree(folder / "blue")
    with pytest.raises(CommandError, match=r"two people or more are needed. \(evaluate.one_person\)"):
        run(folder)
    for file in (folder / "red").iterdir():
        file.write_bytes(picture(DIM))
    with pytest.raises(CommandError, match=r"None of the photographs shows a face .*\(evaluate.nobody\)"):
        run(folder)
    with pytest.raises(CommandError, match=r"no photographs to compare. \(evaluate.nobody\)"):
        run(folder / "red")
    with pytest.raises(CommandError, match=r"does not exist. \(import.bad_layout\)"):
        run(tmp_path / "nowhere")


def test_what_cannot_be_read_is_said(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = Path.iterdir
    closed = {folder / "green"}

    def iterdir(path: Path) -> Iterator[Path]:  # the tests may run as root, to whom no folder is closed
        if path in closed:
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    found = figures(folder, tmp_path)
    assert [(one["name"], one["code"]) for one in found["refused"]] == [("green", "import.unreadable")]
    closed.add(folder)
    with pytest.raises(CommandError, match=r"cannot be read: Permission denied. \(import.unreadable\)"):
        run(folder)


@pytest.fixture
def grouped(folder: Path, tmp_path: Path) -> Path:
    """Red and orange people in a group, a blue person in another, and green ones in none."""
    (tmp_path / "grouped" / "warm").mkdir(parents=True)
    (tmp_path / "grouped" / "cold").mkdir()
    shutil.copytree(folder / "red", tmp_path / "grouped" / "warm" / "1")
    (tmp_path / "grouped" / "warm" / "2").mkdir()
    (tmp_path / "grouped" / "warm" / "2" / "1.png").write_bytes(picture((220, 60, 20)))
    shutil.copytree(folder / "blue", tmp_path / "grouped" / "cold" / "1")
    shutil.copytree(folder / "green", tmp_path / "grouped" / "green")
    return tmp_path / "grouped"


def test_groups_have_rates_of_their_own(grouped: Path, tmp_path: Path) -> None:
    """Distances within "warm": 0.118 in the person, 0.157 and 0.039 to the other one, all below the default of 0.2."""
    (grouped / "warm" / "1" / "none.png").write_bytes(picture())
    found = figures(grouped, tmp_path)
    cold, warm = found["groups"]
    assert (warm["name"], warm["people"], warm["photographs"]) == ("warm", 2, 3)
    assert (warm["genuine_pairs"], warm["impostor_pairs"]) == (1, 2)
    assert (warm["fmr"]["value"], warm["fnmr"]["value"]) == (1.0, 0.0) and warm["fmr"]["low"] < 1.0
    assert (cold["people"], cold["fmr"], cold["fnmr"]["value"]) == (1, None, 0.0)
    assert [refusal["name"] for refusal in found["refused"]] == ["warm/1/none.png"]
    out = run(grouped, "--space", "default")
    assert re.search(r"cold +│ default +│ 1 +│ 2 +│ 1, 0 +│ - +│ 0.0 %", out)


def test_groups_of_one_person_each_say_nothing(grouped: Path) -> None:
    shutil.rmtree(grouped / "warm" / "2")
    with pytest.raises(CommandError, match=r"No group has two people .*\(evaluate.groups_of_one\)"):
        run(grouped)


def test_a_folder_of_folders_is_a_group_only_without_files_and_links(
    folder: Path, tmp_path: Path, settings: Settings
) -> None:
    (folder / "red" / "inside").mkdir()
    (folder / "link").symlink_to(tmp_path)
    (folder / "cyan" / "inside").mkdir(parents=True)
    with (folder / "cyan" / "large.png").open("wb") as file:
        file.truncate(settings.MAX_IMAGE_BYTES + 1)
    found = figures(folder, tmp_path)
    assert found["groups"] == [] and found["images"] == 5
    assert {one["name"]: one["code"] for one in found["refused"]} == {
        "red/inside": "import.not_a_file", "link": "import.outside",
        "cyan/inside": "import.not_a_file", "cyan/large.png": "image.too_large",
    }  # fmt: skip


def test_groups_of_a_table(folder: Path, tmp_path: Path) -> None:
    table = folder / "pairs.csv"
    lines = ["red/1.png,red/2.png,1,warm", "red/1.png,green/1.png,0,", "blue/1.png,blue/2.png,1,cold",
             "red/2.png,blue/1.png,0,"]  # fmt: skip
    table.write_text("\n".join(["image_1,image_2,same,group", *lines, "green/1.png,red/2.png,0,warm"]))
    cold, warm = figures(table, tmp_path)["groups"]
    assert (warm["photographs"], warm["genuine_pairs"], warm["impostor_pairs"]) == (3, 1, 2)
    assert (cold["fmr"], cold["fnmr"]["value"], warm["fmr"]["value"]) == (None, 0.0, 0.0)
    table.write_text("\n".join(["image_1,image_2,same,group", *lines, "blue/2.png,red/2.png,0,warm"]))
    with pytest.raises(CommandError, match=r"Line 6: .* another group"):
        run(table)


def test_of_several_faces_the_one_that_is_meant_is_compared(folder: Path, tmp_path: Path) -> None:
    """Beside red stands somebody: larger in one photograph, and away from the centre in the other."""
    image = Image.new("RGB", (300, 100), (128, 128, 128))
    for colour, box in ((RED, (130, 30, 170, 70)), (BLUE, (10, 10, 90, 90))):
        ImageDraw.Draw(image).rectangle(box, fill=colour)
    image.save(folder / "red" / "3.png")
    assert [one["code"] for one in figures(folder, tmp_path)["refused"]] == ["face.several"]
    central, largest = (figures(folder, tmp_path, "--bystanders", which) for which in ("centre", "largest"))
    assert central["images"] == largest["images"] == 6 and not central["refused"]
    assert (central["verification"]["fnmr"]["value"], central["verification"]["fmr"]["value"]) == (0.0, 0.0)
    assert (largest["verification"]["fnmr"]["value"], largest["verification"]["fmr"]["value"]) == (0.5, 2 / 11)


def test_lists_are_as_large_as_the_largest_gallery(folder: Path, tmp_path: Path, client_a: Client) -> None:
    assert [one["people"] for one in figures(folder, tmp_path)["searches"]] == [2]  # nobody is enrolled: what there is
    for name, count in (("small", 1), ("large", 5)):
        gallery = Gallery.objects.named(client_a, name)
        for _ in range(count):
            Person.objects.create(client=client_a, gallery=gallery)
    assert [one["people"] for one in figures(folder, tmp_path)["searches"]] == [5]


def test_searches_of_named_sizes(folder: Path, tmp_path: Path) -> None:
    """Red and blue are enrolled and found; green is a stranger to both. A face that is not recognisable is a miss."""
    two, many = figures(folder, tmp_path, "--gallery", "2,1000")["searches"]
    assert (two["people"], two["enrolled"], two["extrapolated"]) == (2, 2, False)
    assert (two["mates"], two["strangers"], two["threshold"]) == (2, 1, 0.2)
    assert (two["fpir"]["value"], two["fnir"]["value"], two["rank_1"]["value"]) == (0.0, 0.0, 1.0)
    assert (many["people"], many["enrolled"], many["extrapolated"]) == (1000, 2, True)
    assert two["curve"][-1]["fpir"] == 1.0
    (folder / "red" / "dim.png").write_bytes(picture(DIM))
    (found,) = figures(folder, tmp_path, "--gallery", "2")["searches"]
    assert (found["fnir"]["value"], found["rank_1"]["value"]) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert "* from 2" in run(folder, "--gallery", "1000")


def test_says_that_the_set_is_too_small_for_the_rate(folder: Path) -> None:
    out = run(folder, "--space", "default", "--fmr", "0.5")
    assert "FMR 0.5 is uncertain with 8 pairs of two people; 60 would do" in out
    assert "FMR 0.001 cannot be shown by 8 pairs of two people; 30,000 would do" in out


def test_pictures_are_drawn_for_all_spaces(folder: Path, tmp_path: Path) -> None:
    run(folder, "--plots", str(tmp_path / "new" / "pictures"))
    names = {"roc.png", "det.png", "distances.png", "searches.png"}
    assert {file.name for file in (tmp_path / "new" / "pictures").iterdir()} == names


def test_unknown_names_and_rates_are_refused(folder: Path) -> None:
    with pytest.raises(CommandError, match="no engine third"):
        run(folder, "--space", "third")
    with pytest.raises(CommandError, match="no client 'nobody'"):
        run(folder, "--store-for", "nobody")
    for rate in ("0", "1", "x"):
        with pytest.raises(CommandError, match="fmr"):
            run(folder, "--fmr", rate)
    for sizes in ("0", "x", "10,", "-5"):
        with pytest.raises(CommandError, match="gallery"):
            run(folder, f"--gallery={sizes}")


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
    run(folder, "--store", "alice", "--fmr", "0.1", "--space", "default")
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
