"""Computing the templates of another space while the old one decides."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from clients.models import Client
from faceapp.tests.rivals import Rival
from people import respacing, services
from people.models import FaceTemplate, ReferenceImage, Respace, RespacedImage
from people.persons import lock_person
from people.tasks import tend_respaces
from people.tests.respaces import (
    computed,
    enrol,
    lose_file,
    new_space,
    old_space,
    replace_file,
    search,
    templates,
)
from people.types import AdoptedFace, Whom
from vectors.stored import Rotated, from_store
from vision.tests.drawing import BLUE, GREEN, RED, picture
from vision.types import Box, Upload
from walls.current import showing
from work import services as work
from work.models import Status

pytestmark = pytest.mark.django_db


@pytest.fixture
def queued(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ids of rows that were sent to workers, none of which answers."""
    sent: list[int] = []
    monkeypatch.setattr(respacing, "enqueue", lambda kind, *, ids, **_: sent.extend(ids))
    settings.RESPACE_AT_ONCE = 2
    return sent


def embedding_of(image: ReferenceImage) -> list[float]:
    """In the new space, as the engine gave it."""
    stored = image.face_templates.get(space=new_space())
    return from_store(stored.embedding, client_id=stored.client_id, space=stored.space).tolist()  # type: ignore[no-any-return]


# ---- computing --------------------------------------------------------------------------------------------------
def test_computes_only_what_is_missing_and_changes_no_decision(client_a: Client, client_b: Client) -> None:
    lacking, theirs = enrol(client_a), enrol(client_b)
    whole = enrol(client_a, GREEN, "u2")
    kept = FaceTemplate.objects.create(
        client=client_a, gallery=lacking.person.gallery, person=whole.person, reference_image=whole, space=new_space(),
        embedding=Rotated.of([0.5] * 8),
    )  # fmt: skip
    respace = computed(client_a)
    assert (respace.status, respacing.progress_of(respace)) == ("ready", respacing.RespaceProgress(2, 2, 0))
    assert whole.face_templates.get(space=new_space()) == kept
    assert embedding_of(lacking) == pytest.approx([220 / 255, 20 / 255, 20 / 255, 1, 1, 1, 1, 1], abs=5e-3)
    assert not theirs.face_templates.filter(space=new_space()).exists()
    assert search(client_a).space == old_space()
    assert not RespacedImage.objects.exists()  # what succeeded leaves no row


def test_a_photograph_that_fails_is_listed_keeps_its_template_and_is_tried_again(client_a: Client) -> None:
    lost, empty, good = enrol(client_a), enrol(client_a, GREEN, "u2"), enrol(client_a, BLUE, "u3")
    lose_file(lost)
    replace_file(empty, picture())
    respace = computed(client_a)
    assert respacing.progress_of(respace) == respacing.RespaceProgress(3, 1, 2)
    codes = respace.images.order_by("pk").values_list("reference_image", "status", "error_code")
    assert list(codes) == [(lost.pk, Status.FAILED, "image.gone"), (empty.pk, Status.FAILED, "face.none")]
    assert lost.face_templates.get().space == old_space()
    assert search(client_a).matches
    replace_file(empty, picture(GREEN))
    assert computed(client_a) == respace
    assert respacing.progress_of(respace) == respacing.RespaceProgress(3, 2, 1)
    assert good.face_templates.count() == 2


def test_the_face_that_was_enrolled_is_embedded_whoever_else_is_on_the_photograph(client_a: Client) -> None:
    image = enrol(client_a)
    replace_file(image, picture(RED, GREEN))
    computed(client_a)
    assert embedding_of(image)[0] == pytest.approx(220 / 255, abs=5e-3)
    image.face_templates.filter(space=new_space()).delete()
    ReferenceImage.objects.filter(pk=image.pk).update(box_x=400)  # where no face is
    respace = computed(client_a)
    assert respace.images.get().error_code == "face.none"


def test_as_many_photographs_as_allowed_are_in_work_at_once(client_a: Client, queued: list[int]) -> None:
    for number in range(5):
        enrol(client_a, external_id=f"u{number}")
    respace = computed(client_a)
    assert (len(queued), respace.status) == (2, "computing")
    computed(client_a)
    tend_respaces()
    assert len(queued) == 2
    respacing.embed_images(image_ids=[queued[0]], task_id="a")
    respacing.embed_images(image_ids=[queued[0]], task_id="b")  # delivered twice
    assert len(queued) == 3
    for row in [1, 2, 3, 4]:
        respacing.embed_images(image_ids=[queued[row]], task_id="a")
    respace.refresh_from_db()
    assert (len(queued), respace.status, templates(client_a)) == (
        5, "ready", sorted([old_space(), new_space()] * 5)
    )  # fmt: skip


def test_each_message_names_the_client_whose_photograph_it_is(
    client_a: Client, client_b: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker sees the rows of that client alone, and gives out the photographs of every client."""
    sent: list[int] = []
    monkeypatch.setattr(respacing, "enqueue", lambda kind, *, client, **_: sent.append(client))
    settings.RESPACE_AT_ONCE = 1
    for client in (client_a, client_b):
        enrol(client)
        computed(client)
    with showing(client_a.pk):
        respacing.embed_images(image_ids=[RespacedImage.objects.get().pk], task_id="a")
    assert sent == [client_a.pk, client_b.pk]


@pytest.mark.usefixtures("redis_flush")
def test_a_photograph_whose_worker_died_is_swept_up(client_a: Client, queued: list[int], settings: Settings) -> None:
    enrol(client_a)
    respace = computed(client_a)
    assert RespacedImage.objects.claim([queued[0]], task_id="dead")
    tend_respaces()
    assert len(queued) == 1
    settings.CELERY_TASK_TIME_LIMIT = settings.SWEEP_SECONDS = -20
    work.sweep()
    respace.refresh_from_db()
    assert (respace.status, templates(client_a)) == ("ready", sorted([new_space(), old_space()]))


def test_who_is_erased_meanwhile_leaves_nothing(
    client_a: Client, queued: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    image = enrol(client_a)
    respace = computed(client_a)
    real = respacing.face_at

    def erased(*args: Any) -> Any:
        services.erase_person(person=image.person)
        return real(*args)

    monkeypatch.setattr(respacing, "face_at", erased)
    respacing.embed_images(image_ids=[queued[0]], task_id="a")
    respace.refresh_from_db()
    assert (respace.status, templates(client_a), RespacedImage.objects.count()) == ("ready", [], 0)


def test_a_photograph_that_moved_meanwhile_gets_its_template_where_it_is_now(
    client_a: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, other = enrol(client_a), services.create_person(client=client_a, name="other")
    real = respacing.face_at

    def merging(*args: Any) -> Any:
        services.merge_persons(person=other, other=image.person)
        return real(*args)

    monkeypatch.setattr(respacing, "face_at", merging)
    respace = computed(client_a)
    assert {template.person for template in FaceTemplate.objects.in_space(new_space())} == {other}
    assert respace.images.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_photograph_that_is_being_erased_is_not_given_out(client_a: Client, queued: list[int]) -> None:
    """The erasure has looked for rows that refer to the photograph already, and would fail because of a new one."""
    image = enrol(client_a)
    with transaction.atomic():
        lock_person(image.person_id, to_erase=True)
        rival = Rival(lambda: computed(client_a))
        rival.finish()
        services.erase_person(person=image.person)
    assert (queued, Respace.objects.get().status) == ([], "computing")
    tend_respaces()
    assert Respace.objects.get().status == "ready"


def test_erasure_removes_the_templates_of_both_spaces(client_a: Client) -> None:
    image = enrol(client_a)
    computed(client_a)
    assert services.erase_person(person=image.person).count("templates") == 2
    assert templates(client_a) == []


def test_photographs_that_come_in_later_get_templates_as_well(client_a: Client) -> None:
    respace = computed(client_a)
    assert respace.status == "ready"
    services.enrol_face(client=client_a, upload=Upload(picture(RED)), whom=Whom(external_id="u1"))
    assert templates(client_a) == sorted([new_space(), old_space()])  # enrolments write every enabled space
    person = services.create_person(client=client_a, name="of an album")
    blue = Rotated.of([0.0, 0.0, 1.0, 1.0])
    face = AdoptedFace(Box(20, 20, 40, 40), 80, 80, 1.0, {}, old_space(), blue, picture(BLUE))
    services.adopt_face(person=person, face=face)
    assert respacing.count_at_risk(respace) == 1
    tend_respaces()
    respace.refresh_from_db()
    assert (respace.status, respacing.count_at_risk(respace)) == ("ready", 0)
