"""`manage.py evaluate_antispoof` counts what passes and what is refused, with exact intervals."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from environment import BASE_DIR
from evaluation.attack_rates import attack_rates, exact_estimate
from faceapp.tests import missing
from liveness.tests.conftest import antispoof  # noqa: F401  the fake engine with passive scores
from liveness.tests.pictures import frame
from vision import images
from vision.antispoof.samples import FAKE, LIVE, files_of
from vision.engines import liveness, weights
from vision.tests.drawing import BLUE, RED, picture
from vision.tests.finding import largest_face
from vision.tests.shared_weights import put_fasnet_in_place, put_in_place

SPOOF = BASE_DIR.parent / "shared" / "labelled" / "spoof"


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Three living faces, one of which shows glare; two attacks, one of which does not; a picture without a face."""
    files = {
        "real/1.png": frame(RED), "real/2.png": frame(BLUE), "real/3.png": frame(RED, pose=1, fake=True),
        "real/none.png": picture(), "real/notes.txt": b"text",
        "fake/1.png": frame(RED, fake=True), "fake/2.png": frame(RED, pose=2),
    }  # fmt: skip
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path / "real", tmp_path / "fake"


@pytest.mark.usefixtures("antispoof")
def test_the_table_and_the_file_hold_what_was_scored(folders: tuple[Path, Path], tmp_path: Path) -> None:
    out = io.StringIO()
    call_command("evaluate_antispoof", *map(str, folders), "--threshold", "0.97", "--output", str(tmp_path / "a.json"),
                 stdout=out)  # fmt: skip
    lines = out.getvalue().splitlines()
    assert lines[:2] == ["real: 3 faces in 5 files.", "fake: 2 faces in 2 files."]
    assert "| 0.8 | 50.0 % (1.3 to 98.7), fake | 33.3 % (0.8 to 90.6) |" in lines
    assert "| 0.97 | 100.0 % (15.8 to 100.0), fake | 0.0 % (0.0 to 70.8) |" in lines
    scores = json.loads((tmp_path / "a.json").read_text())
    assert sorted(scores["living"]) == pytest.approx([0.05, 0.05, 0.95])
    assert sorted(scores["attacks"]["fake"]) == pytest.approx([0.05, 0.95])


@pytest.mark.usefixtures("antispoof")
def test_the_worst_species_of_attack_counts(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """No screen passes, one of two prints does, and so does the only file that is in no species' folder."""
    real, fake = folders
    for name, is_seen in (
        ("screen/1.png", True),
        ("screen/a/2.png", True),
        ("print/1.png", True),
        ("print/2.png", False),
    ):
        (fake / name).parent.mkdir(parents=True, exist_ok=True)
        (fake / name).write_bytes(frame(BLUE, fake=is_seen))
    (fake / "1.png").unlink()
    out = io.StringIO()
    call_command("evaluate_antispoof", str(real), str(fake), "--output", str(tmp_path / "a.json"), stdout=out)
    lines = out.getvalue().splitlines()
    assert "| 0.8 | 100.0 % (2.5 to 100.0), fake | 33.3 % (0.8 to 90.6) |" in lines
    assert "| screen | 2 | 0.0 % (0.0 to 84.2) |" in lines and "| print | 2 | 50.0 % (1.3 to 98.7) |" in lines
    assert {name: len(scores) for name, scores in json.loads((tmp_path / "a.json").read_text())["attacks"].items()} == {
        "fake": 1, "print": 2, "screen": 2,
    }  # fmt: skip
    (fake / "empty").mkdir()
    (fake / "empty" / "none.png").write_bytes(picture())
    with pytest.raises(CommandError, match=r"each species' folder, .*\(evaluate.nobody\)"):
        call_command("evaluate_antispoof", str(real), str(fake), stdout=io.StringIO())


def test_without_passive_scores_or_faces_the_command_says_why(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CommandError, match="no passive scores"):
        call_command("evaluate_antispoof", *map(str, folders), stdout=io.StringIO())
    with pytest.raises(CommandError, match="between 0 and 1"):
        call_command("evaluate_antispoof", *map(str, folders), "--threshold", "80", stdout=io.StringIO())
    (tmp_path / "empty").mkdir()
    (tmp_path / "closed" / "print").mkdir(parents=True)
    listed = Path.iterdir

    def iterdir(path: Path) -> Iterator[Path]:  # the tests may run as root, to whom no folder is closed
        if path == tmp_path / "closed" / "print":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    refused = {"empty": "evaluate.nobody", "nowhere": "import.bad_layout", "closed": "import.unreadable"}
    for folder, code in refused.items():
        with pytest.raises(CommandError, match=code):
            call_command("evaluate_antispoof", str(tmp_path / folder), str(tmp_path / folder), stdout=io.StringIO())


@pytest.mark.parametrize(("errors", "trials", "low", "high"), [
    (0, 90, 0.0, 0.0402), (90, 90, 0.9598, 1.0), (5, 90, 0.0183, 0.1249), (3, 10, 0.0667, 0.6525), (1, 1, 0.025, 1.0),
])  # fmt: skip
def test_intervals_are_those_of_clopper_and_pearson(errors: int, trials: int, low: float, high: float) -> None:
    found = exact_estimate(errors, trials)
    assert (found.value, found.low, found.high) == (
        errors / trials, pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4),
    )  # fmt: skip


@pytest.mark.models
@pytest.mark.parametrize(("name", "most_passed", "most_refused"), [("fr_liveness", 0, 1), ("fasnet", 10, 5)])
def test_labelled_photographs_are_scored_as_documented(
    name: str, most_passed: int, most_refused: int, settings: Settings
) -> None:
    """The counts behind the table in docs/liveness.md."""
    if not SPOOF.is_dir():
        pytest.skip(f"{missing.DATA}: ../shared/labelled, photographs with labels")
    settings.ANTISPOOF = name
    put_in_place([weights.FR_LIVENESS])
    if name == "fasnet":
        put_fasnet_in_place()
    network = liveness.build()
    scores: dict[str, list[float]] = {}
    for kind in ("live", "spoof"):
        photographs = [images.decode(file.read_bytes()) for file in files_of(SPOOF / kind)]
        scores[kind] = [1 - live for one in photographs for live in network.live(one, largest_face(one))]
    labels = np.repeat([LIVE, FAKE], [len(scores["live"]), len(scores["spoof"])])
    rates = attack_rates(np.array(scores["live"] + scores["spoof"]), labels)
    assert (rates.living, rates.attacks) == (90, 71)
    passed, refused = (round(rate * count) for rate, count in zip(rates.at(0.8), (71, 90), strict=True))
    assert passed <= most_passed and refused <= most_refused
