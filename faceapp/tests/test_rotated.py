"""No embedding is stored, or compared with stored ones, as the engine gave it; wherever the service keeps one."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from typing import Any
from unittest import mock

import numpy as np
import pytest
from django.apps import apps
from django.db import connection, models

from albums.models import AlbumFace
from blacklist.services import create_entry
from clients.models import Client
from faceapp.tests.source import imports
from faceapp.tests.test_erasure import album_with, enrol, screen
from liveness.models import LivenessSession
from liveness.tests.passing import token_for
from people import services as people
from people.models import FaceTemplate
from people.tests.many_templates import indexes
from people.types import Probe
from recognition.models import FaceSearch, ProcessedFace
from training.models import Recogniser
from training.network import Network
from vectors.stored import RotatedField, from_store, to_store
from vision.engines import engines
from vision.tests.drawing import GREEN, RED, picture
from vision.types import Upload

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flush")]
SPACE = engines["default"].space.name
FACE, GREEN_FACE = (np.array([*(value / 255 for value in colour), 1], np.float32) for colour in (RED, GREEN))
KEEPERS = {FaceTemplate, AlbumFace, ProcessedFace, LivenessSession, FaceSearch}


@pytest.fixture
def plain() -> Any:
    """As it was before embeddings were rotated."""
    with mock.patch("vectors.stored.rotation_of", return_value=mock.Mock(apply=np.asarray, undo=np.asarray)):
        yield


def store_everywhere(client: Client) -> None:
    Client.objects.filter(pk=client.pk).update(keep_screened_embeddings=True)
    client.refresh_from_db()
    enrol(client)
    create_entry(client=client, name="Listed", uploads=[Upload(picture(RED), "a.png")])
    album_with(client, picture(RED), picture(GREEN))
    screen(client, picture(RED))
    token_for(client, purpose="onboarding", subject="u1")
    Client.objects.filter(pk=client.pk).update(keep_screened_embeddings=False)
    client.refresh_from_db()
    screen(client, picture(RED))
    with mock.patch("recognition.erasure.enqueue"):  # the search waits
        people.erase_faces(person=enrol(client, GREEN, "Gwen"), everywhere=True)


def holding(face: np.ndarray[Any, Any]) -> set[type[models.Model]]:
    """The models whose rows hold the face's numbers, in any column: as text, or as bytes."""
    digits = (re.escape(f"{int(number * 1000) / 1000:.3f}") for number in face[:3])
    text = re.compile(r"\d*,\s*".join(digits))  # in half or in single precision
    dumps = {vector.tobytes().hex() for vector in (face, face.astype(np.float64), face.astype(np.float16))}
    found = set()
    with connection.cursor() as cursor:
        for model in apps.get_models():
            cursor.execute(f"SELECT stored::text FROM {model._meta.db_table} AS stored")
            rows = " ".join(row for (row,) in cursor)
            if text.search(rows) or any(dump in rows for dump in dumps):
                found.add(model)
    return found


def test_no_table_holds_an_embedding_as_the_engine_gave_it(client_a: Client) -> None:
    store_everywhere(client_a)
    for model in KEEPERS:
        assert model.objects.exists(), model
    assert holding(FACE) == holding(GREEN_FACE) == set()


def test_the_search_through_all_tables_would_find_one(client_a: Client, plain: None) -> None:
    store_everywhere(client_a)
    assert holding(FACE) | holding(GREEN_FACE) == KEEPERS


def test_vectors_have_no_other_field() -> None:
    fields = [field for model in apps.get_models() for field in model._meta.local_concrete_fields]
    vectors = [field for field in fields if str(field.db_type(connection)).startswith(("halfvec", "vector"))]
    assert {field.model for field in vectors} == KEEPERS - {FaceSearch}
    assert all(isinstance(field, RotatedField) for field in vectors)


def test_only_one_package_knows_the_library_of_the_columns() -> None:
    assert {found.importing_package for found in imports() if found.package == "pgvector"} == {"vectors"}


@pytest.mark.parametrize("how", ["create", "update", "filter"])
def test_the_field_takes_no_raw_embedding(client_a: Client, how: str) -> None:
    enrol(client_a)
    raw: Callable[..., Any] = getattr(FaceTemplate.objects, how)
    with pytest.raises(TypeError, match="Only rotated embeddings"):
        list(raw(embedding=FACE))


def test_each_client_and_space_has_its_own(client_a: Client, client_b: Client) -> None:
    enrol(client_a), enrol(client_b)
    stored = [template.embedding.text for template in FaceTemplate.objects.filter(space=SPACE)]
    assert len(set(stored)) == 2
    for template in FaceTemplate.objects.filter(space=SPACE):
        restored = from_store(template.embedding, client_id=template.client_id, space=SPACE)
        assert restored == pytest.approx(FACE, abs=2e-3)


def test_nothing_that_is_printed_or_logged_shows_the_numbers(client_a: Client) -> None:
    rotated = to_store(FACE, client_id=client_a.pk, space=SPACE)
    shown = f"{rotated} {rotated!r} {[rotated]} {vars(FaceTemplate(embedding=rotated))}"
    assert not any(f"{number:.3f}" in shown for number in rotated.numbers)


# ---- what was stored before ---------------------------------------------------------------------------------------
def migrate(*, undo: bool = False) -> None:
    numbers = {"people": "0009", "albums": "0004", "recognition": "0005", "training": "0002"}
    with connection.schema_editor(atomic=False) as editor:
        for app, number in numbers.items():
            import_module(f"{app}.migrations.{number}_rotated_embeddings").rotate(apps, editor, undo=undo)


def numbers_of(model: Any) -> np.ndarray[Any, Any]:
    return np.stack([row.embedding.numbers for row in model.objects.exclude(embedding=None).order_by("pk")])


def test_the_migrations_rotate_what_was_stored_before(as_owner: None, client_a: Client) -> None:
    with mock.patch("vectors.stored.rotation_of", return_value=mock.Mock(apply=np.asarray, undo=np.asarray)):
        store_everywhere(client_a)
    LivenessSession.objects.all().delete()  # their faces are dropped
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a test is one transaction
        cursor.execute("CREATE INDEX people_search_index_1 ON people_facetemplate (id)")
    models_ = (AlbumFace, ProcessedFace)
    before = [numbers_of(model) for model in models_]
    migrate()
    assert holding(FACE) == set() and not indexes()
    [found] = people.search_people(client=client_a, probe=Probe(picture(RED))).faces
    assert found.candidates[0].comparison.distance == pytest.approx(0, abs=5e-3)
    migrate(undo=True)
    for model, numbers in zip(models_, before, strict=True):
        assert numbers_of(model) == pytest.approx(numbers, abs=2e-3)


def test_a_classifier_answers_as_before_the_migration(client_a: Client) -> None:
    random = np.random.default_rng(1)
    shapes = {"mean": (4,), "scale": (), "hidden": (4, 6), "hidden_bias": (6,), "output": (6, 3), "output_bias": (3,)}
    before = Network(**{name: np.asarray(random.normal(size=shape), np.float32) for name, shape in shapes.items()})
    gallery = people.get_gallery(client=client_a, name=enrol(client_a).gallery.name)
    version = Recogniser.objects.create(
        client=client_a, gallery=gallery, space=SPACE, version=1, number=1, weights=before.to_bytes()
    )
    migrate()
    version.refresh_from_db()
    after = Network.from_bytes(bytes(version.weights))
    rotated = to_store(FACE, client_id=client_a.pk, space=SPACE).numbers
    assert after.probabilities(rotated[None]) == pytest.approx(before.probabilities(FACE[None]), abs=5e-3)
