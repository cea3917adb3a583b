"""People move from Dlib to the default model while they are searched, and what computes their templates is killed.

`python -m bench.respace` does the same with thousands of photographs.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest

from bench.respace import SUFFIXES, measure
from faceapp.tests import clusters
from recognition.tests.photographs import reduced

pytestmark = [pytest.mark.models, pytest.mark.timeout(600), pytest.mark.flaky(reruns=1)]
TEMPLATES, RATE, KILLS = 12, 1.5, 2
LEAN = {"FACEAPP_WORKER_CONCURRENCY": "1"}  # fewer programs load the models, twice


def test_no_search_fails_or_errs_while_people_are_moved(faces: Path, tmp_path: Path, cluster: Path | None) -> None:
    portraits = sorted(path for path in faces.iterdir() if path.suffix in SUFFIXES and "_and_" not in path.name)
    photographs = [tmp_path / path.name for path in portraits]
    for portrait, photograph in zip(portraits, photographs, strict=True):
        photograph.write_bytes(reduced(portrait))
    with tempfile.TemporaryDirectory(prefix="faceapp-respace-") as folder:
        Path(folder).chmod(0o711)
        if cluster:
            clusters.put_in_place(cluster, Path(folder) / "var")
        options = {"templates": TEMPLATES, "rate": RATE, "kills": KILLS}
        outcome = measure(Path(folder), photographs, pause=2, forget=False, environment=LEAN, **options)
    assert outcome.templates == TEMPLATES
    assert [(calls.phase, calls.wrong, calls.reasons) for calls in outcome.phases if calls.failed or calls.wrong] == []
    assert all(calls.milliseconds for calls in outcome.phases)
    assert "ready: " in outcome.report and "; 0 failed." in outcome.report
    assert re.search(r"\b[1-9]\d* faces of searches were decided in both spaces: 0 lose", outcome.report)
