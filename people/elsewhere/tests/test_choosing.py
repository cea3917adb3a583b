"""Which back end a gallery has, who may choose it, and what stops everything from leaving."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.checks import run_checks
from django.test import Client as Browser
from django.utils import timezone
from pytest_django.fixtures import Settings

from clients.forms import ClientForm
from clients.models import Client
from clients.services import create_api_key
from people.checks import check_back_ends, check_back_ends_of_galleries
from people.elsewhere import places
from people.elsewhere.tests.counted import Counted
from people.elsewhere.tests.test_calls import enrol
from people.exceptions import BackendInUse, UnusableValue
from people.galleries import search_in
from people.models import Gallery, RemoteCall
from people.services import create_gallery, delete_gallery, update_gallery
from remote import registry
from remote.exceptions import SwitchedOff
from vision.tests.drawing import RED

pytestmark = pytest.mark.django_db
AWS = "aws_rekognition"


@pytest.fixture(autouse=True)
def credentials(settings: Settings) -> None:
    settings.AWS_REGION, settings.AWS_ACCESS_KEY, settings.AWS_SECRET_KEY = "eu-west-1", "x", "x"


def test_new_galleries(client_a: Client, client_b: Client, settings: Settings) -> None:
    assert create_gallery(client=client_a, name="one").backend == "deepface"
    settings.FACE_PROCESSING_BACKEND = AWS
    assert create_gallery(client=client_a, name="two").backend == AWS
    Client.objects.filter(pk=client_b.pk).update(backend="deepface")
    assert create_gallery(client=client_b, name="one").backend == "deepface"
    assert Gallery.objects.get(client=client_a, name="one").backend == "deepface"  # nobody is moved


def test_an_empty_gallery_may_change(client_a: Client, remote: Counted, settings: Settings) -> None:
    gallery = enrol(client_a, RED).person.gallery
    with pytest.raises(BackendInUse):
        update_gallery(gallery=gallery, changes={"backend": "deepface"})
    empty = create_gallery(client=client_a, name="empty")
    update_gallery(gallery=empty, changes={"backend": "deepface"})
    with pytest.raises(UnusableValue):
        update_gallery(gallery=empty, changes={"backend": AWS})
    settings.REMOTE_BACKENDS = [AWS]
    update_gallery(gallery=empty, changes={"backend": AWS})
    enrol(client_a, RED, source="empty").person.delete()
    RemoteCall.objects.all().delete()
    delete_gallery(gallery=empty)
    assert RemoteCall.objects.get().operation == "drop"


def test_keys_do_not_choose(client_a: Client) -> None:
    create_gallery(client=client_a, name="staff")
    _, key = create_api_key(client_name=client_a.name, scopes=["all"])
    headers = {"X-Api-Key": key}
    answer = Browser().patch(
        "/api/v1/galleries/staff/", {"backend": AWS}, content_type="application/json", headers=headers
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "auth.missing_role")
    assert Browser().get("/api/v1/galleries/staff/", headers=headers).json()["backend"] == "deepface"


def test_the_form_of_a_client(client_a: Client, settings: Settings) -> None:
    def errors() -> dict[str, object]:
        form = ClientForm(
            {"name": "alice", "is_active": True, "liveness_policy": "frames", "backend": AWS}, instance=client_a
        )
        return dict(form.errors)

    assert list(errors()) == ["backend"]
    settings.REMOTE_BACKENDS = [AWS]
    assert not errors()


def test_nothing_leaves_for_what_is_not_named(settings: Settings) -> None:
    with pytest.raises(SwitchedOff):
        registry.backend_called(AWS)
    settings.REMOTE_BACKENDS = [AWS]
    assert registry.backend_called(AWS).abilities.name == AWS
    settings.REMOTE_BACKENDS, settings.FACE_PROCESSING_BACKEND = [], AWS
    assert registry.backend_called(AWS).abilities.name == AWS


def test_checks(client_a: Client, settings: Settings) -> None:
    assert check_back_ends(None) == []
    settings.FACE_PROCESSING_BACKEND = "aws"
    assert [one.id for one in check_back_ends(None)] == ["people.E004"]
    settings.FACE_PROCESSING_BACKEND, settings.AWS_SCORE = "deepface", 101.0
    assert [one.id for one in check_back_ends(None)] == ["people.E005"]
    Gallery.objects.create(client=client_a, name="there", backend=AWS)
    found = check_back_ends_of_galleries(None, databases=["default"])
    assert [one.id for one in found] == ["people.W003", "people.W004"]
    assert {one.id for one in run_checks(databases=["default"])} >= {"people.W003", "people.W004"}


def test_an_enrolment_waits_for_its_face(
    client_a: Client, remote: Counted, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in a transaction, not for what has to be repeated, and not for ever."""
    monkeypatch.setattr(places, "_send", lambda ids, client, queue: None)
    stored = enrol(client_a, RED)
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:  # it has arrived
            RemoteCall.objects.update(status="done")

    monkeypatch.setattr("people.elsewhere.places.time.sleep", sleep)
    images, gallery = [stored.reference_image], stored.person.gallery
    places.wait_until_there(images, gallery)
    assert not waits

    class Outside:
        in_atomic_block = False

    monkeypatch.setattr("people.elsewhere.places.transaction.get_connection", lambda: Outside)
    settings.REMOTE_WAIT_SECONDS = 600
    places.wait_until_there(images, gallery)
    assert len(waits) == 3 and waits == sorted(waits)
    RemoteCall.objects.update(status="pending", next_try_at=timezone.now() + timedelta(hours=1))
    places.wait_until_there(images, gallery)
    RemoteCall.objects.update(next_try_at=timezone.now())
    settings.REMOTE_WAIT_SECONDS = 0
    places.wait_until_there(images, gallery)
    assert len(waits) == 3


def test_a_threshold_ends_with_its_back_end(client_a: Client, settings: Settings) -> None:
    """0.68 is a strict distance of embeddings, and a score of 32 at Rekognition."""
    settings.REMOTE_BACKENDS = [AWS]
    gallery = create_gallery(client=client_a, name="empty")
    update_gallery(gallery=gallery, changes={"threshold": 0.68})
    update_gallery(gallery=gallery, changes={"backend": AWS})
    assert Gallery.objects.get(pk=gallery.pk).threshold is None
    update_gallery(gallery=gallery, changes={"backend": "deepface", "threshold": 0.3})
    assert Gallery.objects.get(pk=gallery.pk).threshold == 0.3


def test_thresholds_of_scores_decide_nothing_here(client_a: Client, remote: Counted) -> None:
    gallery = enrol(client_a, RED).person.gallery
    usual = search_in(client=client_a, galleries=[gallery], beside=True).point.threshold
    gallery.threshold = 0.9
    gallery.save()
    assert search_in(client=client_a, galleries=[gallery], beside=True).point.threshold == usual


def test_photographs_enter_the_back_end_that_their_gallery_has_by_now(client_a: Client, remote: Counted) -> None:
    Client.objects.filter(pk=client_a.pk).update(backend="deepface")
    client_a.refresh_from_db()
    stored = enrol(client_a, RED)
    gallery = stored.person.gallery
    assert not gallery.is_remote
    Gallery.objects.update(backend=AWS)  # another transaction switches it meanwhile
    places.admit([stored.reference_image.pk], gallery)
    assert remote.calls == ["ensure", "add"]
