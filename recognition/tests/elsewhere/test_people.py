"""People of a gallery that a remote service keeps and searches, from the enrolment to the erasure; real faces."""

from __future__ import annotations

from typing import Any

import pytest

from calibration.types import Comparison, Decision
from clients.models import Client
from people.elsewhere.tests.test_calls import run_calls
from people.models import EnrolledFace, Gallery, Person, ReferenceImage, RemoteCall
from people.services import compare_faces, enrol_face, erase_person, search_people, verify_person
from people.types import Probe, Refusal, SearchOptions, Whom
from recognition.tests.elsewhere.conftest import BUCKET, settle
from remote.tests.stand_ins.cases import Case
from vision.types import Upload

pytestmark = [pytest.mark.models, pytest.mark.django_db]
Pictures = dict[str, bytes]


def enrol(client: Client, pictures: Pictures, *names: str) -> list[Person]:
    return [enrol_face(client=client, upload=Upload(pictures[name]), whom=Whom(name=name)).person for name in names]


def there(case: Case) -> set[str]:
    """Our ids of the faces in the only collection."""
    [name] = set(EnrolledFace.objects.values_list("collection__name", flat=True))
    return {face.own_id for face in case.backend.faces(name)}


def test_from_enrolment_to_erasure(client: Client, case: Case, pictures: Pictures) -> None:
    obama, rose, biden = enrol(client, pictures, "obama_1.jpg", "rose_1.jpg", "biden_1.jpg")
    assert Gallery.objects.get(client=client).backend == case.abilities.name and not RemoteCall.objects.exists()
    settle(case)
    assert len(there(case)) == 3
    found = search_people(client=client, probe=Probe(pictures["obama_2.jpg"]))
    [face] = found.faces
    assert (face.decision, face.candidates[0].person) == (Decision.MATCH, obama)
    assert found.space == case.abilities.name
    assert found.point.false_match_rate is found.point.false_alarm_rate is None
    first, *others = (candidate.comparison for candidate in face.candidates)
    assert first.matches and first.similarity is not None and 0.7 <= first.similarity <= 1.0
    assert not any(one.matches for one in others)

    both = search_people(
        client=client, probe=Probe(pictures["kit_and_rose.jpg"]), options=SearchOptions(faces="all")
    ).faces
    assert len(both) == 2 and rose in {face.candidates[0].person for face in both if face.candidates}

    for name, person, expected in (
        ("obama_2.jpg", obama, Decision.MATCH),
        ("obama_2.jpg", rose, Decision.NO_MATCH),
        ("rose_2.jpg", rose, Decision.MATCH),
        ("rose_2.jpg", biden, Decision.NO_MATCH),
    ):
        assert verify_person(person=person, data=pictures[name]).decision == expected
    erase_person(person=obama)
    [face] = search_people(client=client, probe=Probe(pictures["obama_2.jpg"])).faces
    assert face.decision == Decision.NO_MATCH and obama.pk not in {one.person.pk for one in face.candidates}
    run_calls()
    assert not RemoteCall.objects.exists() and len(there(case)) == 2


def test_comparing_images(client: Client, pictures: Pictures) -> None:
    others = [pictures["obama_2.jpg"], pictures["rose_1.jpg"], pictures["obama_3.jpg"], pictures["nobody"]]
    *compared, refused = compare_faces(client=client, first=pictures["obama_1.jpg"], others=others).results
    decisions = [one.decision for one in compared if isinstance(one, Comparison)]
    assert decisions == [Decision.MATCH, Decision.NO_MATCH, Decision.MATCH]
    assert isinstance(refused, Refusal) and refused.code == "face.none"


@pytest.mark.parametrize("case", ["rekognition"], indirect=True)
def test_photographs_lie_encrypted_in_the_bucket(client: Client, case: Case, pictures: Pictures, s3: Any) -> None:
    """And the service is sent one face of each, which it can read."""
    enrol(client, pictures, "obama_1.jpg")
    [image] = ReferenceImage.objects.all()
    stored = s3.get_object(Bucket=BUCKET, Key=image.image.name)["Body"].read()
    assert len(stored) > 10_000 and b"\xff\xd8\xff" not in stored[:100]
    settle(case)
    assert there(case) == {str(image.uuid)}
    erase_person(person=image.person)
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET, Prefix=image.image.name)
