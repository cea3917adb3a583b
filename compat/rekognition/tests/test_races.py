"""Two calls at once: a face has one user, a collection one maker, and what is erased does not move."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from clients.models import Client
from compat.rekognition import collections, faces, users
from compat.rekognition.exceptions import CollectionExists
from faceapp.tests.rivals import Rival, wait_until_blocked
from people.models import FaceTemplate, Gallery, Person, ReferenceImage
from people.services import erase_person
from vision.tests.drawing import RED, picture

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def staff(client_a: Client, settings: Settings) -> Gallery:
    settings.QUALITY_GATE = "off"
    return collections.create(client=client_a, name="staff")


def indexed(gallery: Gallery) -> str:
    data = picture(RED)
    done = faces.index(gallery=gallery, data=data, external_image_id="", most=1, quality="NONE")
    return str(done.stored[0][1].uuid)


def associate(gallery: Gallery, user: str, face: str) -> users.Outcome:
    return users.associate(gallery=gallery, user_id=user, face_ids=[face], threshold=None, may_read=True)


def test_of_two_users_one_gets_the_face(staff: Gallery) -> None:
    face, outcomes = indexed(staff), list[users.Outcome]()
    for user in ("u1", "u2"):
        users.create(gallery=staff, user_id=user)
    with transaction.atomic():
        assert associate(staff, "u1", face).done == [face]
        rival = Rival(lambda: outcomes.append(associate(staff, "u2", face)))
        wait_until_blocked()
    rival.finish()
    assert outcomes[0].done == [] and outcomes[0].refused[0]["Reasons"] == ["ASSOCIATED_TO_A_DIFFERENT_USER"]
    owners = FaceTemplate.objects.values_list("person__external_id", flat=True)
    assert {*owners, ReferenceImage.objects.get().person.external_id} == {"u1"}
    assert Person.objects.count() == 2


def test_a_face_that_is_erased_meanwhile_is_not_associated(staff: Gallery) -> None:
    face, outcomes = indexed(staff), list[users.Outcome]()
    users.create(gallery=staff, user_id="u1")
    with transaction.atomic():
        erase_person(person=Person.objects.get(external_id=None))
        rival = Rival(lambda: outcomes.append(associate(staff, "u1", face)))
        wait_until_blocked()
    rival.finish()
    assert outcomes[0].refused == [{"FaceId": face, "Reasons": ["FACE_NOT_FOUND"]}]
    assert not ReferenceImage.objects.exists() and not FaceTemplate.objects.exists()


def test_a_face_that_is_associated_meanwhile_is_not_erased(staff: Gallery) -> None:
    face, deleted = indexed(staff), list[Any]()
    users.create(gallery=staff, user_id="u1")
    with transaction.atomic():
        associate(staff, "u1", face)
        rival = Rival(lambda: deleted.append(faces.delete(gallery=staff, face_ids=[face], may_read=True)))
        wait_until_blocked()
    rival.finish()
    assert deleted[0][0] == []
    assert ReferenceImage.objects.get().person.external_id == "u1"


def test_of_two_makers_one_gets_the_collection(client_a: Client) -> None:
    with transaction.atomic():
        collections.create(client=client_a, name="staff")
        rival = Rival(lambda: collections.create(client=client_a, name="staff"))
        wait_until_blocked()
    with pytest.raises(CollectionExists):
        rival.finish()
    assert Gallery.objects.filter(name="staff").count() == 1
