"""Galleries: which ones a call means, at which operating point each is searched, and their management."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from audit.services import record
from audit.types import Action, Searched
from calibration.services import how_many, operating_points
from calibration.types import Comparison, OperatingPoint, Rules, Targets, with_margins
from clients.models import Client, Counter
from errors.text import is_storable
from people.exceptions import (
    BackendInUse,
    GalleryIsDefault,
    GalleryNameTaken,
    GalleryNotEmpty,
    GalleryNotFound,
    NoEmbeddingsThere,
    UnusableValue,
)
from people.models import FaceTemplate, Gallery, GalleryKind, Person, ReferenceImage, SearchIndex
from people.neighbours import SearchedTemplates
from people.persons import checked
from people.querysets import FaceTemplateQuerySet
from people.types import Neighbour
from remote.registry import OURS, is_allowed, label_of
from vectors.stored import Rotated, to_store
from vision.engines import DEFAULT, engines
from vision.types import Embedding, Space


@dataclass(frozen=True)
class SearchedGalleries:
    """Galleries of one client that are searched together: in which space, and at which operating points.

    `points` has each gallery's own, by its id. `point` stands for all of them: it is the gallery's own if there is
    just one, otherwise the client's.
    """

    client: Client
    alias: str  # of the engine whose space decides
    point: OperatingPoint
    points: Mapping[int, OperatingPoint]
    people: int | None = None  # whom they hold; None for a comparison with one person

    @property
    def space(self) -> Space:
        return engines[self.alias].space

    @property
    def templates(self) -> FaceTemplateQuerySet:
        """The templates to search; an index leads to those of the client, the space and the galleries."""
        return self._of_client.in_galleries(self.points)

    def neighbourhood(self, but: Person | None = None) -> SearchedTemplates:
        """The same without those of the person `but`, to be searched by the indexes of galleries that have one."""
        templates = self._of_client if but is None else self._of_client.exclude(person=but)
        indexed = {index.gallery_id for index in self._indexes}
        compared = templates.in_galleries(gallery for gallery in self.points if gallery not in indexed)
        return SearchedTemplates(templates, compared, self._indexes, self.point.metric)

    def rotated(self, embedding: Embedding) -> Rotated:
        """As the client's templates are stored, to be searched for."""
        return to_store(embedding, client_id=self.client.pk, space=self.space.name)

    @property
    def audited(self) -> Searched:
        """What the audit says of a search in them."""
        galleries = tuple(sorted(self.points))
        photographs = Counter.objects.last_number(self.client.pk, ReferenceImage.counted_as)
        version = sha256(f"{galleries} {self.people} {photographs}".encode()).hexdigest()[:16]
        return Searched(galleries, self.people, version, self.space.name, self.point.threshold)

    @property
    def _of_client(self) -> FaceTemplateQuerySet:
        return FaceTemplate.objects.of_client(self.client).in_space(self.space.name)

    @cached_property
    def _indexes(self) -> list[SearchIndex]:
        usable = SearchIndex.objects.usable(
            client=self.client, kind=GalleryKind.PEOPLE, space=self.space.name, metric=self.point.metric
        )
        return [index for index in usable if index.gallery_id in self.points]

    def compare(self, near: Sequence[Neighbour]) -> list[Comparison]:
        """Rival candidates, each at the operating point of its own gallery, with its margin to the best other one."""
        return with_margins(self.points[one.gallery_id].compare([one.distance])[0] for one in near)


def search_in(
    *,
    client: Client,
    galleries: Sequence[Gallery],
    threshold: float | None = None,
    alias: str | None = None,
    metric: str | None = None,
    one_to_one: bool = False,
    beside: bool = False,
) -> SearchedGalleries:
    """Prepare a search. `threshold` decides everywhere; None leaves it to each gallery's operating point.

    The operating points are those among all people of these galleries as they are now, or, `one_to_one`, those of a
    comparison with a single person. The space that decides in all of these galleries is searched, or the default one if
    they differ; `alias` names another. Raises `UnknownName` (`engine.disabled`) rather than to look for people in a
    space where they are not.

    What is kept here beside a remote gallery decides about nobody: its service does (`people.elsewhere.asking`). Raises
    `NoEmbeddingsThere` for such a gallery unless a caller who only gives hints asks for `beside`.
    """
    elsewhere = next((gallery for gallery in galleries if gallery.is_remote), None)
    if elsewhere and not beside:
        label = label_of(elsewhere.backend)
        raise NoEmbeddingsThere(f"{label} keeps this gallery, and compares pictures only: this call needs embeddings.")
    alias = alias or _alias_for(galleries)
    space = engines[alias].space
    people = 1 if one_to_one else people_in([gallery.pk for gallery in galleries])
    rules = {gallery.pk: _rules(gallery, space) for gallery in galleries}
    point, points = operating_points(
        client=client, space=space, galleries=rules, metric=metric, threshold=threshold, people=people
    )
    decisive = points[galleries[0].pk] if len(galleries) == 1 else point
    return SearchedGalleries(client, alias, decisive, points, None if one_to_one else people)


def people_in(gallery_ids: Sequence[int]) -> int:
    """How many people these galleries hold now, with a face or without; see `calibration.counting`."""
    return how_many(("people", *sorted(gallery_ids)), lambda: Person.objects.count_in(gallery_ids))


def _alias_for(galleries: Sequence[Gallery]) -> str:
    """The engine whose space decides in all of these galleries. Raises `UnknownName` (`engine.disabled`)."""
    names = {gallery.space or engines[DEFAULT].space.name for gallery in galleries}
    return engines.alias_of_space(names.pop()) if len(names) == 1 else DEFAULT


def _rules(gallery: Gallery, space: Space) -> Rules:
    """What the gallery has of its own in a search of this space: its threshold holds in its own space only.

    That of a remote gallery is a distance by the service's scores, and holds in no space of ours.
    """
    is_own = not gallery.is_remote and (gallery.space or engines[DEFAULT].space.name) == space.name
    return Rules(gallery.threshold if is_own else None, Targets.of(gallery))


def galleries_called(*, client: Client, sources: Sequence[str] | None) -> list[Gallery]:
    """The galleries of people with these names, an empty one for the default gallery; None for all of them."""
    galleries = Gallery.objects.of_client(client).of_kind(GalleryKind.PEOPLE)
    return list(galleries if sources is None else galleries.called([name for name in sources if is_storable(name)]))


# ---- looking after galleries ------------------------------------------------------------------------------------
def get_gallery(*, client: Client, name: str, kind: str | None = None) -> Gallery:
    """The gallery with this name and kind; without a kind, rather one of people. Raises `GalleryNotFound`."""
    kinds = [one for one in GalleryKind if kind in (None, one)]
    named = Gallery.objects.of_client(client).filter(name=name, kind__in=kinds).described()
    found = named.order_by("-kind").first() if is_storable(name) else None
    if found is None:
        raise GalleryNotFound("Gallery not found")
    return found


@transaction.atomic
def create_gallery(*, client: Client, name: str) -> Gallery:
    """A new gallery of people. Of two callers who make one at the same time, one gets it.

    Raises `GalleryNameTaken` or `UnusableValue`.
    """
    checked({"source": name})
    Client.objects.select_for_update(no_key=True).get(pk=client.pk)
    if galleries_called(client=client, sources=[name]):
        raise GalleryNameTaken("A gallery with this name exists already.")
    gallery = Gallery.objects.named(client, name)
    _record(Action.CREATE, gallery)
    return gallery


@transaction.atomic
def update_gallery(*, gallery: Gallery, changes: Mapping[str, Any]) -> Gallery:
    """Change `name`, `threshold`, `two_person_review`, `backend` or targets (None: the client's).

    A default gallery stays the default under any name. Its threshold, a distance of one back end, ends with that.
    Raises `GalleryNameTaken`, `UnusableValue`, or `BackendInUse` for another back end where there are people.
    """
    checked({"source": changes.get("name")})
    threshold = changes.get("threshold")
    if threshold is not None and not (math.isfinite(threshold) and threshold > 0):
        raise UnusableValue("The threshold must be a finite number greater than 0.")
    if changes.get("two_person_review") and gallery.kind != GalleryKind.BLACKLIST:
        raise UnusableValue("Only hits of a blacklist are judged: name the gallery with kind=blacklist.")
    if changes.get("backend", gallery.backend) != gallery.backend:
        _require_movable(gallery, changes["backend"])
        changes = {"threshold": None, **changes}
    for field, value in changes.items():
        setattr(gallery, field, value)
    try:
        gallery.clean_fields(exclude=[field.name for field in Gallery._meta.fields if field.name not in changes])
    except ValidationError as error:
        raise UnusableValue(" ".join(error.messages)) from error
    try:
        with transaction.atomic():
            gallery.save(update_fields=[*changes])
            _record(Action.SETTINGS_CHANGED, gallery, *(f"setting:{field}" for field in changes))
    except IntegrityError as error:
        if "gallery_name_unique" not in str(error):
            raise
        raise GalleryNameTaken("A gallery with this name exists already.") from error
    return gallery


def _require_movable(gallery: Gallery, backend: str) -> None:
    list(Gallery.objects.select_for_update().filter(pk=gallery.pk).values_list("pk"))  # nobody is being put into it
    if Person.objects.filter(gallery=gallery).exists():
        raise BackendInUse("The gallery holds people. An administrator moves them: manage.py respace --to-backend.")
    if backend != OURS and not is_allowed(backend):
        raise UnusableValue(f"This deployment does not allow {label_of(backend)}: see FACEAPP_REMOTE_BACKENDS.")


@transaction.atomic
def delete_gallery(*, gallery: Gallery) -> None:
    """Remove an empty gallery. Raises `GalleryIsDefault`, `GalleryNotEmpty`, or `GalleryNotFound` if it is gone."""
    stored = Gallery.objects.select_for_update().filter(pk=gallery.pk).first()
    if stored is None:
        raise GalleryNotFound("Gallery not found")
    if stored.is_default:
        raise GalleryIsDefault("A default gallery cannot be deleted.")
    if Person.objects.filter(gallery=stored).exists():
        raise GalleryNotEmpty("The gallery still holds people. Erase them or move them to another one first.")
    stored.delete()
    _record(Action.ERASE, gallery)


def _record(action: Action, gallery: Gallery, *others: str) -> None:
    record(action, client_id=gallery.client_id, objects=[f"gallery:{gallery.pk}", *others])
