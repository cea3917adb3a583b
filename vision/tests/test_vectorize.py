"""`manage.py vectorize` prints what programs of the older service read."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from faceapp.tests.live_stack import LiveStack
from vision.tests.drawing import BLUE, GREEN, RED, picture

ROSE = (565, 52, 909, 395)  # her face in rose_1.jpg: left, top, right, bottom


def vectors(*arguments: str) -> list[list[list[float]]]:
    out = StringIO()
    call_command("vectorize", *arguments, stdout=out, stderr=StringIO())
    body = json.loads(out.getvalue())
    assert list(body) == ["faceVectors"]
    found: list[list[list[float]]] = body["faceVectors"]
    return found


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Two faces, none, no image, and one."""
    contents = {"two.png": picture(RED, BLUE), "none.png": picture(), "text.jpg": b"text", "one.png": picture(GREEN)}
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    return [str(tmp_path / name) for name in contents]


def test_one_list_of_faces_for_each_image_in_order(files: list[str]) -> None:
    found = vectors(*files)
    assert [len(faces) for faces in found] == [2, 0, 0, 1]
    assert found[0][0] == pytest.approx([*(value / 255 for value in RED), 1], abs=1e-6)


def test_prealigned_images_are_one_face_each(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREALIGNED", "true")
    assert [len(faces) for faces in vectors(*files)] == [1, 1, 0, 1]


def test_another_engine_may_be_named(files: list[str]) -> None:
    assert len(vectors(files[3], "--engine", "second")[0][0]) == 8


def test_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        vectors(str(tmp_path / "gone.jpg"))


@pytest.mark.models
def test_real_faces(live: LiveStack, real_faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard output is JSON and nothing else; a face that was cut out before gives about the same vector."""

    def run(*paths: Path) -> list[list[list[float]]]:
        found: list[list[list[float]]] = json.loads(live.manage("vectorize", *map(str, paths)).stdout)["faceVectors"]
        return found

    [[rose], [other], []] = run(real_faces / "rose_1.jpg", real_faces / "rose_2.jpg", real_faces / "README.md")
    assert len(rose) == 128
    crop = tmp_path / "crop.png"
    Image.open(real_faces / "rose_1.jpg").convert("RGB").crop(ROSE).save(crop)
    monkeypatch.setenv("PREALIGNED", "true")
    [[cut]] = run(crop)
    assert np.linalg.norm(np.subtract(rose, cut)) < np.linalg.norm(np.subtract(rose, other)) < 1.0311  # of the space
