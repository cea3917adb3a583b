"""Erasing somebody wherever the service holds the face, receipts, and backups that bring it back."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core import serializers
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from albums import services as albums
from albums.curation import get_group, name_group
from albums.models import Album, AlbumFace, AlbumImage, FaceGroup
from audit import receipts
from audit.models import Receipt
from blacklist.services import create_entry, delete_entry
from clients.erasure import delete_client, reset_client
from clients.models import Client
from clients.services import create_api_key
from faceapp.reapplying import reapply
from liveness.models import LivenessSession
from liveness.tests.passing import token_for
from people import services as people
from people.models import FaceTemplate, Person, ReferenceImage
from people.types import Whom
from recognition import services as recognition
from recognition.models import FaceSearch, Job, ProcessedFace, ProcessedImage
from vectors.stored import from_store
from vision.tests.drawing import BLUE, GREEN, RED, picture
from vision.types import Upload
from work.models import Status
from work.submissions import read_submission

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flush")]


@pytest.fixture(autouse=True)
def erasures_file(settings: Settings, tmp_path: Path) -> Path:
    settings.ERASURES_FILE = tmp_path / "erasures.jsonl"
    settings.AUDIT_KEY_FILE = tmp_path / "key.pem"
    return tmp_path / "erasures.jsonl"


def enrol(client: Client, colour: tuple[int, int, int] = RED, name: str = "Rose") -> Person:
    return people.enrol_face(client=client, upload=Upload(picture(colour), "rose.png"), whom=Whom(name=name)).person


def album_with(client: Client, *pictures: bytes) -> Album:
    """Keeps its files."""
    album = albums.create_album(client=client, name="holiday", keep_images=True)
    for data in pictures:
        [row] = albums.add_images(album=album, submissions=[read_submission(Upload(data, "rose.png"))])
        albums.queue_image(image=row)
    return album


def screen(client: Client, *pictures: bytes) -> list[ProcessedImage]:
    submissions = [read_submission(Upload(data, "rose.png")) for data in pictures]
    job = recognition.submit_images(
        client=client, submissions=submissions, options=recognition.screening_options(client=client)
    )
    return list(job.images.order_by("position"))


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def colours_left() -> Counter[str]:
    """How many red, green and blue faces the tables hold as embeddings: the fake engine's are colours."""
    names = ["red", "green", "blue"]
    rows = [(one.embedding, one.client_id, one.space) for one in FaceTemplate.objects.filter(space__startswith="fake")]
    rows += [(one.embedding, one.album.client_id, one.album.space) for one in AlbumFace.objects.all()]
    kept = ProcessedFace.objects.exclude(embedding=None)
    rows += [(one.embedding, one.image.client_id, one.space) for one in kept]
    vectors = [from_store(vector, client_id=client, space=space)[:3] for vector, client, space in rows]
    return Counter(names[vector.argmax()] for vector in vectors)


# ---- a person ---------------------------------------------------------------------------------------------------
def test_faces_of_named_groups_go_with_the_person(client_a: Client, media_root: Path) -> None:
    album = album_with(client_a, picture(RED), picture(RED, GREEN))
    group = FaceGroup.objects.with_size().order_by("-size")[0]
    person = name_group(group=get_group(album=album, group_id=group.number), name="Rose").person
    assert person is not None
    receipt = people.erase_person(person=person)
    assert (receipt.count("album_faces"), receipt.count("album_files")) == (2, 2)
    assert colours_left() == {"green": 1}
    assert [group.person for group in FaceGroup.objects.all()] == [None]
    assert files(media_root) == []
    assert set(AlbumImage.objects.values_list("image", "identifier")) == {("", "")}


def test_liveness_sessions_go_with_the_person(client_a: Client, client_b: Client) -> None:
    upload = Upload(picture(RED), "rose.png")
    for client in (client_a, client_b):
        person = people.enrol_face(client=client, upload=upload, whom=Whom(external_id="u1")).person
        token_for(client, purpose="verify", subject="u1", source="")
        token_for(client, purpose="verify", subject=str(person.number), source="default")
        token_for(client, purpose="verify", subject="u1", source="another gallery")
    receipt = people.erase_faces(person=person)
    assert receipt.count("liveness_sessions") == 2
    assert [(one.client, one.source) for one in LivenessSession.objects.exclude(client=client_a)] == [
        (client_b, "another gallery")
    ]
    assert LivenessSession.objects.filter(client=client_a).count() == 3


def test_without_everywhere_a_receipt_says_what_was_not_searched(client_a: Client) -> None:
    person = enrol(client_a)
    album_with(client_a, picture(RED))
    screen(client_a, picture(RED))
    receipt = people.erase_person(person=person)
    left = {one["what"]: one["count"] for one in receipt.remaining}
    assert (left["albums"], left["screened_images"]) == (1, 1)
    assert {"audit", "backups"} <= left.keys()
    assert AlbumFace.objects.count() == ProcessedFace.objects.count() == 1


@pytest.mark.parametrize("kept", [True, False], ids=["embeddings kept", "analysed anew"])
@pytest.mark.parametrize("keep_record", [True, False])
def test_everywhere(client_a: Client, client_b: Client, media_root: Path, kept: bool, keep_record: bool) -> None:
    Client.objects.update(keep_screened_embeddings=kept)
    client_a.refresh_from_db(), client_b.refresh_from_db()
    person, other = enrol(client_a), enrol(client_a, GREEN, "Gwen")
    album_with(client_a, picture(RED), picture(BLUE), picture(GREEN, RED))
    _, together, others = screen(client_a, picture(RED), picture(GREEN, RED), picture(BLUE))
    [foreign] = screen(client_b, picture(RED))
    erase = people.erase_faces if keep_record else people.erase_person
    receipt = erase(person=person, everywhere=True)
    assert receipt.count("album_faces") == 2
    faces = Counter(ProcessedFace.objects.values_list("image", flat=True))
    assert faces == {together.pk: 1, others.pk: 1, foreign.pk: 1}
    stored = set(ProcessedImage.objects.exclude(image="").values_list("pk", flat=True))
    assert stored == {others.pk, foreign.pk}
    assert Person.objects.filter(pk=person.pk).exists() == keep_record
    found = Receipt.objects.filter(of=receipt.uuid)
    if kept:
        assert (receipt.count("screened_faces"), found.count()) == (2, 0)
    else:
        assert sum(one.count("screened_faces") for one in found) == 2
        [search] = FaceSearch.objects.all()
        assert (search.status, search.found, search.searched, search.probes) == (Status.DONE, 2, 3, {})
    own = colours_left()
    assert own["red"] == kept  # of the other client
    assert people.get_person(client=client_a, person_id=other.number)
    assert len(files(media_root)) == 1 + 1 + 1 + 1  # Gwen, the blue image of the album, and the two screened ones


def test_a_screened_image_without_its_file_is_still_shown(client_a: Client) -> None:
    person = enrol(client_a)
    [image] = screen(client_a, picture(GREEN, RED))
    people.erase_person(person=person, everywhere=True)
    api = APIClient(headers={"X-API-Key": create_api_key(client_name=client_a.name)[1]})
    assert api.get(f"/api/v1/processed-images/{image.number}/").status_code == 200
    assert api.get(f"/api/v1/processed-images/{image.number}/image/").status_code == 404


# ---- receipts ---------------------------------------------------------------------------------------------------
def test_receipts_are_listed_signed_and_verified(
    client_a: Client, client_b: Client, tmp_path: Path, erasures_file: Path
) -> None:
    person = enrol(client_a)
    api = APIClient(headers={"X-API-Key": create_api_key(client_name=client_a.name)[1]})
    erased = api.delete(f"/api/v1/people/{person.number}/?everywhere=true").json()
    assert erased["signature"] is None
    assert receipts.file_all() == 1
    [listed] = api.get("/api/v1/erasures/").json()["items"]
    assert listed == api.get(f"/api/v1/erasures/{erased['id']}/").json() == erased | {"signature": listed["signature"]}
    assert "Rose" not in json.dumps(listed) and str(person.uuid) not in json.dumps(listed)
    other = APIClient(headers={"X-API-Key": create_api_key(client_name=client_b.name)[1]})
    assert other.get("/api/v1/erasures/").json()["items"] == []
    assert other.get(f"/api/v1/erasures/{erased['id']}/").status_code == 404
    file = tmp_path / "receipt.json"
    file.write_text(json.dumps(listed, indent=1))
    call_command("verify_erasure", file, stdout=StringIO())
    call_command("verify_erasure", erasures_file, stdout=StringIO())
    for name, value in {"taken": {"people": 2}, "erased_at": "2020-01-01", "objects": [], "signature": "00"}.items():
        file.write_text(json.dumps(listed | {name: value}))
        with pytest.raises(CommandError):
            call_command("verify_erasure", file, stdout=StringIO())
    assert erasures_file.stat().st_mode & 0o777 == 0o600


# ---- backups ----------------------------------------------------------------------------------------------------
def tables() -> list[type[models.Model]]:
    """Those of clients' data."""
    kept = {"audit", "contenttypes", "auth", "sessions", "admin", "telemetry"}
    return [model for model in apps.get_models() if model._meta.app_label not in kept]


def dump() -> list[dict[str, Any]]:
    return serializers.serialize("python", [row for model in tables() for row in model._base_manager.all()])


def restore(backup: list[dict[str, Any]]) -> None:
    """The tables as they were, and not what has been stored since; receipts as if there had been none."""
    Receipt.objects.all().delete()
    Client.objects.all().delete()
    with connection.constraint_checks_disabled():
        for one in serializers.deserialize("python", backup):
            models.Model.save_base(one.object, raw=True)


def everything(client: Client) -> Person:
    person = enrol(client)
    enrol(client, GREEN, "Gwen")
    album_with(client, picture(RED), picture(GREEN))
    screen(client, picture(RED), picture(GREEN))
    create_entry(client=client, name="Listed", uploads=[Upload(picture(BLUE), "b.png")])
    return person


def test_what_a_backup_brings_back_is_erased_again(client_a: Client, erasures_file: Path) -> None:
    Client.objects.update(keep_screened_embeddings=True)
    client_a.refresh_from_db()
    person = everything(client_a)
    backup, before = dump(), colours_left()
    entry = Person.objects.get(name="Listed")
    people.erase_person(person=person, everywhere=True)
    delete_entry(entry=apps.get_model("blacklist", "BlacklistEntry").objects.get(pk=entry.pk))
    gwen = people.get_person(client=client_a, person_id=Person.objects.get(name="Gwen").number)
    people.delete_reference_image(person=gwen, image_id=gwen.reference_images.all()[0].number)
    after = colours_left()
    receipts.file_all()
    restore(backup)
    assert colours_left() == before and Person.objects.count() == 3
    report = reapply(file=erasures_file)
    assert (report.receipts, report.refused) == (3, ())
    assert colours_left() == after == {"green": 2}
    assert [one.name for one in Person.objects.all()] == ["Gwen"]
    assert ReferenceImage.objects.count() == 0
    assert Receipt.objects.of_client(client_a.pk).count() == 3
    assert reapply(file=erasures_file).erased == {}
    enrol(client_a)  # later, with a consent
    assert reapply(file=erasures_file).erased == {}
    assert Person.objects.filter(name="Rose").exists()


@pytest.mark.parametrize("is_split", [False, True])
def test_a_backup_from_before_a_merge_brings_back_only_what_was_given_to_somebody_else(
    client_a: Client, erasures_file: Path, is_split: bool
) -> None:
    rose, gwen = enrol(client_a), enrol(client_a, GREEN, "Gwen")
    backup = dump()
    people.merge_persons(person=rose, other=gwen)
    if is_split:
        [image] = ReferenceImage.objects.filter(person=rose).order_by("-pk")[:1]
        people.split_person(person=rose, images=[image.number], name="Gwen again")
    people.erase_person(person=rose)
    receipts.file_all()
    restore(backup)
    reapply(file=erasures_file)
    assert [person.name for person in Person.objects.all()] == (["Gwen"] if is_split else [])
    assert colours_left() == ({"green": 2} if is_split else {})  # in two spaces


def test_single_images_and_albums_leave_receipts_and_go_again(client_a: Client, erasures_file: Path) -> None:
    Client.objects.update(keep_screened_embeddings=True)
    api = APIClient(headers={"X-API-Key": create_api_key(client_name=client_a.name)[1]})
    album, [screened] = album_with(client_a, picture(RED), picture(BLUE)), screen(client_a, picture(RED))
    whole = albums.create_album(client=client_a, name="whole")
    albums.add_images(album=whole, submissions=[read_submission(Upload(picture(GREEN), "g.png"))])
    albums.queue_images(album=whole)
    [first, _] = album.images.order_by("number")
    backup = dump()
    for path in (f"albums/{album.number}/images/{first.number}", f"albums/{whole.number}",
                 f"processed-images/{screened.number}"):  # fmt: skip
        assert api.delete(f"/api/v1/{path}/").status_code == 204
    listed = api.get("/api/v1/erasures/").json()["items"]
    assert {one["kind"]: one["taken"] for one in listed} == {
        "album_image": {"album_images": 1, "album_faces": 1, "album_files": 1},
        "album": {"albums": 1, "album_images": 1, "album_faces": 1},
        "screened_image": {"screened_images": 1, "screened_faces": 1, "screened_files": 1},
    }
    assert colours_left() == {"blue": 1}
    receipts.file_all()
    restore(backup)
    assert colours_left() == {"red": 2, "green": 1, "blue": 1}
    reapply(file=erasures_file)
    assert colours_left() == {"blue": 1}
    assert (Album.objects.get(), AlbumImage.objects.count(), FaceGroup.objects.count()) == (album, 1, 1)
    assert not ProcessedImage.objects.exists() and not Job.objects.exists()
    assert reapply(file=erasures_file).erased == {}


def test_retention_leaves_no_receipt_of_images(client_a: Client, settings: Settings) -> None:
    album_with(client_a, picture(RED)), screen(client_a, picture(RED))
    settings.ALBUM_DAYS = settings.RETENTION_DAYS = 1
    long_ago = timezone.now() - timedelta(days=2)
    for model in (AlbumImage, ProcessedImage):
        model._base_manager.update(created_at=long_ago, finished_at=long_ago)
    assert albums.purge(limit=9) == recognition.purge(limit=9) == 1
    assert not Receipt.objects.exists()


def test_a_reset_client_is_reset_again_but_for_what_came_later(
    client_a: Client, client_b: Client, erasures_file: Path
) -> None:
    everything(client_a), everything(client_b)
    backup = dump()
    reset_client(client=client_a)
    delete_client(client=client_b)
    receipts.file_all()
    restore(backup)
    enrol(client_a, BLUE, "New")
    reapply(file=erasures_file)
    assert [person.name for person in Person.objects.all()] == ["New"]
    assert list(Client.objects.all()) == [client_a]
    assert not Album.objects.exists() and not ProcessedImage.objects.exists()
    assert reapply(file=erasures_file).erased == {}


def test_receipts_outlive_a_change_of_the_secret_key(client_a: Client, erasures_file: Path, settings: Settings) -> None:
    person = enrol(client_a)
    backup = dump()
    people.erase_person(person=person)
    receipts.file_all()
    restore(backup)
    settings.FORMER_SECRET_KEYS, settings.SECRET_KEY = [settings.SECRET_KEY], "another one"
    reapply(file=erasures_file)
    assert not Person.objects.exists()


def test_forged_receipts_erase_nothing(client_a: Client, erasures_file: Path) -> None:
    person = enrol(client_a)
    forged: dict[str, Any] = {
        "id": "6f0c0000-0000-4000-8000-000000000000", "erased_at": "2026-01-01T00:00:00+00:00", "client": "",
        "of": None,
        "kind": "person", "objects": [receipts.hashed("person", person.uuid)], "taken": {}, "remaining": [],
        "signature": "00" * 64,
    }  # fmt: skip
    erasures_file.write_text(json.dumps(forged) + "\n{cut off")
    with pytest.raises(CommandError):
        call_command("reapply_erasures", file=erasures_file, stdout=StringIO(), stderr=StringIO())
    assert Person.objects.filter(pk=person.pk).exists()
    call_command("reapply_erasures", file=erasures_file, trust=True, stdout=StringIO(), stderr=StringIO())
    assert not Person.objects.exists()
