"""From an enrolment to the collection, and out of it again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from clients.models import Client
from compat.rekognition.models import IndexedFace
from people.elsewhere import calls
from people.elsewhere.tests.counted import Counted
from people.models import EnrolledFace, Gallery, Person, ReferenceImage, RemoteCall, RemoteCollection
from people.services import enrol_face, erase_person, merge_persons, report_of_person, update_person
from people.types import Enrolment, Whom
from remote.exceptions import AccessRefused, NoRemoteFace, RemoteUnavailable, Throttled
from vision.tests.drawing import BLUE, GREEN, RED, picture
from vision.types import Upload
from work.models import Status

pytestmark = pytest.mark.django_db


def enrol(client: Client, colour: tuple[int, int, int], source: str = "", name: str = "Ann") -> Enrolment:
    return enrol_face(client=client, upload=Upload(picture(colour)), whom=Whom(source=source, name=name))


def run_calls() -> None:
    """As workers do when every call is due."""
    RemoteCall.objects.update(next_try_at=timezone.now(), queued_at=None)
    calls.send_due()


def there(client: Client) -> set[str]:
    """Our ids of the faces in the account of this client."""
    return set(IndexedFace.objects.filter(client=client).values_list("external_image_id", flat=True))


def test_an_enrolment_arrives_and_an_erasure_too(client_a: Client, client_b: Client, remote: Counted) -> None:
    stored = enrol(client_a, RED)
    assert Gallery.objects.get(client=client_a).backend == "aws_rekognition"
    assert there(client_b) == {str(stored.reference_image.uuid)}
    assert remote.calls == ["ensure", "add"] and not RemoteCall.objects.exists()
    assert EnrolledFace.objects.get().reference_image == stored.reference_image
    enrol(client_a, BLUE, name="Ben")
    assert remote.calls == ["ensure", "add", "add"]
    [photograph] = report_of_person(person=stored.person)["people"][0]["photographs"]
    assert photograph["remote_copies"] == ["aws_rekognition"]
    receipt = erase_person(person=stored.person)
    [waiting] = [one for one in receipt.remaining if one["what"] == "remote_service"]
    assert waiting["count"] == 1
    assert RemoteCall.objects.get().operation == "remove"
    run_calls()
    assert len(there(client_b)) == 1 and not RemoteCall.objects.exists()


def test_a_photograph_that_is_erased_before_it_was_added(client_a: Client, client_b: Client, remote: Counted) -> None:
    remote.fail = RemoteUnavailable("Away.")
    stored = enrol(client_a, RED)
    call = RemoteCall.objects.get()
    assert (call.status, call.error_code, call.tries) == (Status.PENDING, "remote.unavailable", 1)
    erase_person(person=stored.person)
    remote.fail = None
    run_calls()
    assert not there(client_b) and not RemoteCall.objects.exists()


@pytest.mark.parametrize(
    ("error", "least", "most"),
    [
        (RemoteUnavailable("Away."), 0.8, 1.2),
        (Throttled("Slowly.", wait=30), 30, 30),
        (AccessRefused("No."), 48, 72),
    ],
)
def test_a_service_that_refuses(
    client_a: Client, client_b: Client, remote: Counted, error: Exception, least: float, most: float
) -> None:
    remote.fail = error
    before = timezone.now()
    stored = enrol(client_a, RED)  # is stored here all the same
    after = timezone.now()
    call = RemoteCall.objects.get()
    assert timedelta(seconds=least) <= call.next_try_at - before
    assert call.next_try_at - after <= timedelta(seconds=most)
    calls.send_due()
    assert remote.calls == ["ensure"]  # not before its time
    remote.fail = None
    run_calls()
    assert there(client_b) == {str(stored.reference_image.uuid)}


def test_waits_grow_and_end(remote: Counted) -> None:
    waits = [calls.wait_after(RemoteCall(tries=tries), RemoteUnavailable("Away.")) for tries in range(40)]
    assert all(0.8 * 2**tries <= waits[tries] <= 1.2 * 2**tries for tries in range(9))
    assert max(waits) <= 1.2 * calls.LONGEST_WAIT


def test_a_photograph_that_the_service_does_not_take(client_a: Client, remote: Counted) -> None:
    remote.fail = NoRemoteFace("No face.")
    enrol(client_a, RED)
    call = RemoteCall.objects.get()
    assert (call.status, call.error_code) == (Status.FAILED, "remote.no_face")


def test_people_who_move_and_merge(client_a: Client, client_b: Client, remote: Counted) -> None:
    ann, ben = enrol(client_a, RED), enrol(client_a, GREEN, source="guests", name="Ben")
    first, second = RemoteCollection.objects.order_by("pk")
    update_person(person=ann.person, changes={"source": "guests"})
    run_calls()
    assert {face.collection_id for face in EnrolledFace.objects.all()} == {second.pk}
    assert first.faces.count() == 0 and second.faces.count() == 2 and len(there(client_b)) == 2
    merge_persons(person=Person.objects.get(pk=ann.person.pk), other=Person.objects.get(pk=ben.person.pk))
    run_calls()
    assert second.faces.count() == 2
    Gallery.objects.filter(client=client_a, name="guests").update(backend="deepface")
    enrol(client_a, BLUE, source="guests")
    assert second.faces.count() == 2


def test_everything_goes_with_the_client(client_a: Client, client_b: Client, remote: Counted) -> None:
    enrol(client_a, RED)
    name, number = RemoteCollection.objects.get().name, client_a.pk
    client_a.delete()
    assert not ReferenceImage.objects.filter(person__client=number).exists()
    left = RemoteCall.objects.get()
    assert (left.operation, left.collection, left.client_id) == ("drop", name, number)
    run_calls()
    assert not RemoteCall.objects.exists() and not there(client_b)
    assert not Gallery.objects.filter(client=client_b, name=name).exists()


def test_a_removal_is_never_given_up(client_a: Client, client_b: Client, remote: Counted) -> None:
    erase_person(person=enrol(client_a, RED).person)
    remote.fail = RuntimeError("A fault of ours.")
    run_calls()
    call = RemoteCall.objects.get()
    assert (call.operation, call.status, call.error_code) == ("remove", Status.PENDING, "internal")
    remote.fail = None
    RemoteCall.objects.update(attempts=100)  # as if its worker had died each time
    run_calls()
    assert RemoteCall.objects.get().status == Status.PENDING
    run_calls()
    assert not there(client_b) and not RemoteCall.objects.exists()


def test_of_a_refused_photograph_nothing_stays_when_it_is_erased(client_a: Client, remote: Counted) -> None:
    remote.fail = NoRemoteFace("No face.")
    stored = [enrol(client_a, RED), enrol(client_a, BLUE, name="Ben")]
    erase_person(person=stored[0].person)
    calls.send_due()
    assert RemoteCall.objects.get().own_id == stored[1].reference_image.uuid
    client_a.delete()
    calls.send_due()
    assert not RemoteCall.objects.filter(operation="add").exists()


def test_a_collection_that_a_late_face_made_anew_goes(
    client_a: Client, client_b: Client, remote: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gallery is deleted, and its collection dropped, while a face is on its way there."""
    add = remote.backend.add

    def late(*given: Any, **options: Any) -> Any:
        monkeypatch.setattr(remote.backend, "add", add)
        Gallery.objects.get(client=client_a).delete()
        RemoteCall.objects.filter(operation="drop").delete()  # another worker has done it, and the face comes after
        return add(*given, **options)

    monkeypatch.setattr(remote.backend, "add", late)
    enrol(client_a, RED)
    assert RemoteCall.objects.get().operation == "drop"
    run_calls()
    assert not Gallery.objects.filter(client=client_b, name__startswith="faceapp-").exists()
