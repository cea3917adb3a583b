"""Graphs built from dlib's files are kept, and a broken file or graph is never used."""

from __future__ import annotations

from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings as django_settings
from pytest_django.fixtures import Settings

from vision.engines import graphs, weights
from vision.engines.dlib_onnx import mmod, networks, store
from vision.engines.downloads import Fetcher
from vision.exceptions import EngineUnavailable

pytestmark = pytest.mark.models


@pytest.fixture
def cache(settings: Settings, tmp_path: Path) -> Path:
    Fetcher(lambda line: None).fetch(weights.DLIB_MMOD)
    settings.VAR = tmp_path
    return tmp_path / "cache" / "onnx"


def test_graphs_are_built_once_and_kept(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mmod.load()
    names = sorted(path.name for path in cache.iterdir())
    assert [name.split(".")[:3] for name in names] == [
        [graph, weights.DLIB_MMOD.sha256[:16], f"v{networks.VERSION}"] for graph in ("features_graph", "scores_graph")
    ]
    monkeypatch.setattr(networks, "_conv", None)  # what builds them
    mmod.load()
    assert sorted(path.name for path in cache.iterdir()) == names


@pytest.mark.parametrize("damage", [b"", b"garbage"])
def test_a_damaged_graph_is_built_anew(cache: Path, damage: bytes) -> None:
    mmod.load()
    kept = {path: path.read_bytes() for path in cache.iterdir()}
    for path in kept:
        path.write_bytes(damage)
    mmod.load()
    assert {path: path.read_bytes() for path in cache.iterdir()} == kept


def test_another_version_of_the_builders_does_not_use_the_kept_graphs(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mmod.load()
    monkeypatch.setattr(networks, "VERSION", networks.VERSION + 1)
    mmod.load()
    assert len(list(cache.iterdir())) == 4


def test_several_children_may_start_at_once(cache: Path) -> None:
    with get_context("fork").Pool(4) as pool:
        sizes = pool.map(_graph_size, [str(cache.parent.parent)] * 8)
    assert len(set(sizes)) == 1 and len(list(cache.iterdir())) == 1


def _graph_size(var: str) -> int:
    django_settings.VAR = Path(var)
    stem = f"features_graph.{weights.DLIB_MMOD.sha256[:16]}.v{networks.VERSION}"
    graph = graphs.kept(stem) or networks.features_graph(store.network(weights.DLIB_MMOD))
    graphs.keep(stem, graph)
    return len(graphs.kept(stem) or b"")


def test_a_folder_that_cannot_be_written_only_costs_time(cache: Path) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("a file where the folder should be")
    assert mmod.load()(np.zeros((50, 50, 3), np.uint8)) == []


def test_a_damaged_weight_file_is_refused_with_its_name_and_no_path(
    settings: Settings, tmp_path: Path, cache: Path
) -> None:
    content = weights.DLIB_MMOD.path.read_bytes()
    settings.MODELS_DIR = tmp_path / "models"
    weights.folder().mkdir(parents=True)
    weights.DLIB_MMOD.path.write_bytes(content[:-1])
    with pytest.raises(EngineUnavailable, match="mmod_human_face_detector") as refusal:
        mmod.load()
    assert refusal.value.code == "engine.weights_broken" and str(tmp_path) not in refusal.value.message
    broken = weights.WeightFile(weights.DLIB_MMOD.name)  # as if its hash were not known
    with pytest.raises(EngineUnavailable, match="cannot be used: the file ends too early") as refusal:
        store.session(broken, networks.features_graph)
    assert refusal.value.code == "engine.weights_broken"
