"""Backfilling templates after a space was added."""

from __future__ import annotations

from io import BytesIO, StringIO

import pytest
from django.core.management import CommandError, call_command
from PIL import Image
from pytest_django.fixtures import Settings

from clients.models import Client
from people.models import FaceTemplate, Person, ReferenceImage
from people.services import add_reference_image, read_portrait
from vision import inference
from vision.engines import engines
from vision.exceptions import EngineUnavailable
from vision.types import Upload

pytestmark = pytest.mark.django_db
RED = (220, 30, 30)


def portrait(colour: tuple[int, int, int] = RED) -> bytes:
    """A grey picture with one coloured square: one face for the fake engine."""
    canvas = Image.new("RGB", (120, 90), (128, 128, 128))
    canvas.paste(colour, (30, 20, 70, 60))
    buffer = BytesIO()
    canvas.save(buffer, "PNG")
    return buffer.getvalue()


def enrolled(client: Client) -> ReferenceImage:
    person = Person.objects.create(client=client)
    return add_reference_image(person=person, portrait=read_portrait(upload=Upload(portrait(), "face.png")))


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("embed", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def second_space() -> str:
    return engines["second"].space.name


def test_fills_only_what_is_missing(client_a: Client, second_space: str) -> None:
    whole, lacking = enrolled(client_a), enrolled(client_a)
    kept = whole.face_templates.get(space=second_space)
    lacking.face_templates.filter(space=second_space).delete()

    assert f"1 of 1 reference images have a template in {second_space} now." in run("--space", "second")

    assert whole.face_templates.get(space=second_space) == kept
    assert list(lacking.face_templates.get(space=second_space).embedding) == list(kept.embedding)
    assert "Every reference image has a template" in run("--space", second_space)


def test_a_bad_image_fails_alone_and_is_named(client_a: Client, second_space: str) -> None:
    good, lost, empty = enrolled(client_a), enrolled(client_a), enrolled(client_a)
    FaceTemplate.objects.filter(space=second_space).delete()
    lost.image.storage.delete(lost.image.name)
    with empty.image.storage.open(empty.image.name, "wb") as handle:
        Image.new("RGB", (60, 60), "grey").save(handle, "PNG")

    out = run("--space", "second")

    assert "1 of 3 reference images" in out
    assert f"reference image {lost.pk}: image.gone" in out
    assert f"reference image {empty.pk}: face.none" in out
    assert list(FaceTemplate.objects.filter(space=second_space).values_list("reference_image", flat=True)) == [good.pk]


def test_one_client_only(client_a: Client, client_b: Client, second_space: str) -> None:
    mine, theirs = enrolled(client_a), enrolled(client_b)
    FaceTemplate.objects.filter(space=second_space).delete()
    run("--space", "second", "--client", "alice")
    assert mine.face_templates.filter(space=second_space).exists()
    assert not theirs.face_templates.filter(space=second_space).exists()


def test_unknown_names_are_refused(client_a: Client) -> None:
    with pytest.raises(CommandError, match="no space 'third'"):
        run("--space", "third")
    with pytest.raises(CommandError, match="no client 'nobody'"):
        run("--space", "second", "--client", "nobody")


def test_fails_when_nothing_could_be_embedded(client_a: Client, second_space: str) -> None:
    lost = enrolled(client_a)
    FaceTemplate.objects.filter(space=second_space).delete()
    lost.image.storage.delete(lost.image.name)
    with pytest.raises(CommandError, match="No reference image could be embedded"):
        run("--space", "second")


def test_says_so_when_no_worker_answers(client_a: Client, second_space: str, settings: Settings) -> None:
    enrolled(client_a)
    FaceTemplate.objects.filter(space=second_space).delete()
    settings.CELERY_TASK_ALWAYS_EAGER = False
    with pytest.raises(EngineUnavailable, match="No worker answers") as refusal:
        inference.require_worker(seconds=0.2)
    assert refusal.value.code == "engine.no_worker"
