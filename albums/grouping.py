"""Sorts the faces of an album into one group per person, as they come in.

A new face joins the group to which it clearly belongs. If that is not clear, the faces of the groups that it matches,
and only those, are clustered again. Groups that were named, merged or split by hand are never taken apart.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from django.db.models import Count

from albums.linking import has_moved, link_point
from albums.models import Album, AlbumFace, FaceGroup
from vision.clusters import whisper

PLAIN_SHARE = 0.5  # a face that matches so much of a group, and no other group, belongs to it
MOST_SORTED = 1000  # faces clustered at a time: all their pairs are compared while the album is locked


def group_faces(*, album: Album, faces: Sequence[AlbumFace]) -> None:
    """Give each of an image's new faces a group, one after the other: a person may be on one image several times.

    A face that cannot be recognised belongs to no group. The caller has locked the album (`AlbumQuerySet.lock`).
    """
    threshold = link_point(album).threshold
    if has_moved(album, threshold):
        judge_anew(album=album, threshold=threshold)
    for face in faces:
        if not face.is_recognisable:
            continue
        votes = AlbumFace.objects.votes(face, album, threshold)
        plain = len(votes) < 2 and all(vote.matching >= PLAIN_SHARE * vote.size for vote in votes)
        too_many = sum(vote.size for vote in votes) > MOST_SORTED
        if plain or too_many or any(vote.is_curated for vote in votes):
            group_id = votes[0].group_id if votes else FaceGroup.objects.create_in(album.pk).pk
            AlbumFace.objects.filter(pk=face.pk).update(group=group_id)
        else:
            _cluster_again(album, threshold, [vote.group_id for vote in votes], face)


def judge_anew(*, album: Album, threshold: float) -> None:
    """Cluster the faces of all groups that nobody has touched by hand. The caller has locked the album.

    In an album too large for that, each group by itself: it may fall apart, but not grow.
    """
    groups = FaceGroup.objects.of_album(album).filter(is_curated=False).order_by("pk")
    sizes: dict[int, int] = dict(groups.annotate(faces_in=Count("faces")).values_list("pk", "faces_in"))
    if sum(sizes.values()) <= MOST_SORTED:
        _cluster_again(album, threshold, list(sizes))
    else:
        for group_ids in _portions(sizes):
            _cluster_again(album, threshold, group_ids, apart=True)
    album.threshold = threshold
    album.save(update_fields=["threshold"])


def _portions(sizes: dict[int, int]) -> Iterator[list[int]]:
    """Groups of which the pairs of faces can be compared in one query. Larger ones are left as they are."""
    portion: list[int] = []
    pairs = 0
    for group_id, size in sizes.items():
        if size > MOST_SORTED:
            continue
        if portion and pairs + size**2 > MOST_SORTED**2:
            yield portion
            portion, pairs = [], 0
        portion.append(group_id)
        pairs += size**2
    if portion:
        yield portion


def _cluster_again(
    album: Album, threshold: float, group_ids: Sequence[int], new: AlbumFace | None = None, *, apart: bool = False
) -> None:
    """Cluster the faces of these groups, and a new face that touches them; groups keep their id with most of theirs.

    `apart`: no face moves from one group to another.
    """
    members = AlbumFace.objects.filter(group__in=group_ids).order_by("id")
    before: dict[int, int] = dict(members.values_list("pk", "group_id"))
    faces = [*before, *([new.pk] if new else [])]
    position = {face: number for number, face in enumerate(faces)}
    every = AlbumFace.objects
    near = every.edges_within(album, group_ids, threshold) if apart else every.edges(album, faces, threshold)
    edges = [(position[a], position[b], weight) for a, b, weight in near]
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
    """Each cluster with the group whose id it keeps: the one with which it shares most faces, or the older of two."""
    shared = [
        (count, -group_id, number)
        for number, cluster in enumerate(clusters)
        for group_id, count in Counter(before[face] for face in cluster if face in before).items()
    ]
    kept: dict[int, int] = {}
    taken: set[int] = set()
    for _, negative_id, number in sorted(shared, reverse=True):
        if number not in kept and negative_id not in taken:
            kept[number] = -negative_id
            taken.add(negative_id)
    return [(cluster, kept.get(number)) for number, cluster in enumerate(clusters)]
