"""Classifiers and people who are merged or split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clients.models import Client
from faceapp.reapplying import reapply
from people.models import Person, ReferenceImage
from people.services import erase_person, merge_persons, split_person
from training import services
from training.models import Recogniser
from training.network import Network
from training.tests.test_services import ask, by_hand, gallery, prototypes  # noqa: F401  two are fixtures
from work.models import Status

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("is_merged", [True, False])
def test_who_is_merged_or_split_takes_the_classifiers_along(
    client_a: Client,
    gallery: dict[str, Person],  # noqa: F811
    redis_flush: None,
    is_merged: bool,
) -> None:
    old, person = ask(client_a), gallery["blue"]
    if is_merged:
        merge_persons(person=gallery["red"], other=person)
    else:
        split_person(person=person, images=[person.reference_images.all()[0].number], name="other")
    assert not Recogniser.objects.filter(uuid=old.uuid)
    assert Recogniser.objects.exists()


@pytest.mark.parametrize("how", ["merged", "split", "trained again"])
def test_a_backup_does_not_bring_back_what_had_learned_from_who_is_erased(
    client_a: Client,
    gallery: dict[str, Person],  # noqa: F811
    redis_flush: None,
    as_owner: None,
    tmp_path: Path,
    how: str,
) -> None:
    old, person = ask(client_a), gallery["blue"]
    known, photographs = list(old.known.all()), list(person.reference_images.all())
    people = list(Person.objects.all())
    if how == "merged":
        merge_persons(person=person, other=gallery["red"])
    elif how == "split":
        split_person(person=person, images=[photographs[0].number], name="other")
    else:
        Recogniser.objects.filter(pk=old.pk).delete()  # as the newest few versions replace the others
    erase_person(person=person)

    Recogniser.objects.filter(version=old.version).delete()  # the backup: everything as it was
    ReferenceImage.objects.filter(pk__in=[photograph.pk for photograph in photographs]).delete()
    for row in (*(one for one in people if not Person.objects.filter(pk=one.pk).exists()), old, *photographs, *known):
        row.save(force_insert=True)
    assert reapply(file=tmp_path / "none").erased["recognisers"] == 1
    assert not Recogniser.objects.filter(uuid=old.uuid)


def test_what_was_learned_of_a_photograph_that_moved_meanwhile_is_not_stored(
    client_a: Client,
    gallery: dict[str, Person],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    redis_flush: None,
) -> None:
    blue, green = gallery["blue"], gallery["green"]
    others = [green]

    def merging(**parts: Any) -> Network:
        if others:
            image = blue.reference_images.all()[0].number
            merge_persons(person=others.pop(), other=split_person(person=blue, images=[image]))
        return prototypes(**parts)

    monkeypatch.setattr(services, "fit", merging)
    version = ask(client_a)
    marks = {known.person_id: known.mark.partition(":")[0] for known in version.known.all()}
    counts = {person.pk: str(person.reference_images.count()) for person in gallery.values()}
    assert version.status == Status.DONE and marks == {pk: counts[pk] for pk in marks} and blue.pk in marks
