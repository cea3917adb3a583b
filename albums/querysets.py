"""Questions about albums. Distances between faces are computed by the database, exactly, and nothing of them is stored:
what is near is near in both directions, at every moment, whichever image came first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from django.apps import apps
from django.conf import settings
from django.db import connections, models
from django.db.models import Count, F, Q

from albums.types import ImageMatch, Vote
from calibration.types import OperatingPoint
from clients.retention import expired
from vectors.stored import Rotated
from vision.distances import DISTANCES
from vision.types import LEAST_RECOGNISABLE
from work.models import UNFINISHED, Status
from work.querysets import ClaimedWorkQuerySet

if TYPE_CHECKING:
    from albums.models import Album, AlbumFace, AlbumImage, FaceGroup
    from clients.models import Client

# Pairs of recognisable faces of one album that are nearer than the threshold (the last parameter).
PAIRS = """
    FROM albums_albumface AS probe
    JOIN albums_albumface AS template ON template.album_id = probe.album_id,
    LATERAL (SELECT {distance} AS distance) AS pair
    WHERE {which} AND {probe_recognisable}
        AND CASE WHEN pair.distance < %s THEN {template_recognisable} ELSE false END"""
# CASE: reading the JSON of every face would take longer than comparing them.
RECOGNISABLE = "coalesce(({face}.quality->>'recognisability')::float8, 1) >= " + str(LEAST_RECOGNISABLE)
OF_IMAGE = "probe.image_id = %s AND template.image_id <> probe.image_id"
OF_FACE = "probe.id = %s AND template.id <> probe.id"
AMONG = "probe.id = ANY(%s) AND template.id = ANY(%s) AND probe.id < template.id"
WITHIN = "probe.group_id = ANY(%s) AND template.group_id = probe.group_id AND probe.id < template.id"


class AlbumQuerySet(models.QuerySet["Album"]):
    def of_client(self, client: Client) -> AlbumQuerySet:
        return self.filter(client=client)

    def with_progress(self) -> AlbumQuerySet:
        """Annotates how many images there are in all and in each state.

        A grouped query loses the model's ordering, so it is named again.
        """
        states = {
            "uploaded": [Status.UPLOADED],
            "running": UNFINISHED,
            "done": [Status.DONE],
            "failed": [Status.FAILED],
        }
        counts = {name: Count("images", filter=Q(images__status__in=values)) for name, values in states.items()}
        return self.annotate(total=Count("images"), **counts).order_by(*self.model._meta.ordering or ())

    def lock(self, album_id: int) -> Album | None:
        """Hold an album until the transaction ends: its faces are stored, grouped and erased by one task at a time."""
        return self.select_for_update(no_key=True).filter(pk=album_id).first()

    def take_numbers(self, album_id: int, kind: Literal["group", "face"], count: int = 1) -> range:
        """The next numbers of new groups or faces of an album that the caller holds."""
        self.filter(pk=album_id).update(**{f"last_{kind}": F(f"last_{kind}") + count})
        last: int = self.values_list(f"last_{kind}", flat=True).get(pk=album_id)
        return range(last - count + 1, last + 1)


class AlbumImageQuerySet(ClaimedWorkQuerySet["AlbumImage"]):
    def with_faces(self) -> AlbumImageQuerySet:
        return self.prefetch_related(models.Prefetch("faces", _faces_without_embedding().select_related("group")))

    def expired(self) -> AlbumImageQuerySet:
        """Processed images past the retention of their client or else of the deployment, and uploads that are."""
        done = expired(self.finished(), days="album__client__album_days", default_days=settings.ALBUM_DAYS)
        waiting = self.filter(status=Status.UPLOADED)
        left = expired(waiting, days="album__client__upload_days", default_days=settings.UPLOAD_DAYS)
        return self.filter(Q(pk__in=done.values("pk")) | Q(pk__in=left.values("pk"))).order_by("pk")


class FaceGroupQuerySet(models.QuerySet["FaceGroup"]):
    def create_in(self, album_id: int, *, is_curated: bool = False) -> FaceGroup:
        """A new group of an album that the caller holds."""
        [number] = apps.get_model("albums", "Album").objects.take_numbers(album_id, "group")
        return self.create(album_id=album_id, number=number, is_curated=is_curated)

    def of_album(self, album: Album) -> FaceGroupQuerySet:
        return self.filter(album=album)

    def with_faces(self) -> FaceGroupQuerySet:
        """Groups with their faces and annotated `size`, in a fixed number of queries."""
        faces = _faces_without_embedding().select_related("image", "group").order_by("id")
        return self.select_related("person").prefetch_related(models.Prefetch("faces", faces)).with_size()

    def with_size(self) -> FaceGroupQuerySet:
        return self.annotate(size=Count("faces"))

    def largest_first(self) -> FaceGroupQuerySet:
        """Needs the annotation of `with_size`."""
        return self.order_by("-size", "id")

    def delete_empty(self, ids: Sequence[int]) -> None:
        self.filter(pk__in=ids, faces=None).delete()


class AlbumFaceQuerySet(models.QuerySet["AlbumFace"]):
    def matches_of(self, image: AlbumImage, point: OperatingPoint) -> list[ImageMatch]:
        """Other images with a face near one of this image, each by the closest pair, closest first. One query."""
        pairs = _pairs(image.album, OF_IMAGE)
        sql = f"""
            SELECT image.number, image.external_id, best.face, best.other_face, best.distance
            FROM (
                SELECT DISTINCT ON (template.image_id) template.image_id, probe.index AS face,
                    template.index AS other_face, pair.distance {pairs}
                ORDER BY template.image_id, pair.distance, probe.index, template.index
            ) AS best
            JOIN albums_albumimage AS image ON image.id = best.image_id
            ORDER BY best.distance, best.image_id"""  # noqa: S608  constants and parameters only
        rows = self._rows(sql, [image.pk, point.threshold])
        return [
            ImageMatch(number, external_id, face, other, distance, point.similarity(distance))
            for number, external_id, face, other, distance in rows
        ]

    def like(self, album: Album, probes: Sequence[Rotated], threshold: float) -> set[int]:
        """Ids of recognisable faces of the album within `threshold` of one of the embeddings."""
        sql = f"""
            SELECT template.id FROM albums_albumface AS template, (SELECT %s::halfvec AS embedding) AS probe
            WHERE template.album_id = %s AND {RECOGNISABLE.format(face="template")}
                AND {DISTANCES[album.metric]} <= %s"""  # noqa: S608  constants and parameters only
        return {face for probe in probes for (face,) in self._rows(sql, [probe.text, album.pk, threshold])}

    def votes(self, face: AlbumFace, album: Album, threshold: float) -> list[Vote]:
        """The groups in which the face has neighbours, the weightiest first. One query."""
        pairs = _pairs(album, OF_FACE)
        sql = f"""
            SELECT vote.group_id, vote.matching, vote.closeness,
                (SELECT count(*) FROM albums_albumface AS face WHERE face.group_id = vote.group_id), grp.is_curated
            FROM (
                SELECT template.group_id, count(*) AS matching, sum(1 - pair.distance / %s) AS closeness {pairs}
                GROUP BY template.group_id
            ) AS vote
            JOIN albums_facegroup AS grp ON grp.id = vote.group_id
            ORDER BY vote.closeness DESC, vote.group_id"""  # noqa: S608  constants and parameters only
        return [Vote(*row) for row in self._rows(sql, [threshold, face.pk, threshold])]

    def edges(self, album: Album, face_ids: Sequence[int], threshold: float) -> list[tuple[int, int, float]]:
        """Pairs of these faces that match: two ids and a closeness above 0 and up to 1. One query."""
        ids = list(face_ids)
        return self._edges(album, AMONG, [ids, ids], threshold)

    def edges_within(self, album: Album, group_ids: Sequence[int], threshold: float) -> list[tuple[int, int, float]]:
        """The same for pairs of faces of one and the same of these groups."""
        return self._edges(album, WITHIN, [list(group_ids)], threshold)

    def _edges(self, album: Album, which: str, ids: list[list[int]], threshold: float) -> list[tuple[int, int, float]]:
        sql = f"""
            SELECT probe.id, template.id, 1 - pair.distance / %s {_pairs(album, which)}
            ORDER BY probe.id, template.id"""
        return self._rows(sql, [threshold, *ids, threshold])

    def _rows(self, sql: str, parameters: list[Any]) -> list[Any]:
        with connections[self.db].cursor() as cursor:
            cursor.execute(sql, parameters)
            return list(cursor.fetchall())


def _pairs(album: Album, which: str) -> str:
    probe, template = (RECOGNISABLE.format(face=face) for face in ("probe", "template"))
    distance = DISTANCES[album.metric]
    return PAIRS.format(distance=distance, which=which, probe_recognisable=probe, template_recognisable=template)


def _faces_without_embedding() -> models.QuerySet[Any]:
    faces: models.QuerySet[Any] = apps.get_model("albums", "AlbumFace").objects.defer("embedding")
    return faces
