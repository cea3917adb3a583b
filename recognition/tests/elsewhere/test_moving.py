"""A client that moves to a remote service and back is told the same of the same photographs; real faces."""

from __future__ import annotations

import pytest

from clients.models import Client
from people import respacing
from people.models import EnrolledFace, Gallery
from people.services import search_people
from people.types import Probe, SearchOptions
from recognition.tests.elsewhere.conftest import settle
from recognition.tests.elsewhere.test_people import Pictures, enrol
from remote.tests.stand_ins.cases import Case

pytestmark = [pytest.mark.models, pytest.mark.django_db]
ENROLLED = ("obama_1.jpg", "rose_1.jpg", "biden_1.jpg", "alex_1.jpg")
PROBES = ("obama_2.jpg", "obama_3.jpg", "rose_2.jpg", "biden_2.jpg", "kit_1.jpg", "lin_1.png", "kit_and_rose.jpg")


def decisions(client: Client, pictures: Pictures) -> list[tuple[str, list[tuple[str, list[str]]]]]:
    """Of each face of each photograph: what is decided, and who it is said to be."""
    found = []
    for name in PROBES:
        faces = search_people(client=client, probe=Probe(pictures[name]), options=SearchOptions(faces="all")).faces
        found.append((name, [(str(face.decision), [one.person.name for one in face.matches]) for face in faces]))
    return found


def test_there_and_back(client: Client, case: Case, pictures: Pictures) -> None:
    client.backend = "deepface"
    client.save()
    enrol(client, pictures, *ENROLLED)
    before = decisions(client, pictures)
    named = [people for _, faces in before for _, people in faces]
    assert named == [["obama_1.jpg"], ["obama_1.jpg"], ["rose_1.jpg"], ["biden_1.jpg"], [], [], ["rose_1.jpg"], []]
    there = respacing.start_respace(client=client, backend=case.abilities.name)
    assert there.status == "ready" and EnrolledFace.objects.count() == len(ENROLLED)
    settle(case)
    respacing.switch(respace=there)
    assert {gallery.backend for gallery in Gallery.objects.filter(client=client)} == {case.abilities.name}
    assert decisions(client, pictures) == before
    respacing.switch_back(respace=there)
    assert decisions(client, pictures) == before
