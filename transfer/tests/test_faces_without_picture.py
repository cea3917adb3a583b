"""People who are known by embeddings alone, such as those named in an album that keeps no files, move as well."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command

from albums import curation
from albums.models import FaceGroup
from albums.tests.conftest import Add, add, album, upload  # noqa: F401  fixtures
from clients.models import Client
from people import services
from people.models import FaceTemplate, Person, ReferenceImage
from people.types import AdoptedFace, Probe
from transfer.tests.test_archive import enrol, export, import_, nothing_came_of, rewrite, with_record
from transfer.types import Outcome
from vectors.stored import Rotated, to_store
from vision.engines import engines
from vision.tests.drawing import GREEN, RED, picture
from vision.types import Box

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def rose(client_a: Client, add: Add) -> Person:  # noqa: F811
    """A person named in an album, with a face from each of two images."""
    for colour in (RED, (210, 40, 20)):
        image = add(colour)
    group = FaceGroup.objects.get(faces__image=image)
    assert group.faces.count() == 2
    person = curation.name_group(group=group, name="Rose").person
    assert person and not any(reference.image for reference in person.reference_images.all())
    return person


@pytest.fixture
def archive(rose: Person, client_a: Client, tmp_path: Path) -> Path:
    enrol(client_a, GREEN, "g1")
    file = tmp_path / "people.zip"
    assert "2 people with 1 images and 2 faces without a picture exported." in export(file)
    return file


def found(client: Client, colour: tuple[int, int, int]) -> list[tuple[str, Any]]:
    search = services.search_people(client=client, probe=Probe(picture(colour)))
    return [(candidate.person.name, candidate.comparison) for candidate in search.matches]


def test_a_person_named_in_an_album_is_found_after_a_move(rose: Person, client_a: Client, archive: Path) -> None:
    before = found(client_a, RED)
    assert [name for name, _ in before] == ["Rose"]
    assert "1 images and 2 faces without a picture for 2 new people imported." in import_(archive)
    new = Client.objects.get(name="new")
    [[name, comparison]] = found(new, RED)
    assert name == "Rose" and comparison.distance == pytest.approx(before[0][1].distance, abs=5e-3)
    columns = ("image", "width", "height", "box_x", "box_w", "confidence", "quality", "created_at", "is_primary")
    moved = ReferenceImage.objects.filter(person__client=new, person__name="Rose")
    assert list(moved.values(*columns)) == list(rose.reference_images.values(*columns))


def test_a_second_run_changes_nothing(archive: Path) -> None:
    import_(archive)
    assert "0 images for 0 new people imported, 3 were there already." in import_(archive)
    assert Person.objects.filter(client__name="new").count() == 2
    assert ReferenceImage.objects.filter(person__client__name="new").count() == 3


def test_importing_where_the_people_come_from_changes_nothing(archive: Path) -> None:
    assert "0 images for 0 new people imported, 3 were there already." in import_(archive, "alice")
    assert Person.objects.count() == 2


def test_only_the_face_that_is_missing_comes_in(archive: Path) -> None:
    import_(archive)
    person = Person.objects.get(client__name="new", name="Rose")
    FaceTemplate.objects.of_person(person).filter(reference_image=person.reference_images.first()).update(
        embedding=Rotated.of([0.1, 0.2, 0.3, 0.4])
    )
    assert "1 faces without a picture for 0 new people imported, 2 were there already." in import_(archive)


def test_another_person_of_that_name_stays_another(archive: Path) -> None:
    """Without an id, a name is not enough to be the same person."""
    other = Client.objects.create(name="new")
    enrol(other, (20, 20, 220), None, name="Rose")
    import_(archive)
    assert Person.objects.of_client(other).filter(name="Rose").count() == 2


def test_embeddings_of_several_spaces_move_with_a_face(client_a: Client, tmp_path: Path) -> None:
    person = services.create_person(client=client_a, external_id="r1")
    spaces = [engines[alias].space for alias in ("default", "second")]
    first, second = (
        to_store(np.full(space.dimensions, 0.5, np.float32), client_id=client_a.pk, space=space.name)
        for space in spaces
    )
    face = AdoptedFace(
        box=Box(1, 2, 30, 40), width=0, height=0, confidence=0.9, quality={}, picture=None,
        space=spaces[0].name, embedding=first, further={spaces[1].name: second},
    )  # fmt: skip
    services.adopt_face(person=person, face=face)
    export(tmp_path / "a.zip")
    assert "1 faces without a picture" in import_(tmp_path / "a.zip")
    templates = FaceTemplate.objects.filter(client__name="new")
    assert {t.space: len(t.embedding.numbers) for t in templates} == {s.name: s.dimensions for s in spaces}


def test_the_archive_says_how_many_faces_have_no_picture(archive: Path) -> None:
    with zipfile.ZipFile(archive) as found_in:
        manifest = json.loads(found_in.read("manifest.json"))
        first = json.loads(found_in.read("people.jsonl").splitlines()[0])
    assert (manifest["images"], manifest["faces_without_picture"]) == (1, 2)
    assert [image["file"] for image in first["images"]] == [None, None]


def test_a_face_without_picture_and_embedding_is_refused(archive: Path) -> None:
    rewrite(archive, with_record(lambda record: record["images"][0].update(embeddings={})))
    nothing_came_of(archive, "record that is not a valid person")


def test_spaces_that_such_faces_lack_are_left_out(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There is no photograph to compute them from."""
    assert "have a template in" not in import_(archive)


def test_people_of_an_archive_who_are_all_there_are_no_failure(client_a: Client, tmp_path: Path) -> None:
    services.create_person(client=client_a, external_id="faceless")
    export(tmp_path / "a.zip")
    assert "0 images for 1 new people" in import_(tmp_path / "a.zip")
    assert "0 images for 0 new people" in import_(tmp_path / "a.zip")
    assert Outcome().is_empty


def test_enrolling_such_a_person_from_a_folder_reads_no_file(rose: Person, client_a: Client, tmp_path: Path) -> None:
    Person.objects.filter(pk=rose.pk).update(external_id="Rose")
    (tmp_path / "Rose").mkdir()
    (tmp_path / "Rose" / "1.png").write_bytes(picture(RED))
    call_command("import_people", str(tmp_path), "--client", "alice", "--gate", "off")
    assert rose.reference_images.exclude(image="").count() == 1
