"""Which face of a photograph is enrolled where its metadata names the people on it."""

from __future__ import annotations

import pytest

from clients.models import Client
from people import services
from people.types import EnrolmentRules, Probe, Whom
from vision.exceptions import UnusableFace
from vision.regions import Region
from vision.tests.drawing import BLUE, FIRST, GREEN, RED, SECOND, THIRD, picture, three_people
from vision.types import Upload

pytestmark = pytest.mark.django_db
NAMED = EnrolmentRules(face_choice="named")
TWO = three_people(Region("Ada", *FIRST), Region("Zoë Quinn", *THIRD), orientation=6)


def who(client: Client, colour: tuple[int, int, int]) -> list[str]:
    (face,) = services.search_people(client=client, probe=Probe(picture(colour))).faces
    return [match.person.name for match in face.matches]


def test_the_face_with_the_persons_name_is_taken(client_a: Client) -> None:
    done = services.enrol_face(client=client_a, upload=Upload(TWO), whom=Whom(name="Zoe\u0308 Quinn"), rules=NAMED)
    assert (done.portrait.face.box.x, who(client_a, BLUE)) == (360, ["Zoe\u0308 Quinn"])
    ada = services.create_person(client=client_a, external_id="1", name="Ada")
    services.enrol_face(client=client_a, upload=Upload(TWO), whom=Whom(external_id="1"), rules=NAMED)
    assert who(client_a, RED) == [ada.name]
    services.enrol_face(client=client_a, upload=Upload(picture(GREEN)), whom=Whom(ada), rules=NAMED)
    assert who(client_a, GREEN) == [ada.name]  # nothing is marked there, and it shows one face


@pytest.mark.parametrize(
    ("upload", "name", "code"),
    [
        (TWO, "Grace", "face.several"),
        (TWO, "", "face.several"),
        (three_people(Region("Ada", *FIRST), Region("Ada", *SECOND)), "Ada", "face.several"),
        (three_people(Region("Ada", 0.2, 0.25, 0.12, 0.5)), "Ada", "face.not_as_marked"),  # nobody is there
        (three_people(Region("Ada", 0, 0, 1, 1)), "Ada", "face.not_as_marked"),  # the whole photograph
    ],
)
def test_nobody_is_guessed(client_a: Client, upload: bytes, name: str, code: str) -> None:
    with pytest.raises(UnusableFace) as refused:
        services.enrol_face(client=client_a, upload=Upload(upload), whom=Whom(name=name), rules=NAMED)
    assert refused.value.code == code


def test_metadata_does_not_count_unless_asked_for(client_a: Client) -> None:
    with pytest.raises(UnusableFace) as refused:
        services.enrol_face(client=client_a, upload=Upload(TWO), whom=Whom(name="Ada"))
    assert refused.value.code == "face.several"
