"""Searches and comparisons that a remote service makes, and what its scores mean here.

A score becomes a distance, 1 minus its share of the largest score, and by `remote.scores` a similarity. No rate of
false alarms goes with either: operating points here have none.

Web processes do not call the service themselves: a worker does, while they wait as they do for an image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.conf import settings

from audit.types import Searched
from calibration.types import Comparison, OperatingPoint, with_margins
from clients.models import Client, Counter
from people.elsewhere.crops import crop_for, portrait_of
from people.elsewhere.rows import Operation, RemoteCall, RemoteCollection
from people.exceptions import NoTemplate
from people.models import Gallery, Person, ReferenceImage
from people.types import Candidate, Neighbour
from remote import registry
from remote.contract import Abilities, RemoteFace, RemoteHit
from remote.exceptions import RemoteUnavailable
from remote.scores import Scale
from vision import inference
from vision.types import Box

METRIC = "score"  # of distances that are made of a service's scores
SPARE = 4  # faces asked for each person wanted; people with many photographs take several places
ROUNDING = 1e-6  # of scores
SMALLEST = 1e-6  # a threshold is above 0
COMPARED = 3  # photographs of a person that are compared one by one where a search does not tell


@dataclass(frozen=True)
class ScoreScale:
    """`calibration.similarity.Scale` for distances made of scores."""

    scale: Scale

    def similarity(self, distance: float) -> float:
        return self.scale.similarity_of((1.0 - distance) * self.scale.largest)

    def distance(self, similarity: float) -> float:
        return 1.0 - self.scale.score_of(similarity) / self.scale.largest

    def stranger_rate(self, distance: float) -> tuple[float, bool] | None:
        """Nothing: a score promises none."""
        return None


@dataclass(frozen=True)
class RemoteNeighbour(Neighbour):
    """A person whom the service finds near, by the nearest photograph, with the service's own words."""

    score: float
    face_id: str


@dataclass(frozen=True)
class AskedGalleries:
    """Remote galleries of one client that are searched together, each at its own operating point."""

    client: Client
    galleries: tuple[Gallery, ...]
    points: Mapping[int, OperatingPoint]
    people: int | None

    @property
    def point(self) -> OperatingPoint:
        """Stands for all of them: the first one's."""
        return self.points[self.galleries[0].pk]

    @property
    def space(self) -> str:
        return self.galleries[0].backend

    def least_score(self, gallery: Gallery) -> float:
        """Below it nobody of the gallery matches."""
        share = 1.0 - self.points[gallery.pk].reach
        return max(share * registry.abilities_of(gallery.backend).largest_score - ROUNDING, 0.0)

    def backend_of(self, gallery_id: int) -> str:
        return next(gallery.backend for gallery in self.galleries if gallery.pk == gallery_id)

    @property
    def audited(self) -> Searched:
        galleries = tuple(sorted(self.points))
        photographs = Counter.objects.last_number(self.client.pk, ReferenceImage.counted_as)
        version = sha256(f"{galleries} {self.people} {photographs}".encode()).hexdigest()[:16]
        return Searched(galleries, self.people, version, self.space, self.point.threshold)

    def require_there(self) -> None:
        """Raises `RemoteUnavailable` while the service has nothing of a gallery whose photographs wait to get there."""
        absent = RemoteCollection.objects.in_use().filter(gallery__in=self.galleries, is_made=False)
        waiting = RemoteCall.objects.unfinished().filter(operation=Operation.ADD, collection__in=absent.values("name"))
        if waiting.exists():
            raise RemoteUnavailable(f"{registry.label_of(self.space)} has not got the faces to be searched yet.")

    def nearest_each(
        self, data: bytes, boxes: Sequence[Box], *, limit: int, within_reach: bool = False
    ) -> list[list[RemoteNeighbour]]:
        """For each face of an image the `limit` nearest people, closest first. `within_reach`: who may match alone.

        Raises kinds of `remote.exceptions.RemoteError`, in a web process with the same codes, or `InvalidImage`.
        """
        near: list[list[RemoteNeighbour]] = [[] for _ in boxes]
        for gallery in self.galleries:
            least = self.least_score(gallery) if within_reach else 0.0
            for found, own in zip(_nearest_in(gallery, data, boxes, limit, least), near, strict=True):
                own += found
        return [sorted(own, key=lambda one: (one.distance, one.reference_image_id))[:limit] for own in near]

    def nearest(self, data: bytes, box: Box, *, limit: int) -> list[RemoteNeighbour]:
        """`nearest_each` for one face."""
        return self.nearest_each(data, [box], limit=limit)[0]

    def compare(self, near: Sequence[Neighbour]) -> list[Comparison]:
        """Rival candidates, each at the operating point of its own gallery, with its margin to the best other one."""
        return with_margins(self.points[one.gallery_id].compare([one.distance])[0] for one in near)

    def candidates(self, near: Sequence[RemoteNeighbour], *, limit: int) -> tuple[Candidate, ...]:
        """The first `limit` as people with their photographs; whoever was erased meanwhile is left out."""
        compared = self.compare(near)
        people = Person.objects.select_related("gallery", "client").in_bulk([one.person_id for one in near])
        images = ReferenceImage.objects.in_bulk([one.reference_image_id for one in near])
        found = [
            Candidate(people[one.person_id], images[one.reference_image_id], comparison)
            for one, comparison in zip(near, compared, strict=True)
            if one.person_id in people and one.reference_image_id in images
        ]
        return tuple(found[:limit])


def asked_in(
    *, client: Client, galleries: Sequence[Gallery], threshold: float | None = None, one_to_one: bool = False
) -> AskedGalleries | None:
    """Those of the galleries that are remote; None if there are none. `threshold`: a distance that decides in all."""
    remote = tuple(gallery for gallery in galleries if gallery.is_remote)
    if not remote:
        return None
    people = 1 if one_to_one else Person.objects.count_in([gallery.pk for gallery in remote])
    points = {one.pk: point_of(one.backend, threshold or one.threshold, people=people) for one in remote}
    return AskedGalleries(client, remote, points, None if one_to_one else people)


def ours_of(galleries: Sequence[Gallery]) -> list[Gallery]:
    """Those of the galleries that are searched here."""
    return [gallery for gallery in galleries if not gallery.is_remote]


def point_of(backend: str, threshold: float | None = None, *, people: int = 1) -> OperatingPoint:
    """Where the settings, or `threshold`, decide in the scores of a back end. No rate is known of it."""
    abilities = registry.abilities_of(backend)
    score = settings.REMOTE_SCORES.get(backend) or abilities.score_at_point
    decisive = threshold or max(distance_of(score, abilities), SMALLEST)
    scale = ScoreScale(scale_of(abilities))
    return OperatingPoint(METRIC, decisive, scale, people=people, is_vendors=True)


def scale_of(abilities: Abilities) -> Scale:
    return Scale(point=abilities.score_at_point, largest=abilities.largest_score)


def distance_of(score: float, abilities: Abilities) -> float:
    """1 minus the share of the largest score; rounded, so that the point of decision itself is as people write it."""
    return round(min(max(1.0 - score / abilities.largest_score, 0.0), 1.0), 9)


# ---- searching --------------------------------------------------------------------------------------------------
def _nearest_in(
    gallery: Gallery, data: bytes, boxes: Sequence[Box], limit: int, least: float
) -> list[list[RemoteNeighbour]]:
    """People whose photographs the service names by our ids; faces that others have put there are left out."""
    collection = RemoteCollection.objects.filter(gallery=gallery, backend=gallery.backend, is_made=True).first()
    if collection is None:
        return [[] for _ in boxes]
    abilities = registry.abilities_of(gallery.backend)
    pictures = [crop_for(data, box, abilities) for box in boxes]

    def ask(picture: bytes, wanted: int) -> list[RemoteHit]:
        return search_there(gallery.backend, collection.name, picture, limit=wanted, score=least)

    found = []
    for picture in pictures:  # one after the other: each keeps a worker waiting, and services limit calls a second
        asked = min(SPARE * limit, abilities.most_candidates)
        hits = ask(picture, asked)
        near = _of_people(gallery, hits, abilities)
        while len(near) < limit and len(hits) >= asked < abilities.most_candidates:
            asked = min(asked * SPARE * SPARE, abilities.most_candidates)
            hits = ask(picture, asked)
            near = _of_people(gallery, hits, abilities)
        found.append(near[:limit])
    return found


def _of_people(gallery: Gallery, hits: Sequence[RemoteHit], abilities: Abilities) -> list[RemoteNeighbour]:
    ids = {hit.face.own_id: uuid for hit in hits if (uuid := _uuid(hit.face.own_id))}
    rows = ReferenceImage.objects.filter(uuid__in=ids.values(), person__gallery=gallery)
    known = {uuid: (person, pk) for uuid, person, pk in rows.values_list("uuid", "person", "pk")}
    best: dict[int, RemoteNeighbour] = {}
    for hit in hits:
        if hit.face.own_id in ids and ids[hit.face.own_id] in known:
            person, image = known[ids[hit.face.own_id]]
            distance = distance_of(hit.score, abilities)
            one = RemoteNeighbour(person, image, gallery.pk, distance, hit.score, hit.face.face_id)
            best.setdefault(person, one)
    return list(best.values())


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


# ---- one to one -------------------------------------------------------------------------------------------------
def verify_there(
    *, person: Person, data: bytes, box: Box, threshold: float | None = None
) -> tuple[AskedGalleries, Comparison]:
    """The face of an image against a person of a remote gallery, with the margin to the most similar other one.

    Raises `NoTemplate` for a person without a photograph, and as `AskedGalleries.nearest` does.
    """
    asked = asked_in(client=person.client, galleries=[person.gallery], threshold=threshold, one_to_one=True)
    assert asked is not None
    images = list(ReferenceImage.objects.filter(person=person).with_file().primary_first()[:COMPARED])
    if not images:
        raise NoTemplate("This person has no enrolled face to compare with.")
    near = asked.nearest(data, box, limit=2 * SPARE)
    own = next((one for one in near if one.person_id == person.pk), None)
    others = [one for one in near if one.person_id != person.pk]
    if own is None:  # farther than the others, or not arrived there yet
        own = _compared_with(images, data, box, person.gallery)
    return asked, asked.compare([own, *others[:1]])[0]


def compare_with_image(
    *, image: ReferenceImage, data: bytes, boxes: Sequence[Box]
) -> tuple[AskedGalleries, list[Comparison]]:
    """Each of these faces of an image against a stored photograph, and against nobody else.

    Raises `NoTemplate` for one without a file, and as `AskedGalleries.nearest` does.
    """
    gallery = image.person.gallery
    asked = asked_in(client=image.person.client, galleries=[gallery], one_to_one=True)
    assert asked is not None
    if not image.image:
        raise NoTemplate("This photograph has no face that could be compared.")
    near = [_compared_with([image], data, box, gallery) for box in boxes]
    return asked, [asked.compare([one])[0] for one in near]


def _compared_with(images: Sequence[ReferenceImage], data: bytes, box: Box, gallery: Gallery) -> RemoteNeighbour:
    abilities = registry.abilities_of(gallery.backend)
    probe = crop_for(data, box, abilities)
    scores = [compare_there(gallery.backend, probe, portrait_of(image, abilities)) or 0.0 for image in images]
    best = max(scores)
    image = images[scores.index(best)]
    return RemoteNeighbour(image.person_id, image.pk, gallery.pk, distance_of(best, abilities), best, "")


def backend_of(client: Client) -> str:
    """What compares two images of no gallery."""
    return client.backend or str(settings.FACE_PROCESSING_BACKEND)


# ---- in a worker ------------------------------------------------------------------------------------------------
def search_there(backend: str, collection: str, picture: bytes, *, limit: int, score: float) -> list[RemoteHit]:
    """`RemoteBackend.search`, by a worker."""
    sent = {"backend": backend, "collection": collection, "limit": limit, "score": score}
    answer = _asked(picture, sent)
    return [RemoteHit(RemoteFace(face_id, own_id), score) for face_id, own_id, score in answer["hits"]]


def compare_there(backend: str, one: bytes, other: bytes) -> float | None:
    """`RemoteBackend.compare`, by a worker."""
    found: float | None = _asked(one + other, {"backend": backend, "first": len(one)})["score"]
    return found


def _asked(data: bytes, sent: dict[str, Any]) -> dict[str, Any]:
    from people.elsewhere.tasks import ask_remote_service  # a task module imports the services

    return inference.answered_by_worker(ask_remote_service, data, sent, here=partial(answer_with, data, sent))


def answer_with(data: bytes, sent: Mapping[str, Any]) -> dict[str, Any]:
    """What the task of `_asked` does: a search in a collection, or a comparison of two pictures."""
    backend = registry.backend_called(sent["backend"])
    if "first" in sent:
        return {"score": backend.compare(data[: sent["first"]], data[sent["first"] :])}
    hits = backend.search(sent["collection"], data, limit=sent["limit"], score=sent["score"])
    return {"hits": [(hit.face.face_id, hit.face.own_id, hit.score) for hit in hits]}
