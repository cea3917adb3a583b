"""Sorts the faces of an album into groups of one person, as they come in.

A new face goes to the group in which it plainly belongs. Where that is not plain, the faces of the groups that it
touches are sorted anew, and only those. What was named, merged or split by hand is not taken apart again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from albums.models import Album, AlbumFace, FaceGroup
from vision.clusters import whisper

PLAIN_SHARE = 0.5  # a face that matches so much of a group, and no other group, belongs to it
MOST_SORTED = 1000  # faces that are sorted anew at a time: their pairs are compared while others wait for the album


def group_faces(*, album: Album, faces: Sequence[AlbumFace]) -> None:
    """Give each of an image's new faces a group, one after the other: a person may be on one image several times.

    The caller holds the album (`AlbumQuerySet.lock`).
    """
    for face in faces:
        votes = AlbumFace.objects.votes(face, album)
        plain = len(votes) < 2 and all(vote.matching >= PLAIN_SHARE * vote.size for vote in votes)
        too_many = sum(vote.size for vote in votes) > MOST_SORTED
        if plain or too_many or any(vote.is_curated for vote in votes):
            group_id = votes[0].group_id if votes else FaceGroup.objects.create_in(album.pk).pk
            AlbumFace.objects.filter(pk=face.pk).update(group=group_id)
        else:
            _sort_anew(album, face, [vote.group_id for vote in votes])


def _sort_anew(album: Album, new: AlbumFace, group_ids: Sequence[int]) -> None:
    """Cluster the new face and those of the groups that it touches; groups keep their id with most of their faces."""
    members = AlbumFace.objects.filter(group__in=group_ids).order_by("id")
    before: dict[int, int] = dict(members.values_list("pk", "group_id"))
    faces = [*before, new.pk]
    position = {face: number for number, face in enumerate(faces)}
    edges = [(position[a], position[b], weight) for a, b, weight in AlbumFace.objects.edges(album, faces)]
    found: defaultdict[int, set[int]] = defaultdict(set)
    for face, label in zip(faces, whisper(len(faces), edges), strict=True):
        found[label].add(face)
    for cluster, group_id in _keep_ids(list(found.values()), before):
        moved = [face for face in cluster if before.get(face) != group_id or group_id is None]
        if moved:
            target = group_id or FaceGroup.objects.create_in(album.pk).pk
            AlbumFace.objects.filter(pk__in=moved).update(group=target)
    FaceGroup.objects.delete_empty(group_ids)


def _keep_ids(clusters: Sequence[set[int]], before: dict[int, int]) -> Iterable[tuple[set[int], int | None]]:
    """Each cluster with the group whose id it keeps: the one it shares most faces with, the older one when in doubt."""
    shared = [
        (count, -group_id, number)
        for number, cluster in enumerate(clusters)
        for group_id, count in Counter(before[face] for face in cluster if face in before).items()
    ]
    kept: dict[int, int] = {}
    for _, negative_id, number in sorted(shared, reverse=True):
        if number not in kept and -negative_id not in kept.values():
            kept[number] = -negative_id
    return [(cluster, kept.get(number)) for number, cluster in enumerate(clusters)]
