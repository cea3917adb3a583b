"""Questions about albums. Distances between faces are computed by the database, exactly, and nothing of them is stored:
what is near is near in both directions, at every moment, whichever image came first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from django.apps import apps
from django.conf import settings
from django.db import connections, models
from django.db.models import Count, F, OuterRef, Q, Subquery, Window
from django.db.models.functions import Coalesce, RowNumber

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
# Faces that are compared with each other are read once: asking whose row it is takes longer than comparing it.
ALIKE = """
    WITH template AS MATERIALIZED (
        SELECT id, group_id, embedding FROM albums_albumface WHERE album_id = %s AND group_id IS NOT NULL {which}
    ), probe AS MATERIALIZED (SELECT id, group_id, embedding FROM template WHERE id = ANY(%s))
    SELECT pair.face, pair.other_face, pair.distance FROM (
        SELECT DISTINCT ON (one, two) *, least(group_id, other_id) AS one, greatest(group_id, other_id) AS two FROM (
            SELECT probe.group_id, template.group_id AS other_id, probe.id AS face, template.id AS other_face,
                {distance} AS distance
            FROM probe JOIN template ON {between}
        ) AS compared WHERE distance < %s
        ORDER BY one, two, distance, face, other_face
    ) AS pair {undecided}
    ORDER BY pair.distance, pair.face, pair.other_face LIMIT %s"""
# Groups that people have not told apart, and of which one at least can be merged into the other.
UNDECIDED = """
    JOIN albums_facegroup AS one ON one.id = pair.group_id JOIN albums_facegroup AS two ON two.id = pair.other_id
    WHERE (one.person_id IS NULL OR two.person_id IS NULL) AND NOT EXISTS (
        SELECT 1 FROM albums_apartgroups AS apart WHERE apart.first_id = least(one.id, two.id)
            AND apart.second_id = greatest(one.id, two.id))"""
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

    def with_names(self) -> AlbumImageQuerySet:
        """With faces, their groups and the people of these."""
        return self.prefetch_related(
            models.Prefetch("faces", _faces_without_embedding().select_related("group__person"))
        )

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
        """Annotates how many faces each has as `size`."""
        faces = apps.get_model("albums", "AlbumFace").objects.of_outer_group().order_by().values("group")
        return self.annotate(size=Coalesce(Subquery(faces.annotate(count=Count("pk")).values("count")), 0))

    def largest_first(self) -> FaceGroupQuerySet:
        """Needs the annotation of `with_size`."""
        return self.order_by("-size", "id")

    def named_like(self, text: str) -> FaceGroupQuerySet:
        """Those with this number, or with a name that contains the text."""
        is_number = text.isascii() and text.isdecimal() and len(text) < 19
        return self.filter(Q(person__name__icontains=text) | (Q(number=int(text)) if is_number else Q(pk__in=[])))

    def delete_empty(self, ids: Sequence[int]) -> None:
        self.filter(pk__in=ids, faces=None).delete()


class ApartGroupsQuerySet(models.QuerySet[Any]):
    def of_group(self, group: FaceGroup) -> ApartGroupsQuerySet:
        return self.filter(Q(first=group) | Q(second=group))

    def remember(self, group: FaceGroup, others: Iterable[int]) -> None:
        """That the group and each of the others, by their primary keys, show different people."""
        pairs = [sorted((group.pk, other)) for other in others if other != group.pk]
        rows = [self.model(album_id=group.album_id, first_id=first, second_id=second) for first, second in pairs]
        self.bulk_create(rows, ignore_conflicts=True)

    def inherit(self, group: FaceGroup, merged: Collection[int]) -> None:
        """What was said of groups that are about to be merged into this one holds for it from then on."""
        ends = self.filter(Q(first__in=merged) | Q(second__in=merged)).values_list("first", "second")
        self.remember(group, {end for pair in ends for end in pair} - set(merged))


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

    def groups_near(self, album: Album, probe: Rotated, reach: float, limit: int) -> list[tuple[int, int, float]]:
        """Groups with a face within `reach` of an embedding, closest first: ids of the group and its nearest face, and
        the distance. One query, which compares every recognisable face of the album.
        """
        sql = f"""
            SELECT * FROM (
                SELECT DISTINCT ON (face.group_id) face.* FROM (
                    SELECT template.group_id, template.id, {DISTANCES[album.metric]} AS distance
                    FROM albums_albumface AS template, (SELECT %s::halfvec AS embedding) AS probe
                    WHERE template.album_id = %s AND template.group_id IS NOT NULL
                ) AS face WHERE face.distance <= %s ORDER BY face.group_id, face.distance, face.id
            ) AS best ORDER BY best.distance, best.group_id LIMIT %s"""  # noqa: S608  constants and parameters only
        return self._rows(sql, [probe.text, album.pk, reach, limit])

    def groups_alike(
        self, album: Album, probes: Sequence[int], templates: Sequence[int] | None, threshold: float, limit: int
    ) -> list[tuple[int, int, float]]:
        """Pairs of groups that nobody has told apart, by their nearest faces: two ids of faces, and the distance.

        Closest first. The faces `probes` are compared with the faces `templates` of other groups, or with all of the
        album. Pairs of which both groups are named are left out. One query.
        """
        which, between = ("AND id = ANY(%s)", "<") if templates is not None else ("", "<>")
        sql = ALIKE.format(
            which=which,
            distance=DISTANCES[album.metric],
            between=f"probe.group_id {between} template.group_id",
            undecided=UNDECIDED,
        )
        among = [list(templates)] if templates is not None else []
        return self._rows(sql, [album.pk, *among, list(probes), threshold, limit])

    def clearest(self, album: Album, *, each: int, most: int) -> list[tuple[int, int]]:
        """The largest faces of each group, up to `each` of a group, those of large groups first: ids of face, group."""
        by_size = Window(RowNumber(), partition_by="group", order_by=["-box_w", "pk"])
        count = Window(Count("pk"), partition_by="group")
        ranked = self.filter(album=album, group__isnull=False).annotate(place=by_size, members=count)
        chosen = ranked.filter(place__lte=each).order_by("-members", "group_id", "place")
        return list(chosen.values_list("pk", "group_id")[:most])

    def covers(self, group_ids: Collection[int]) -> dict[int, AlbumFace]:
        """By group, the largest face that can be shown, because the file of its image is kept."""
        groups = apps.get_model("albums", "FaceGroup").objects.filter(pk__in=group_ids)
        largest = self.of_outer_group().exclude(image__image="").order_by("-box_w", "pk").values("pk")[:1]
        ids = groups.annotate(cover=Subquery(largest)).order_by().values_list("cover", flat=True)
        faces = _faces_without_embedding().select_related("image").in_bulk([face for face in ids if face])
        return {face.group_id: face for face in faces.values()}

    def of_outer_group(self) -> AlbumFaceQuerySet:
        """Those of the group in the outer query; with its album, by which the index begins."""
        return self.filter(album=OuterRef("album"), group=OuterRef("pk"))

    def largest_of(self, group: FaceGroup) -> AlbumFaceQuerySet:
        """The faces of a group, without their embeddings, the largest first."""
        return self.filter(album=group.album_id, group=group).defer("embedding").order_by("-box_w", "pk")

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
