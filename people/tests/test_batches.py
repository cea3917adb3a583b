"""Many photographs of one person in one step: all that can be used, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from clients.models import Client
from people import services
from people.models import FaceTemplate, Person, ReferenceImage
from people.types import EnrolmentRules, Whom
from vision import dispatch, inference
from vision.exceptions import EngineUnavailable
from vision.tests.drawing import GREEN, RED, picture
from vision.types import Upload

pytestmark = pytest.mark.django_db

GOOD, NOBODY, TWO = (Upload(picture(*colours)) for colours in ((RED,), (), (RED, GREEN)))


def enrol(client: Client, *uploads: Upload, **options: Any) -> Any:
    rules = EnrolmentRules(replace=options.pop("replace", False))
    whom = Whom(external_id="7", source="staff")
    return services.enrol_photographs(client=client, uploads=uploads, whom=whom, rules=rules, **options)


def test_what_cannot_be_used_is_refused_alone_and_in_order(client_a: Client) -> None:
    done = enrol(client_a, NOBODY, GOOD, Upload(b"no image", "x"), GOOD, TWO)
    assert (done.usable, done.person) == (2, Person.objects.get())
    assert [refusal.code for refusal in done.refusals] == ["face.none", "image.not_an_image", "face.several"]
    assert ReferenceImage.objects.count() == 2
    assert set(FaceTemplate.objects.values_list("gallery__name", flat=True)) == {"staff"}


def test_too_few_store_nothing(client_a: Client, media_root: Path) -> None:
    done = enrol(client_a, GOOD, NOBODY, fewest=2)
    assert (done.usable, done.person) == (1, None)
    assert not Person.objects.exists()
    assert not [path for path in media_root.rglob("*") if path.is_file()]


def test_replacing_leaves_the_new_photographs_only(client_a: Client, media_root: Path) -> None:
    enrol(client_a, GOOD, GOOD, GOOD)
    enrol(client_a, Upload(picture(GREEN)), replace=True)
    enrol(client_a, Upload(picture(GREEN)))
    assert ReferenceImage.objects.count() == len([path for path in media_root.rglob("*") if path.is_file()]) == 2
    assert Person.objects.count() == 1


def test_an_image_that_stopped_its_worker_is_refused_and_an_absent_worker_is_reported(
    client_a: Client, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    analyse, code = inference.analyse, "engine.worker_lost"

    def fails(data: bytes, *args: Any, **options: Any) -> Any:
        assert options["queue"] == dispatch.PATIENT  # behind callers with one image
        if data == NOBODY.data:
            raise EngineUnavailable("It stopped.", code=code)
        return analyse(data, *args, **options)

    monkeypatch.setattr(inference, "analyse", fails)
    done = enrol(client_a, GOOD, NOBODY)
    assert (done.usable, [refusal.code for refusal in done.refusals]) == (1, [code])
    code = "engine.timeout"
    with pytest.raises(EngineUnavailable):
        enrol(client_a, GOOD, NOBODY)
    assert inference.AT_ONCE > 1
