"""What the export refuses before it loads TensorFlow; test_serving.py exports."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from vision.engines.serving.export import newest
from vision.tests.networks import cells_network, installed


def export(model: str, folder: Path, number: int | None = None) -> None:
    call_command("export_savedmodel", model, str(folder), number=number, skip_checks=True)


def test_names_that_cannot_be_exported_are_refused(settings: Settings, tmp_path: Path) -> None:
    settings.NETWORKS = {}
    for name in ("ArcFace", "nothing"):
        with pytest.raises(CommandError, match=f"'{name}' cannot be exported. Known: pair128, fr512, "):
            export(name, tmp_path)
    served = {"endpoints": ["grpc://tf:8500"], "version": 1}
    described = {"preset": "insightface", "threshold": 0.5, "licence": "MIT", "source": "x", "serving": served}
    settings.NETWORKS = {"foreign": described}
    with pytest.raises(CommandError, match="'foreign' cannot be exported"):
        export("foreign", tmp_path)


def test_versions_count_on_and_are_never_replaced(settings: Settings, tmp_path: Path) -> None:
    assert newest(tmp_path / "absent") == 0
    for name in ("1", "12", ".draft-13", "notes"):
        (tmp_path / name).mkdir()
    assert newest(tmp_path) == 12
    with pytest.raises(CommandError, match="version 12 is there already"):
        export("pair128", tmp_path, 12)
    with pytest.raises(CommandError, match="a whole number from 1"):
        export("pair128", tmp_path, 0)


def test_a_folder_or_a_file_that_cannot_be_used_is_named(settings: Settings, tmp_path: Path) -> None:
    settings.MODELS_DIR = tmp_path
    settings.NETWORKS = installed("mine", cells_network(size=(96, 96)))
    with pytest.raises(CommandError, match=r"mine\.onnx cannot be used"):
        export("mine", tmp_path / "models")
    (tmp_path / "file").write_text("")
    settings.NETWORKS = installed("mine", cells_network())
    with pytest.raises(CommandError, match="cannot be written"):
        export("mine", tmp_path / "file")
    assert not (tmp_path / "models").exists()
