"""Questions about albums. Distances between faces are computed by the database, exactly, and nothing of them is stored:
what is near is near in both directions, at every moment, whichever image came first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import connections, models
from django.db.models import Count, Q

from albums.types import ImageMatch, Vote
from vision.distances import DISTANCES
from vision.similarity import similarity
from work.claims import ClaimedImageQuerySet

if TYPE_CHECKING:
    from albums.models import Album, AlbumImage
    from clients.models import Client

# Pairs of faces of one album on different images, nearer than the threshold (the last parameter).
PAIRS = """
    FROM albums_albumface AS probe
    JOIN albums_albumface AS template
        ON template.album_id = probe.album_id AND template.image_id <> probe.image_id,
    LATERAL (SELECT {distance} AS distance) AS pair
    WHERE {which} AND pair.distance < %s"""
OF_IMAGE = "probe.image_id = %s"
AMONG = "probe.id = ANY(%s) AND template.id = ANY(%s) AND probe.id < template.id"


class AlbumQuerySet(models.QuerySet["Album"]):
    def of_client(self, client: Client) -> AlbumQuerySet:
        return self.filter(client=client)

    def with_progress(self) -> AlbumQuerySet:
        """Annotates how many images there are in all and in each state."""
        states = {
            "uploaded": ["uploaded"],
            "running": ["pending", "processing"],
            "done": ["done"],
            "failed": ["failed"],
        }
        counts = {name: Count("images", filter=Q(images__status__in=values)) for name, values in states.items()}
        return self.annotate(total=Count("images"), **counts)

    def lock(self, album_id: int) -> Album | None:
        """Hold an album until the transaction ends: who stores, groups or erases faces of it does so one at a time."""
        return self.select_for_update(no_key=True).filter(pk=album_id).first()


class AlbumImageQuerySet(ClaimedImageQuerySet["AlbumImage"]):
    def finished(self) -> AlbumImageQuerySet:
        return self.filter(status__in=["done", "failed"])

    def waiting_since(self, moment: datetime) -> AlbumImageQuerySet:
        return self.filter(status="pending", queued_at__lt=moment)

    def with_faces(self) -> AlbumImageQuerySet:
        return self.prefetch_related(models.Prefetch("faces", _faces_without_embedding()))


class FaceGroupQuerySet(models.QuerySet["FaceGroup"]):
    def of_album(self, album: Album) -> FaceGroupQuerySet:
        return self.filter(album=album)

    def with_faces(self) -> FaceGroupQuerySet:
        """Groups with their faces and annotated `size`, in a fixed number of queries."""
        faces = _faces_without_embedding().select_related("image").order_by("id")
        return self.select_related("person").prefetch_related(models.Prefetch("faces", faces)).with_size()

    def with_size(self) -> FaceGroupQuerySet:
        return self.annotate(size=Count("faces"))

    def largest_first(self) -> FaceGroupQuerySet:
        """Needs the annotation of `with_size`."""
        return self.order_by("-size", "id")

    def delete_empty(self, ids: Sequence[int]) -> None:
        self.filter(pk__in=ids, faces=None).delete()


class AlbumFaceQuerySet(models.QuerySet["AlbumFace"]):
    def matches_of(self, image: AlbumImage) -> list[ImageMatch]:
        """Other images with a face near one of this image, each by the closest pair, closest first. One query."""
        pairs = _pairs(image.album, OF_IMAGE)
        sql = f"""
            SELECT best.image_id, image.external_id, best.face, best.other_face, best.distance
            FROM (
                SELECT DISTINCT ON (template.image_id) template.image_id, probe.index AS face,
                    template.index AS other_face, pair.distance {pairs}
                ORDER BY template.image_id, pair.distance, probe.index, template.index
            ) AS best
            JOIN albums_albumimage AS image ON image.id = best.image_id
            ORDER BY best.distance, best.image_id"""  # noqa: S608  constants and parameters only
        metric, threshold = image.album.metric, image.album.threshold
        found = []
        for *row, distance in self._rows(sql, [image.pk, threshold]):
            alike = similarity(distance=distance, metric=metric, threshold=threshold)
            found.append(ImageMatch(row[0], row[1], row[2], row[3], distance, alike))
        return found

    def votes(self, image: AlbumImage) -> dict[int, list[Vote]]:
        """For each face of the image, by id, the groups in which it has neighbours, the weightiest first. One query."""
        pairs = _pairs(image.album, OF_IMAGE)
        sql = f"""
            SELECT vote.face, vote.group_id, vote.matching, vote.closeness,
                (SELECT count(*) FROM albums_albumface AS face WHERE face.group_id = vote.group_id), grp.is_curated
            FROM (
                SELECT probe.id AS face, template.group_id, count(*) AS matching,
                    sum(1 - pair.distance / %s) AS closeness {pairs}
                GROUP BY probe.id, template.group_id
            ) AS vote
            JOIN albums_facegroup AS grp ON grp.id = vote.group_id
            ORDER BY vote.closeness DESC, vote.group_id"""  # noqa: S608  constants and parameters only
        threshold = image.album.threshold
        found: dict[int, list[Vote]] = {}
        for face, *values in self._rows(sql, [threshold, image.pk, threshold]):
            found.setdefault(face, []).append(Vote(*values))
        return found

    def edges(self, album: Album, face_ids: Sequence[int]) -> list[tuple[int, int, float]]:
        """Pairs of these faces that match: two ids and a closeness above 0 and up to 1. One query."""
        pairs = _pairs(album, AMONG)
        sql = f"""
            SELECT probe.id, template.id, 1 - pair.distance / %s {pairs}
            ORDER BY probe.id, template.id"""
        return self._rows(sql, [album.threshold, list(face_ids), list(face_ids), album.threshold])

    def _rows(self, sql: str, parameters: list[Any]) -> list[Any]:
        with connections[self.db].cursor() as cursor:
            cursor.execute(sql, parameters)
            return list(cursor.fetchall())


def _pairs(album: Album, which: str) -> str:
    return PAIRS.format(distance=DISTANCES[album.metric], which=which)


def _faces_without_embedding() -> models.QuerySet[Any]:
    from albums.models import AlbumFace

    return AlbumFace.objects.defer("embedding")
