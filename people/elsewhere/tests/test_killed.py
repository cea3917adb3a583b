"""The process dies before or after any call to the service: what is there and what we know of it agree in the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from clients.models import Client
from people.elsewhere import calls, reconciling
from people.elsewhere.tests.counted import Counted, Killed
from people.elsewhere.tests.test_calls import enrol, run_calls, there
from people.models import EnrolledFace, Person, ReferenceImage, RemoteCall, RemoteCollection
from people.services import erase_person, update_person
from remote.exceptions import AccessRefused, NoRemoteFace
from vision.tests.drawing import BLUE, GREEN, RED, picture
from work.services import sweep

pytestmark = pytest.mark.django_db


def story(client: Client) -> list[Callable[[], object]]:
    """Steps of a day: two are enrolled, one moves, one is erased, and so is a gallery's last one."""
    return [
        lambda: enrol(client, RED, name="Ann"),
        lambda: enrol(client, BLUE, source="guests", name="Ben"),
        lambda: update_person(person=Person.objects.get(name="Ben"), changes={"source": ""}),
        lambda: erase_person(person=Person.objects.get(name="Ann")),
        lambda: enrol(client, GREEN, name="Eve"),
    ]


def live_through(client: Client, after_each: Callable[[], None]) -> int:
    """Every step, whatever becomes of the process that carries out its calls. Returns how often it died."""
    deaths = 0
    for step in story(client):
        for work in (step, run_calls):
            try:
                work()
            except Killed:
                deaths += 1
                after_each()
    return deaths


def outlive() -> None:
    """The claim of whoever died is over, and the sweep gives its rows to others."""
    RemoteCall.objects.filter(status="processing").update(started_at=timezone.now() - timedelta(hours=1))
    RemoteCall.objects.abandoned().give_back()


def calls_of_the_story(client: Client, remote: Counted) -> int:
    live_through(client, outlive)
    return len(remote.calls)


def expected(client: Client) -> set[str]:
    return {str(uuid) for uuid in ReferenceImage.objects.filter(person__client=client).values_list("uuid", flat=True)}


MOST_CALLS = 9


@pytest.fixture
def by_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls are carried out by another process than the one that has stored the photograph."""
    monkeypatch.setattr("people.elsewhere.places._send", lambda ids, client, queue: None)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(1, MOST_CALLS + 1))
def test_a_death_at_each_call(
    client_a: Client, client_b: Client, remote: Counted, by_workers: None, number: int, after: bool
) -> None:
    remote.kill_at, remote.after = number, after
    deaths = live_through(client_a, outlive)
    assert deaths == (number <= len(remote.calls))
    remote.kill_at = None
    for _ in range(3):
        outlive()
        run_calls()
    assert not list(RemoteCall.objects.values_list("operation", "status", "attempts", "tries", "error_code", "error"))
    assert there(client_b) == expected(client_a) and len(there(client_b)) == 2
    known = EnrolledFace.objects.values_list("reference_image__uuid", flat=True)
    assert sorted(map(str, known)) == sorted(there(client_b))
    assert all(one.is_clean for one in reconciling.differences(RemoteCollection.objects.all()))


def test_the_story_has_no_more_calls_than_are_tried(client_a: Client, remote: Counted, by_workers: None) -> None:
    assert 6 <= calls_of_the_story(client_a, remote) < MOST_CALLS


def test_an_erasure_between_the_call_and_our_row(client_a: Client, client_b: Client, remote: Counted) -> None:
    """The service has added the face, and the person is erased before we could note its id."""
    original = calls._keep

    def erased_first(*given: object) -> None:
        erase_person(person=Person.objects.get())
        original(*given)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calls, "_keep", erased_first)
        enrol(client_a, RED)
    assert len(there(client_b)) == 1 and not EnrolledFace.objects.exists()
    run_calls()
    assert not there(client_b) and not RemoteCall.objects.exists()


def test_the_sweep_knows_the_calls(client_a: Client, remote: Counted, by_workers: None, redis_flush: None) -> None:
    enrol(client_a, RED)
    assert RemoteCall.objects.exists()
    outlive()
    RemoteCall.objects.update(queued_at=timezone.now() - timedelta(hours=1))
    sweep()
    assert EnrolledFace.objects.count() == 1


# ---- both sides -------------------------------------------------------------------------------------------------
def reconciled(*arguments: str) -> str:
    out = StringIO()
    call_command("reconcile", *arguments, stdout=out)
    return out.getvalue()


def run_until_done() -> None:
    """Our own endpoint takes calls of the same content and second for one, and answers the second as the first."""
    end = time.monotonic() + 60
    while RemoteCall.objects.exists() and time.monotonic() < end:
        run_calls()
        time.sleep(0.05)


def test_what_differs_is_told_and_mended(client_a: Client, client_b: Client, remote: Counted) -> None:
    ann, ben, eve = (enrol(client_a, colour).reference_image for colour in (RED, BLUE, GREEN))
    name = RemoteCollection.objects.get().name
    remote.remove(name, [EnrolledFace.objects.get(reference_image=ann).face_id])  # behind our back
    EnrolledFace.objects.filter(reference_image=ben).delete()
    RemoteCall.objects.all().delete()  # as an older backup would have it: there, and unknown
    remote.add(name, picture(BLUE), "somebody", is_first=True)
    said = reconciled()
    assert "1 faces missing there, 1 unknown to us, 1 not yet listed by us, 0 photographs never added" in said
    assert "nothing was changed" in said and len(there(client_b)) == 3
    reconciled("--mend", "--client", client_a.name)
    run_until_done()
    assert there(client_b) == {str(one.uuid) for one in (ann, ben, eve)}
    assert "0 with differences" in reconciled()


def test_whoever_was_erased_since_the_comparison_goes_there_too(
    client_a: Client, client_b: Client, remote: Counted
) -> None:
    """The service had faces of which we did not know any more, and lists them while one is erased, and one moves."""
    ann, ben = (enrol(client_a, colour) for colour in (RED, BLUE))
    EnrolledFace.objects.all().delete()
    RemoteCall.objects.all().delete()
    found = reconciling.differences(RemoteCollection.objects.all())
    erase_person(person=ann.person)
    update_person(person=ben.person, changes={"source": "guests"})
    run_calls()
    reconciling.mend(found[0])
    run_calls()
    assert there(client_b) == {str(ben.reference_image.uuid)}
    assert EnrolledFace.objects.get().collection.gallery.name == "guests"
    assert "0 with differences" in reconciled()


def test_a_collection_that_was_deleted_there(client_a: Client, client_b: Client, remote: Counted) -> None:
    enrol(client_a, RED)
    enrol(client_a, BLUE)
    remote.drop(RemoteCollection.objects.get().name)
    enrol(client_a, GREEN)
    assert RemoteCall.objects.get().error_code == "remote.collection_gone"
    assert "The collection does not exist there." in reconciled()
    reconciled("--mend")
    run_until_done()
    assert there(client_b) == expected(client_a) and len(there(client_b)) == 3
    assert "0 with differences" in reconciled()


def test_photographs_that_were_refused(client_a: Client, client_b: Client, remote: Counted) -> None:
    remote.fail = NoRemoteFace("No face.")
    enrol(client_a, RED)
    remote.fail = None
    assert "1 refused" in reconciled("--mend") and not there(client_b)
    reconciled("--mend", "--again")
    assert len(there(client_b)) == 1


def test_a_service_that_does_not_answer(client_a: Client, remote: Counted) -> None:
    enrol(client_a, RED)
    remote.fail = AccessRefused("Not any more.")
    with pytest.raises(CommandError):
        reconciled()
    with pytest.raises(CommandError):
        reconciled("--client", "nobody")
