"""Faces and users as records of people: what an access report says of them, and what erasing a user does."""

from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings

from clients.exceptions import TooManyPeople
from clients.models import Client
from compat.rekognition import collections, faces, users
from people.models import Gallery, Person
from people.services import report_of_image, report_of_person
from vision.tests.drawing import RED, picture

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client_a: Client, settings: Settings) -> Gallery:
    settings.QUALITY_GATE = "off"
    return collections.create(client=client_a, name="staff")


def user_with_faces(gallery: Gallery, *external_image_ids: str) -> Person:
    user = users.create(gallery=gallery, user_id="u1")
    for name in external_image_ids:
        done = faces.index(gallery=gallery, data=picture(RED), external_image_id=name, most=1, quality="NONE")
        face = str(done.stored[0][1].uuid)
        assert users.associate(gallery=gallery, user_id="u1", face_ids=[face], threshold=None, may_read=True).done == [
            face
        ]
    return user


def test_a_report_says_with_what_faces_were_indexed(client_a: Client, staff: Gallery) -> None:
    user = user_with_faces(staff, "Jane_Doe.jpg")
    faces.index(gallery=staff, data=picture(RED), external_image_id="other.jpg", most=1, quality="NONE")
    [face] = report_of_person(person=user)["indexed_faces"]
    assert (face["photograph"], face["external_image_id"]) == (1, "Jane_Doe.jpg") and face["box"]["width"] > 0
    found = report_of_image(client=client_a, data=picture(RED), with_blacklist=False)["indexed_faces"]
    assert {one["external_image_id"] for one in found} == {"Jane_Doe.jpg", "other.jpg"}


def test_a_user_is_erased_and_loses_faces_where_there_is_no_room_for_people(client_a: Client, staff: Gallery) -> None:
    user = user_with_faces(staff, "a.jpg", "b.jpg", "c.jpg")
    Client.objects.filter(pk=client_a.pk).update(max_people=1)
    face = str(user.reference_images.all()[0].uuid)
    assert users.disassociate(gallery=staff, user_id="u1", face_ids=[face], may_read=True).done == [face]
    users.delete(gallery=staff, user_id="u1")
    assert not Person.objects.filter(external_id="u1").exists()
    assert [person.reference_images.count() for person in Person.objects.all()] == [1, 1, 1]
    with pytest.raises(TooManyPeople):
        users.create(gallery=staff, user_id="u2")
