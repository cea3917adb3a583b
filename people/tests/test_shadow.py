"""Searches that are decided in the old space and, later and out of sight, in the new one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from calibration.services import set_calibration
from clients.models import Client
from people import respacing, services, shadow, shadow_decisions
from people.models import FaceTemplate, Respace, ShadowDifference
from people.tests.respaces import computed, enrol, search
from people.types import Probe, SourcedImage
from recognition.services import screening_options, submit_images
from training.services import recognise
from vectors.stored import to_store
from vision.dispatch import handoff
from vision.tests.drawing import BLUE, GREEN, RED, picture
from vision.types import Upload
from work.submissions import read_submission

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flush")]
NEARLY_RED = (220, 30, 30)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every image gets its turn."""
    monkeypatch.setattr(shadow_decisions, "PAUSE_SECONDS", 0)


@pytest.fixture
def ready(client_a: Client) -> Respace:
    """One person, and a new space that is stricter than the old one."""
    enrol(client_a)
    set_calibration(client=client_a, space="second", threshold=0.001)
    return computed(client_a)


def counts(respace: Respace) -> tuple[int, int, int, int]:
    respace.refresh_from_db()
    return respace.compared, respace.lost_matches, respace.new_matches, respace.other_matches


def test_differing_decisions_are_counted_and_listed_by_ids(client_a: Client, ready: Respace) -> None:
    assert search(client_a, RED).matches
    assert counts(ready) == (1, 0, 0, 0)
    assert search(client_a, NEARLY_RED, faces="all").matches
    assert search(client_a, BLUE).matches == ()
    assert counts(ready) == (3, 1, 0, 0)
    row = ready.differences.get()
    person = FaceTemplate.objects.first().person  # type: ignore[union-attr]
    assert (row.before, row.after) == (person, None)
    assert row.before_similarity is not None and row.after_similarity is not None
    assert row.before_similarity > 0.7 > row.after_similarity


def test_who_would_be_found_anew_or_instead_is_counted_too(client_a: Client, ready: Respace) -> None:
    image = enrol(client_a, GREEN, "u2")
    respacing.tend_respaces()
    set_calibration(client=client_a, space="second", threshold=0.2)
    set_calibration(client=client_a, space="default", threshold=0.001)
    search(client_a, NEARLY_RED)
    assert counts(ready) == (1, 0, 1, 0)
    FaceTemplate.objects.filter(space="fake-fake-4").exclude(person=image.person).delete()
    nearly = to_store(
        np.array([220 / 255, 30 / 255, 30 / 255, 1], np.float32), client_id=client_a.pk, space="fake-fake-4"
    )
    FaceTemplate.objects.filter(space="fake-fake-4").update(embedding=nearly)
    search(client_a, NEARLY_RED)
    assert counts(ready) == (2, 0, 1, 1)


def test_every_kind_of_search_is_compared(client_a: Client, ready: Respace) -> None:
    person = ready.client.people.get()
    services.verify_person(person=person, data=picture(RED))
    services.search_each(client=client_a, images=[SourcedImage(picture(RED), "")])
    recognise(client=client_a, source="", data=picture(RED))
    assert counts(ready) == (3, 0, 0, 0)
    submissions = [read_submission(Upload(picture(RED), "a.png"))]
    submit_images(client=client_a, submissions=submissions, options=screening_options(client=client_a))
    assert counts(ready) == (3, 0, 0, 0)  # there is no blacklist to search


def test_only_the_faces_that_were_searched_are_compared(client_a: Client, ready: Respace) -> None:
    search(client_a, RED, BLUE, faces="largest")
    assert counts(ready)[0] == 1
    search(client_a, RED, BLUE, faces="all")
    assert counts(ready)[0] == 3


def test_callers_who_chose_threshold_or_embedding_are_left_alone(client_a: Client, ready: Respace) -> None:
    search(client_a, RED, threshold=0.1)
    search(client_a, RED, alias="second")
    services.search_people(client=client_a, probe=Probe(embeddings=[np.ones(4, np.float32)]))
    assert counts(ready) == (0, 0, 0, 0)


def test_nothing_is_compared_before_the_space_is_complete_or_after_the_switch(
    client_a: Client, client_b: Client, ready: Respace
) -> None:
    enrol(client_b)
    search(client_b)
    Respace.objects.update(computed_at=None)
    search(client_a)
    respacing.start_respace(client=client_a, alias="second")
    respacing.switch(respace=ready)
    search(client_a)
    assert counts(ready) == (0, 0, 0, 0)


def test_one_image_at_a_time(client_a: Client, ready: Respace, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(shadow, "_send", lambda *arguments: sent.append(arguments))
    for _ in range(3):
        search(client_a)
    assert len(sent) == 1
    assert 0 < handoff().ttl(shadow.turn_of(ready.pk)) <= shadow.SECONDS


def test_a_queue_that_does_not_answer_is_not_the_callers_trouble(
    client_a: Client, ready: Respace, monkeypatch: pytest.MonkeyPatch
) -> None:
    import redis

    def away(*_: Any, **__: Any) -> None:
        raise redis.ConnectionError

    monkeypatch.setattr(shadow, "handoff", away)
    assert search(client_a).matches


def test_images_wait_for_a_moment_only_and_are_used_once(client_a: Client, ready: Respace) -> None:
    handoff().set("faceapp:image:x", picture(RED))
    gallery = client_a.galleries.get().pk
    for _ in range(2):
        shadow_decisions.compare_probe(respace_id=ready.pk, gallery_ids=[gallery], faces="all", key="faceapp:image:x")
    assert counts(ready)[0] == 1
    handoff().set("faceapp:image:x", b"no image")
    shadow_decisions.compare_probe(respace_id=ready.pk, gallery_ids=[gallery], faces="all", key="faceapp:image:x")
    assert counts(ready)[0] == 1
    assert not handoff().exists("faceapp:image:x")


def test_the_list_is_bounded_and_forgets_who_is_erased(
    client_a: Client, ready: Respace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadow_decisions, "MOST_KEPT", 2)
    for _ in range(4):
        search(client_a, NEARLY_RED)
    assert (counts(ready), ready.differences.count()) == ((4, 4, 0, 0), 2)
    services.erase_person(person=client_a.people.get())
    assert not ShadowDifference.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_who_is_erased_while_it_is_recorded_is_not(
    client_a: Client, ready: Respace, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shadow_decisions._record

    def after_an_erasure(*arguments: Any) -> None:
        services.erase_person(person=client_a.people.get())
        real(*arguments)

    monkeypatch.setattr(shadow_decisions, "_record", after_an_erasure)
    search(client_a, NEARLY_RED)
    assert (counts(ready), ShadowDifference.objects.count()) == ((0, 0, 0, 0), 0)
