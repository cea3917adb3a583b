"""What classifiers keep of people who are erased: weights retain something of everyone they were trained with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from functools import partial

from django.db import transaction

from audit import receipts
from people.models import Person
from people.types import Held, Leaving, Subject, Taken
from training.models import Recogniser
from training.services import request_training


def locked_before(people: Sequence[Person], spaces: Collection[str]) -> None:
    """Nothing: a training that ends locks people before recognisers, as erasures do."""


def forget(leaving: Leaving) -> Taken:
    """Erase every version that learned from the person, and have the gallery trained again.

    One that is still being trained is not stored (`are_still_there`).
    """
    known = Recogniser.objects.knowing(leaving.person)
    versions = list(known.without_weights().select_related("client", "gallery"))
    Recogniser.objects.filter(pk__in=[version.pk for version in versions]).delete()
    for client, source in {(version.client, version.source) for version in versions}:
        train = partial(request_training, client=client, source=source, by_itself=True)
        transaction.on_commit(train, robust=True)
    names = [receipts.hashed("recogniser", version.uuid) for version in versions]
    return Taken(counts=Counter(recognisers=len(versions)), objects=names)


def hand_over(person: Person, to: Person) -> None:
    """Nothing: `forget` has dropped what learned from either."""


def again(wanted: frozenset[str]) -> Counter[str]:
    """Erase what receipts name and a restored backup has brought back."""
    found = receipts.named("recogniser", Recogniser.objects.all(), "uuid", wanted=wanted)
    Recogniser.objects.filter(pk__in=found).delete()
    return Counter(recognisers=len(found))


def held(subject: Subject) -> Held:
    """Versions that learned from the person."""
    known = Recogniser.objects.filter(known__person=subject.person) if subject.person else Recogniser.objects.none()
    versions = known.without_weights().select_related("gallery").order_by("number")
    rows = [
        {"id": one.number, "source": one.source, "version": one.version, "is_active": one.is_active} for one in versions
    ]
    return Held("recognisers", rows)
