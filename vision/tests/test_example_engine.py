"""The back end that docs/engines.md shows is this one, and it works."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pytest_django.fixtures import Settings

from environment import BASE_DIR
from vision.checks import check_engines, check_licences
from vision.engines import check_names, engines, weights
from vision.engines.networks import trial
from vision.inference import AnalysisOptions, run_engines
from vision.tests import example_engine
from vision.tests.example_engine import PATTERNS, PatternEngine
from vision.tests.shared_weights import put_in_place

START, END = "<!-- example: start -->\n```python\n", "```\n<!-- example: end -->"


def test_the_document_shows_the_file_that_is_tested() -> None:
    shown = (BASE_DIR / "docs" / "engines.md").read_text().partition(START)[2].partition(END)[0]
    assert shown == Path(example_engine.__file__).read_text()
    assert len(shown.splitlines()) < 100


def test_it_tells_two_people_apart() -> None:
    engine = PatternEngine()
    engine._load_model()
    vectors = engine._describe(trial.trial_chips(engine.cut))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert engine._describe([]).shape == (0, PATTERNS.dimensions)


@pytest.mark.models
def test_it_is_an_engine_by_configuration(faces: Path, settings: Settings) -> None:
    put_in_place([weights.LIBFACEDETECTION])
    backend = f"{PatternEngine.__module__}.PatternEngine"
    settings.FACE_ENGINES = {"default": {"BACKEND": backend, "OPTIONS": {"detector": "yunet"}}}
    engines.reset()
    try:
        assert check_engines() == check_licences() == []
        check_names(model="patterns")
        [face] = run_engines((faces / "obama_1.jpg").read_bytes(), AnalysisOptions()).faces
        assert face.embeddings["patterns.v1.points112"].shape == (PATTERNS.dimensions,)
        settings.LICENCE = "permissive"
        assert "patterns, which states no licence" in check_licences()[0].msg
    finally:
        engines.reset()
