"""What is shown of people: a face with a name, pairs of them, and photographs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from calibration.types import Comparison
from clients.models import Client
from console.try_it.answers import Nearest
from console.try_it.words import verdict
from people.models import GalleryKind, LookAlikes, Person, ReferenceImage
from people.querysets import PersonQuerySet


def people_of(client: Client) -> PersonQuerySet:
    """People with their gallery, how many `photographs` they have, and the uuid of their `portrait`."""
    own = ReferenceImage.objects.filter(person=OuterRef("pk"))
    count = own.order_by().values("person").annotate(counted=Count("pk")).values("counted")
    return (
        Person.objects.of_client(client)
        .of_kind(GalleryKind.PEOPLE)
        .select_related("client", "gallery")
        .annotate(
            photographs=Coalesce(Subquery(count), 0),
            portrait=Subquery(own.with_file().primary_first().values("uuid")[:1]),
        )
    )


def name_of(person: Person) -> str:
    return person.name or person.external_id or _("Person %(number)s") % {"number": person.number}


@dataclass(frozen=True)
class Face:
    """A person of `people_of` in a grid."""

    person: Any

    @property
    def name(self) -> str:
        return name_of(self.person)

    @property
    def url(self) -> str:
        return reverse("console:person", args=[self.person.number])

    @property
    def picture(self) -> str:
        return reverse("console:photograph", args=[self.person.portrait]) if self.person.portrait else ""

    @property
    def photographs(self) -> str:
        count = self.person.photographs
        return ngettext("%(count)s photograph", "%(count)s photographs", count) % {"count": count}


@dataclass(frozen=True)
class Side:
    """A person of a pair, with the photograph that is nearest to the other."""

    person: Person
    image: ReferenceImage

    @property
    def name(self) -> str:
        return name_of(self.person)

    @property
    def picture(self) -> str:
        return reverse("console:portrait", args=[self.image.uuid]) if self.image.image else ""


@dataclass(frozen=True)
class Pair:
    """Two people who may be one, and how near they are in a comparison of two."""

    row: LookAlikes
    compared: Comparison

    @cached_property
    def sides(self) -> list[Side]:
        return [Side(self.row.person, self.row.image), Side(self.row.other, self.row.other_image)]

    @property
    def nearest(self) -> Nearest:
        return Nearest.of(self.compared, name=self.sides[1].name)

    @property
    def verdict(self) -> str:
        return verdict(self.compared.decision)

    def other_than(self, person: Person) -> Side:
        return next(side for side in self.sides if side.person.pk != person.pk)
