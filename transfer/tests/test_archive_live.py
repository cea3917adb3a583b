"""A gallery of real faces moves from one deployment to a fresh database, and searches there answer the same."""

from __future__ import annotations

import json
import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from pytest_django.fixtures import Settings

from clients.models import Client
from faceapp.tests.live_stack import LiveStack
from people import services
from people.types import Probe, SearchOptions
from vision.engines import engines

pytestmark = [pytest.mark.models, pytest.mark.django_db]
PHOTOGRAPHS = ("alex_1.jpg", "alex_3.png", "lin_1.png", "obama_2.jpg", "obama_240p.jpg", "rose_2.jpg")
SEARCH = """
import json, numpy as np
from clients.models import Client
from people import services
from people.types import Probe, SearchOptions
from people.models import FaceTemplate
from vectors.stored import from_store
client = Client.objects.get(name="mover")
templates = FaceTemplate.objects.of_client(client).order_by("pk")
probes = [from_store(t.embedding, client_id=client.pk, space=t.space) + 0.01 for t in templates]
found = services.search_people(
    client=client, probe=Probe(embeddings=probes), options=SearchOptions(limit=100)
)
said = [
    [(c.person.external_id, c.comparison.distance, c.comparison.similarity) for c in face.candidates]
    for face in found.faces
]
print(json.dumps({"probes": [probe.tolist() for probe in probes], "said": said}))
"""


@pytest.fixture
def folder(faces: Path, tmp_path: Path) -> Path:
    """A folder for each person, outside of the project."""
    for name in PHOTOGRAPHS:
        (tmp_path / "people" / name.split("_")[0]).mkdir(parents=True, exist_ok=True)
        shutil.copy(faces / name, tmp_path / "people" / name.split("_")[0])
    return tmp_path / "people"


@pytest.fixture
def real_space(settings: Settings) -> Any:
    """The default space of a deployment, by name only: nothing is loaded."""
    settings.FACE_ENGINES = {"default": {"BACKEND": "vision.engines.onnx.engine.OnnxEngine", "OPTIONS": {}}}
    settings.CELERY_TASK_ALWAYS_EAGER = False  # a worker would have to be asked, and there is none
    engines.reset()
    yield
    engines.reset()


def test_export_fresh_database_import_searches_answer_identically(
    live: LiveStack, folder: Path, real_space: None, tmp_path: Path
) -> None:
    archive = tmp_path / "people.zip"
    imported = live.manage("import_people", str(folder), "--client", "mover").stdout
    assert "6 images for 4 new people imported." in imported
    live.manage("export_people", "--client", "mover", "--plain", "--output", str(archive))
    before = json.loads(live.manage("shell", "-c", SEARCH).stdout.splitlines()[-1])

    call_command("import_people", "--archive", str(archive), "--client", "moved", stdout=StringIO())

    client, probe = Client.objects.get(name="moved"), Probe(embeddings=before["probes"])
    moved = services.search_people(client=client, probe=probe, options=SearchOptions(limit=100))
    said = [[(c.person.external_id, c.comparison.distance) for c in face.candidates] for face in moved.faces]
    assert len(said) == 6
    for now, then in zip(said, before["said"], strict=True):
        assert [who for who, _ in now] == [who for who, *_ in then]
        assert [distance for _, distance in now] == pytest.approx([distance for _, distance, _ in then], abs=5e-3)


def test_real_faces_are_evaluated_by_the_workers(live: LiveStack, folder: Path, tmp_path: Path) -> None:
    out = live.manage(
        "evaluate", str(folder), "--json", str(tmp_path / "out.json"), "--fmr", "0.1", "--gallery", "2"
    ).stdout
    assert "threshold for FMR 0.1" in out
    (space,) = json.loads((tmp_path / "out.json").read_text())["spaces"]
    assert space["verification"]["accuracy"]["value"] == 1.0
    (searches,) = space["searches"]
    assert searches["rank_1"]["value"] == 1.0 and searches["fpir"]["value"] == 0.0
    assert space["images"] == 6 and space["milliseconds"]["median"] > 1
