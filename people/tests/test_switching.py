"""Switching galleries to another space, going back, and forgetting the old one."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from django.db import connection, transaction
from pytest_django.fixtures import Settings

from blacklist.services import create_entry
from clients.models import Client
from faceapp.tests.rivals import Rival, wait_until_blocked
from people import respacing, services
from people.exceptions import PeopleAtRisk, RespaceInProgress, RespaceNotReady
from people.models import FaceTemplate, Gallery, GalleryKind, Respace
from people.tests.respaces import (
    computed,
    enrol,
    enrol_without_picture,
    lose_file,
    new_space,
    old_space,
    search,
    spaces_of,
    switched,
    templates,
)
from people.types import PersonAtRisk, RespaceState
from recognition.models import ProcessedImage
from recognition.services import process, screening_options, submit_images
from vision.exceptions import UnknownName
from vision.tests.drawing import BLUE, GREEN, RED, picture
from vision.types import Upload
from work.submissions import read_submission

pytestmark = pytest.mark.django_db


def put_back_in_time(respace: Respace) -> None:
    """As if searches from before the switch had ended long ago."""
    Respace.objects.filter(pk=respace.pk).update(switched_at="2020-01-01T00:00Z")


# ---- switching --------------------------------------------------------------------------------------------------
def test_all_galleries_of_a_client_are_switched_and_switched_back(client_a: Client, client_b: Client) -> None:
    enrol(client_a)
    enrol(client_a, GREEN, "u2", source="staff")
    create_entry(client=client_a, name="Listed", uploads=[Upload(picture(BLUE))])
    enrol(client_b)
    respace = computed(client_a)
    assert spaces_of(client_a) == {old_space()}
    respacing.switch(respace=respace)
    assert spaces_of(client_a) == {new_space()}
    assert spaces_of(client_b) == {old_space()}
    found = search(client_a, GREEN)
    assert (found.space, [one.person.external_id for one in found.matches]) == (new_space(), ["u2"])
    assert screening_options(client=client_a).engine == "second"
    later = enrol(client_a, GREEN, "u3", source="made after the switch").person.gallery
    assert (later.space, later.former_space) == (new_space(), old_space())
    FaceTemplate.objects.get(person__external_id="u3").delete()  # `enrol` makes templates of the old space only
    respace.refresh_from_db()
    respacing.switch_back(respace=respace)
    assert spaces_of(client_a) == {old_space()}
    assert (search(client_a, GREEN).space, screening_options(client=client_a).engine) == (old_space(), "default")
    respacing.switch(respace=respace)
    assert spaces_of(client_a) == {new_space()}


def test_thresholds_are_distances_of_the_space_in_which_they_were_set(client_a: Client) -> None:
    gallery = enrol(client_a).person.gallery
    services.update_gallery(gallery=gallery, changes={"threshold": 0.011})
    respace = computed(client_a)
    respacing.switch(respace=respace)
    gallery.refresh_from_db()
    assert gallery.threshold is None
    services.update_gallery(gallery=gallery, changes={"threshold": 0.3})
    respacing.switch_back(respace=respace)
    assert search(client_a, sources=[""]).threshold == 0.011
    respacing.switch(respace=respace)
    assert search(client_a, sources=[""]).threshold == 0.3


def test_nobody_is_lost_unless_the_caller_insists(client_a: Client) -> None:
    good, broken = enrol(client_a), enrol(client_a, GREEN, "u2", source="staff")
    unseen = enrol_without_picture(client_a)
    lose_file(broken)
    respace = computed(client_a)
    people = [
        PersonAtRisk(broken.person.number, "staff", respacing.NOT_EMBEDDED),
        PersonAtRisk(unseen.number, "default", respacing.NO_PHOTOGRAPH),
    ]
    assert (respacing.people_at_risk(respace), respacing.count_at_risk(respace)) == (people, 2)
    with pytest.raises(PeopleAtRisk, match="2 people") as refusal:
        respacing.switch(respace=respace)
    assert (refusal.value.people, refusal.value.code) == (people, "respace.people_at_risk")
    assert spaces_of(client_a) == {old_space()}
    assert respacing.switch(respace=respace, lose_people=True) == people
    respace.refresh_from_db()
    assert respacing.people_at_risk(respace) == people  # now lost
    assert search(client_a).matches[0].person == good.person
    assert not search(client_a, GREEN).matches
    put_back_in_time(respace)
    with pytest.raises(PeopleAtRisk):
        respacing.forget_old(respace=respace)
    respacing.switch_back(respace=respace)  # loses nobody
    assert search(client_a, GREEN).matches


def test_going_back_is_refused_where_it_would_lose_people(client_a: Client) -> None:
    image = enrol(client_a)
    respace = switched(client_a)
    image.face_templates.filter(space=old_space()).delete()  # as one enrolled after the old model was taken out
    with pytest.raises(PeopleAtRisk, match="1 person"):
        respacing.switch_back(respace=respace)
    assert spaces_of(client_a) == {new_space()}
    respacing.switch_back(respace=respace, lose_people=True)
    assert spaces_of(client_a) == {old_space()}


def test_a_client_without_anybody_is_switched_too(client_a: Client) -> None:
    respace = computed(client_a)
    assert respace.status == "ready"
    respacing.switch(respace=respace)
    assert Gallery.objects.named(client_a, "staff").space == new_space()
    assert Gallery.objects.default_of(client_a, GalleryKind.BLACKLIST).space == new_space()


def test_galleries_that_are_in_the_space_already_need_no_switch(client_a: Client) -> None:
    image = enrol(client_a)
    image.face_templates.all().delete()
    respace = respacing.start_respace(client=client_a, alias="default")
    assert (respace.status, respace.only_fill, templates(client_a)) == ("closed", True, [old_space()])


def test_galleries_from_before_say_the_space_of_their_templates(client_a: Client) -> None:
    """By the migration: the default one where there are such templates, or that of most."""
    enrol(client_a, source="old"), enrol(client_a, external_id="u2", source="both")
    enrol(client_a, external_id="u3", source="new")
    respacing.start_respace(client=client_a, alias="second", only_fill=True)
    FaceTemplate.objects.filter(gallery__name="new", space=old_space()).delete()
    FaceTemplate.objects.filter(gallery__name="old", space=new_space()).delete()
    Gallery.objects.named(client_a, "nobody")
    Gallery.objects.update(space="")
    with connection.cursor() as cursor:
        cursor.execute(import_module("people.migrations.0005_respaces").NAME_SPACES, [old_space()])
    assert dict(Gallery.objects.values_list("name", "space")) == {
        "old": old_space(), "both": old_space(), "new": new_space(), "nobody": "",
    }  # fmt: skip


# ---- steps at the wrong time ------------------------------------------------------------------------------------
def test_steps_come_in_their_order(client_a: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    enrol(client_a)
    with monkeypatch.context() as patch:
        patch.setattr(respacing, "enqueue", lambda *_, **__: None)
        respace = computed(client_a)
        assert respace.status == "computing"
        for step in (respacing.switch, respacing.switch_back, respacing.forget_old):
            with pytest.raises(RespaceNotReady):
                step(respace=respace, lose_people=True)  # type: ignore[operator]
        respacing.cancel_respace(respace=respace)
    assert respace.images.count() == 0
    respace = computed(client_a)
    respacing.switch(respace=respace)
    for step in (respacing.switch, respacing.cancel_respace):
        with pytest.raises(RespaceNotReady):
            step(respace=respace)  # type: ignore[operator]
    with pytest.raises(RespaceNotReady, match="Repeat it in"):
        respacing.forget_old(respace=respace)


def test_one_move_of_a_client_at_a_time(client_a: Client, client_b: Client, settings: Settings) -> None:
    settings.FACE_ENGINES = settings.FACE_ENGINES | {
        "third": {"BACKEND": "vision.engines.fake.FakeEngine", "OPTIONS": {"model": "Fake5", "dimensions": 5}}
    }
    computed(client_a)
    with pytest.raises(RespaceInProgress, match=new_space()):
        respacing.start_respace(client=client_a, alias="third")
    assert respacing.start_respace(client=client_b, alias="third").status == "ready"
    filled = respacing.start_respace(client=client_a, alias="third", only_fill=True)
    assert filled.status == "closed"
    assert spaces_of(client_a) == {old_space()}
    with pytest.raises(UnknownName):
        respacing.start_respace(client=client_a, alias="fourth")


def test_a_space_that_is_not_enabled_is_not_searched_in_silence(client_a: Client, settings: Settings) -> None:
    enrol(client_a)
    respace = switched(client_a)
    settings.FACE_ENGINES = {"default": settings.FACE_ENGINES["default"]}
    with pytest.raises(UnknownName, match="no longer enabled"):
        search(client_a)
    respacing.switch_back(respace=respace)
    assert search(client_a).matches
    with pytest.raises(UnknownName):
        respacing.switch(respace=respace)


# ---- forgetting -------------------------------------------------------------------------------------------------
def test_forgetting_deletes_the_old_templates_of_this_client(
    client_a: Client, client_b: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        enrol(client_a, external_id=f"u{number}")
    enrol(client_b)
    respace = switched(client_a)
    monkeypatch.setattr(respacing, "SLICE", 2)
    assert respacing.forget_old(respace=respace) == 3
    assert (templates(client_a), templates(client_b)) == ([new_space()] * 3, [old_space()])
    gallery = Gallery.objects.get(client=client_a)
    assert (gallery.space, gallery.former_space) == (new_space(), "")
    respace.refresh_from_db()
    assert respace.state == RespaceState.CLOSED
    with pytest.raises(RespaceNotReady):
        respacing.switch_back(respace=respace)
    assert respacing.start_respace(client=client_a, alias="default").status == "ready"  # and back, the long way


def test_screening_that_was_submitted_before_the_switch_is_decided_in_the_old_space(
    client_a: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_entry(client=client_a, name="Listed", uploads=[Upload(picture(RED))])
    respace = computed(client_a)
    monkeypatch.setattr("recognition.services.enqueue", lambda *_, **__: None)
    submissions = [read_submission(Upload(picture(RED), "a.png"))]
    job = submit_images(client=client_a, submissions=submissions, options=screening_options(client=client_a))
    respacing.switch(respace=respace)
    Respace.objects.update(switched_at="2100-01-01T00:00Z")
    monkeypatch.setattr(respacing, "FINISH_SECONDS", -(10**10))
    with pytest.raises(RespaceNotReady, match="Work from before"):
        respacing.forget_old(respace=respace)
    image = ProcessedImage.objects.get(job=job)
    process(image_ids=[image.pk], task_id="a")
    assert image.faces.get().matches.get().model == "Fake"
    assert respacing.forget_old(respace=respace) == 1


# ---- at the same time -------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_a_search_is_answered_from_one_space_while_the_client_is_switched(client_a: Client) -> None:
    enrol(client_a)
    enrol(client_a, GREEN, "u2", source="staff")
    respace = computed(client_a)

    def back_and_forth() -> None:
        for _ in range(10):
            respacing.switch(respace=respace)
            respacing.switch_back(respace=respace)

    rival, answers = Rival(back_and_forth), []
    while rival.is_alive():
        found = search(client_a, GREEN)
        answers.append(([one.person.external_id for one in found.matches], found.space in (old_space(), new_space())))
    rival.finish()
    assert answers and all(answer == (["u2"], True) for answer in answers)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "work",
    [
        lambda client: Gallery.objects.named(client, "staff"),
        lambda client: services.create_person(client=client, external_id="u9", source="staff"),
    ],
)
def test_a_gallery_that_is_made_during_the_switch_gets_the_new_space(
    client_a: Client, work: Callable[[Client], Any]
) -> None:
    enrol(client_a)
    respace = computed(client_a)
    with transaction.atomic():
        respacing.switch(respace=respace)
        rival = Rival(lambda: work(client_a))
        wait_until_blocked()
    rival.finish()
    assert Gallery.objects.get(name="staff").space == new_space()


@pytest.mark.django_db(transaction=True)
def test_the_switch_sees_who_is_being_enrolled(client_a: Client) -> None:
    enrol(client_a)
    respace = computed(client_a)
    with transaction.atomic():
        enrol_without_picture(client_a)
        rival = Rival(lambda: respacing.switch(respace=respace))
        wait_until_blocked()
    with pytest.raises(PeopleAtRisk):
        rival.finish()
    assert spaces_of(client_a) == {old_space()}
