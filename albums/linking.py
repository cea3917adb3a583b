"""At which distance two faces of an album are linked, judged when somebody asks."""

from __future__ import annotations

from albums.models import Album, AlbumFace
from calibration.services import how_many, operating_point
from calibration.types import OperatingPoint
from vision.engines import engines

MOVED = 0.1  # of a distance: groups are judged anew


def link_point(album: Album) -> OperatingPoint:
    """The operating point at which faces of the album are linked now.

    The album's own threshold, if somebody chose one. Otherwise a new face is compared with all faces of the album, as
    with the people of a gallery, and links with strangers are as rare as false alarms are in a search.
    """
    if album.own_threshold:
        return point_for(album, people=1, threshold=album.threshold)
    faces = how_many(("faces", album.pk), AlbumFace.objects.filter(album=album).count)
    return point_for(album, people=max(faces, 1))


def point_for(album: Album, *, people: int, threshold: float | None = None) -> OperatingPoint:
    """The client's operating point in the album's space, which may not be enabled any more."""
    space = next((space for space in engines.spaces().values() if space.name == album.space), None)
    if space is None:
        return OperatingPoint(album.metric, album.threshold)
    return operating_point(client=album.client, space=space, metric=album.metric, threshold=threshold, people=people)


def has_moved(album: Album, threshold: float) -> bool:
    """Whether the distance of links has moved so far from that of the groups that they are to be judged anew."""
    return abs(threshold - album.threshold) > MOVED * album.threshold
