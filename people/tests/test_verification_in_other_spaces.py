"""Tokens of liveness sessions hold a face in the default space; galleries may be decided in another one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from clients.models import Client
from liveness.exceptions import TokenRefused
from liveness.tests.passing import token_for
from liveness.tests.pictures import frame
from people.models import Gallery, Person
from people.services import enrol_face, verify_live, verify_person
from people.types import Proof, Whom
from vision.tests.drawing import BLUE, RED
from vision.types import Upload

pytestmark = pytest.mark.django_db


@pytest.fixture
def person(client_a: Client) -> Person:
    """Red, in a gallery of the second space."""
    whom = Whom(external_id="u1", source="branch-7")
    enrol_face(client=client_a, upload=Upload(frame(RED)), whom=whom)
    Gallery.objects.filter(name="branch-7").update(space="fake-fake8-8")
    return Person.objects.select_related("gallery", "client").get()


def verify(person: Person, token: str) -> bool:
    return verify_person(person=person, data=frame(RED), token=token).matches


def verify_with_liveness(person: Person, token: str) -> bool:
    return bool(verify_live(person=person, data=frame(RED), proof=Proof(token=token)).is_live)


@pytest.mark.parametrize("call", [verify, verify_with_liveness])
def test_a_token_serves_a_person_of_a_gallery_in_another_space(
    client_a: Client, person: Person, call: Callable[[Person, str], bool]
) -> None:
    token = token_for(client_a, purpose="verify", subject="u1", source="branch-7")
    assert call(person, token)
    with pytest.raises(TokenRefused, match="used"):
        call(person, token)


def test_a_token_of_another_face_is_refused_there_too(client_a: Client, person: Person) -> None:
    token = token_for(client_a, purpose="verify", subject="u1", source="branch-7", colour=BLUE)
    with pytest.raises(TokenRefused, match="another face"):
        verify_person(person=person, data=frame(RED), token=token)
