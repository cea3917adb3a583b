"""From our own database to a remote service and back, while people are searched."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from clients.models import Client
from people import respacing
from people.elsewhere.tests.counted import Counted
from people.elsewhere.tests.test_calls import enrol, run_calls, there
from people.exceptions import PeopleAtRisk, RespaceNotReady
from people.models import Gallery, RemoteCall, RemoteCollection, Respace
from people.services import search_people
from people.types import Probe
from remote.exceptions import NoRemoteFace, RemoteUnavailable
from vision.engines import engines
from vision.tests.drawing import BLUE, GREEN, RED, YELLOW, picture

pytestmark = pytest.mark.django_db
COLOURS = (RED, BLUE, GREEN)


@pytest.fixture
def local(client_a: Client, remote: Counted) -> Client:
    """A client with people in our own database."""
    client_a.backend = "deepface"
    client_a.save()
    for number, colour in enumerate(COLOURS):
        enrol(client_a, colour, source="guests" if number else "", name=str(number))
    assert not remote.calls
    return client_a


def decisions(client: Client) -> list[tuple[str, list[str]]]:
    """What a search says of everybody, and of a stranger."""
    found = []
    for colour in (*COLOURS, YELLOW):
        [face] = search_people(client=client, probe=Probe(picture(colour))).faces
        found.append((str(face.decision), [one.person.name for one in face.matches]))
    return found


def long_ago(respace: Respace) -> None:
    Respace.objects.filter(pk=respace.pk).update(switched_at=timezone.now() - timedelta(hours=1))


def test_there_and_back(local: Client, client_b: Client, remote: Counted) -> None:
    before = decisions(local)
    assert before == [("match", ["0"]), ("match", ["1"]), ("match", ["2"]), ("no_match", [])]
    Gallery.objects.filter(client=local, name="guests").update(threshold=0.15)
    respace = respacing.start_respace(client=local, backend="aws_rekognition")
    assert respace.status == "ready" and len(there(client_b)) == 3
    done = respacing.progress_of(respace)
    assert (done.photographs, done.templates, done.failed) == (3, 3, 0)
    assert decisions(local) == before and "search" not in remote.calls  # ours goes on deciding
    respacing.switch(respace=respace)
    assert set(Gallery.objects.filter(client=local).values_list("backend", "threshold")) == {("aws_rekognition", None)}
    assert decisions(local) == before and "search" in remote.calls
    enrol(local, YELLOW, name="3")  # while there is a way back
    remote.calls.clear()
    respacing.switch_back(respace=respace)
    assert decisions(local)[:3] == before[:3] and decisions(local)[3] == ("match", ["3"]) and not remote.calls
    assert Gallery.objects.get(client=local, name="guests").threshold == 0.15
    respace.refresh_from_db()
    respacing.switch(respace=respace)
    long_ago(respace)
    assert respacing.forget_old(respace=respace) == 0  # our templates stay: the way back needs them
    assert Respace.objects.get(pk=respace.pk).status == "closed"

    back = respacing.start_respace(client=local, backend="deepface")
    assert back.status == "ready"
    respacing.switch(respace=back)
    assert decisions(local)[:3] == before[:3]
    long_ago(back)
    assert respacing.forget_old(respace=back) == 4
    run_calls()
    assert not there(client_b) and not RemoteCall.objects.exists() and not RemoteCollection.objects.exists()
    assert Client.objects.get(pk=local.pk).backend == "deepface"


def test_a_service_that_is_away_for_a_while(local: Client, client_b: Client, remote: Counted) -> None:
    remote.fail = RemoteUnavailable("Away.")
    respace = respacing.start_respace(client=local, backend="aws_rekognition")
    assert respace.status == "computing"
    with pytest.raises(RespaceNotReady):
        respacing.switch(respace=respace)
    run_calls()
    assert set(RemoteCall.objects.values_list("tries", flat=True)) == {2}
    remote.fail = None
    run_calls()
    respacing.tend_respaces()
    respace.refresh_from_db()
    assert respace.status == "ready" and len(there(client_b)) == 3


def test_many_photographs_go_a_few_at_a_time(local: Client, remote: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("people.elsewhere.moving.AT_ONCE", 1)
    assert respacing.start_respace(client=local, backend="aws_rekognition").status == "ready"
    assert remote.calls.count("add") == 3


def test_people_who_would_be_lost(local: Client, client_b: Client, remote: Counted) -> None:
    remote.fail = NoRemoteFace("No face.")
    respace = respacing.start_respace(client=local, backend="aws_rekognition")
    assert respace.status == "ready" and respacing.progress_of(respace).failed == 3
    assert respacing.count_at_risk(respace) == 3
    with pytest.raises(PeopleAtRisk):
        respacing.switch(respace=respace)
    remote.fail = None
    respace = respacing.start_respace(client=local, backend="aws_rekognition")  # once more
    assert respacing.progress_of(respace).failed == 0
    respacing.cancel_respace(respace=respace)
    run_calls()
    assert not there(client_b)  # nothing stays there that is not used


def test_photographs_that_come_meanwhile(local: Client, client_b: Client, remote: Counted) -> None:
    respace = respacing.start_respace(client=local, backend="aws_rekognition")
    enrol(local, YELLOW, name="3")
    assert len(there(client_b)) == 3
    respacing.tend_respaces()
    assert len(there(client_b)) == 4
    respacing.tend_respaces()
    respace.refresh_from_db()
    assert respace.status == "ready"


def test_the_command(local: Client, client_b: Client, remote: Counted) -> None:
    out = StringIO()
    call_command("respace", to_backend="aws_rekognition", client=local.name, no_wait=True, stdout=out)
    assert "3 of 3 photographs" in out.getvalue()
    call_command("respace", switch=True, client=local.name, stdout=out)
    assert "aws_rekognition decides now" in out.getvalue()


def test_a_move_between_spaces_leaves_thresholds_of_scores(client_a: Client, remote: Counted) -> None:
    """What a remote gallery decides by does not become laxer because another model describes faces here."""
    gallery = enrol(client_a, RED).person.gallery
    Gallery.objects.filter(pk=gallery.pk).update(threshold=0.05, space="former.space")
    respace = Respace.objects.create(client=client_a, space=engines["default"].space.name, computed_at=timezone.now())
    respacing.switch(respace=respace)
    gallery.refresh_from_db()
    assert (gallery.threshold, gallery.former_space) == (0.05, "former.space")
