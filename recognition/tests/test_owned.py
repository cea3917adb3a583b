"""Faces and hits name their client, and the database lets none of them name another one."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from blacklist.models import BlacklistEntry
from clients.models import Client
from clients.owned import ClientOfParent
from people.models import Gallery, GalleryKind
from recognition.models import Job, Match, ProcessedFace, ProcessedImage

pytestmark = pytest.mark.django_db
BOX = {"box_x": 0, "box_y": 0, "box_w": 9, "box_h": 9, "confidence": 1.0}


def image_of(client: Client) -> ProcessedImage:
    job = Job.objects.create(client=client, metric="euclidean", threshold=0.2)
    return ProcessedImage.objects.create(client=client, job=job, position=0, identifier="x")


def entry_of(client: Client) -> BlacklistEntry:
    gallery = Gallery.objects.default_of(client, GalleryKind.BLACKLIST)
    return BlacklistEntry.objects.create(client=client, gallery=gallery, name="Mallory")


def test_every_such_column_has_its_key() -> None:
    """Without the key of both columns nothing would keep the two apart."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f'"
        )
        keys = {(table, text.partition(" REFERENCES")[0]) for table, text in cursor.fetchall()}
    fields = [field for model in apps.get_models() for field in model._meta.local_fields]
    owned = [field for field in fields if isinstance(field, ClientOfParent)]
    assert len(owned) >= 2
    for field in owned:
        parent = field.model._meta.get_field(field.parent).column
        assert (field.model._meta.db_table, f"FOREIGN KEY ({parent}, client_id)") in keys, field


def test_whoever_stores_a_row_need_not_say_whose_it_is(client_a: Client) -> None:
    image = image_of(client_a)
    [one] = ProcessedFace.objects.bulk_create([ProcessedFace(image=image, index=0, **BOX)])
    other = ProcessedFace.objects.create(image_id=image.pk, index=1, **BOX)
    match = Match.objects.create(face=one, entry=entry_of(client_a), distance=0.1, threshold=0.2)
    assert one.client_id == other.client_id == match.client_id == client_a.pk
    assert ProcessedFace.objects.filter(client=client_a).count() == 2


@pytest.mark.parametrize("table", ["recognition_processedface", "recognition_match"])
def test_no_row_is_given_to_another_client(as_owner: None, client_a: Client, client_b: Client, table: str) -> None:
    face = ProcessedFace.objects.create(image=image_of(client_a), index=0, **BOX)
    Match.objects.create(face=face, entry=entry_of(client_a), distance=0.1, threshold=0.2)
    with pytest.raises(IntegrityError, match="of_client"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET client_id = %s", [client_b.pk])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_no_parent_moves_to_another_client(as_owner: None, client_a: Client, client_b: Client) -> None:
    image = image_of(client_a)
    ProcessedFace.objects.create(image=image, index=0, **BOX)
    with pytest.raises(IntegrityError, match="of_client"), transaction.atomic(), connection.cursor() as cursor:
        ProcessedImage.objects.filter(pk=image.pk).update(client=client_b)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_no_hit_is_of_another_clients_entry(as_owner: None, client_a: Client, client_b: Client) -> None:
    face = ProcessedFace.objects.create(image=image_of(client_a), index=0, **BOX)
    with pytest.raises(IntegrityError, match="of_client"), transaction.atomic(), connection.cursor() as cursor:
        Match.objects.create(face=face, entry=entry_of(client_b), distance=0.1, threshold=0.2)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
