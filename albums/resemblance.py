"""Who of an album may be the same person, and in which of its groups the faces of a photograph are.

Faces are compared by the database, exactly, and nothing is stored but what people say about two groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from albums.linking import link_point, point_for
from albums.models import Album, AlbumFace, FaceGroup
from albums.types import Alike, AlikeGroups, FaceInAlbum, GroupNear
from audit.services import record, require_searching
from audit.types import Action, Searched
from calibration.types import OperatingPoint
from vectors.stored import to_store
from vision import inference
from vision.engines import engines
from vision.exceptions import UnusableFace
from vision.inference import AnalysisOptions
from vision.types import DetectedFace

FACES_OF_EACH = 3  # of a group, the largest, where the groups of an album are compared with each other
MOST_COMPARED = 1000  # faces that are compared with each other; with groups of three or more, 333 groups
FACES_OF_ONE = 10  # of a group, the largest, where it is compared with all faces of the album
MOST_ALIKE = 12  # pairs that are named
NEAREST = 3  # groups that are named for a face of a photograph


def alike_groups(*, album: Album) -> AlikeGroups:
    """Pairs of groups whose nearest faces are within the one-to-one operating point, closest first.

    The largest faces of the largest groups are compared, up to `MOST_COMPARED` of them. Raises `SearchingStopped`.
    """
    faces = AlbumFace.objects.clearest(album, each=FACES_OF_EACH, most=MOST_COMPARED)
    ids = [face for face, _ in faces]
    pairs = _alike(album, probes=ids, templates=ids)
    return AlikeGroups(pairs, len({group for _, group in faces}), FaceGroup.objects.of_album(album).count())


def groups_like(*, group: FaceGroup) -> Sequence[Alike]:
    """Other groups of the album that may show the group's person, closest first. Raises `SearchingStopped`.

    The largest faces of the group are compared with all faces of the album.
    """
    largest = AlbumFace.objects.largest_of(group).values_list("pk", flat=True)[:FACES_OF_ONE]
    return _alike(group.album, probes=list(largest))


def _alike(album: Album, *, probes: Sequence[int], templates: Sequence[int] | None = None) -> Sequence[Alike]:
    require_searching(album.client_id)
    point = point_for(album, people=1)
    found = AlbumFace.objects.groups_alike(album, probes, templates, point.threshold, MOST_ALIKE)
    faces = _loaded([face for *pair, _ in found for face in pair])
    alike = [
        Alike(faces[face], faces[other], compared)
        for (face, other, _), compared in zip(found, point.compare([row[2] for row in found]), strict=True)
        if face in faces and other in faces
    ]
    _record(Action.MATCH, album, point, [one for pair in alike for one in (pair.face, pair.other_face)])
    return alike


def find_in_album(*, album: Album, data: bytes) -> list[FaceInAlbum]:
    """In which groups the faces of an image are, which is not stored. A match as strict as links within the album are;
    groups up to the one-to-one operating point are named as well, to be looked at.

    Raises `InvalidImage`, `UnusableFace` (`face.none`), `EngineUnavailable`, `SearchingStopped` or `Unavailable`.
    """
    require_searching(album.client_id)
    alias = engines.alias_of_space(album.space)
    analysis = inference.analyse(data, AnalysisOptions(aliases=[alias]))
    if not analysis.faces:
        raise UnusableFace("No face was found in this image.", code="face.none")
    link, alone = link_point(album), point_for(album, people=1)
    point = replace(link, review=max(link.reach, alone.threshold))
    found = [FaceInAlbum(face, _near(album, point, face)) for face in analysis.faces]
    _record(Action.SEARCH, album, point, [near.face for one in found for near in one.near])
    return found


def _near(album: Album, point: OperatingPoint, face: DetectedFace) -> list[GroupNear]:
    if not face.is_recognisable:
        return []
    probe = to_store(face.embeddings[album.space], client_id=album.client_id, space=album.space)
    rows = AlbumFace.objects.groups_near(album, probe, point.reach, NEAREST)
    faces = _loaded([nearest for _, nearest, _ in rows])
    compared = point.compare([distance for _, _, distance in rows])
    return [GroupNear(faces[row[1]], one) for row, one in zip(rows, compared, strict=True) if row[1] in faces]


def _loaded(ids: Sequence[int]) -> dict[int, AlbumFace]:
    return AlbumFace.objects.defer("embedding").select_related("image", "group__person").in_bulk(ids)


def _record(action: Action, album: Album, point: OperatingPoint, found: Sequence[AlbumFace]) -> None:
    """Groups are numbered within their album."""
    groups = dict.fromkeys(f"group:{face.group.number}" for face in found if face.group)
    searched = Searched(space=album.space, threshold=point.reach)
    objects = [album.audit_name, *groups]
    record(action, client_id=album.client_id, objects=objects, searched=searched, results=len(groups))
