"""How blacklists are searched: at which operating point, and the faces of an image of which nothing is stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from audit.services import record, require_searching
from audit.types import Action
from blacklist.models import BlacklistEntry
from blacklist.services import search_blacklist, search_blacklist_elsewhere
from blacklist.types import Hit
from clients.models import Client
from people.models import Gallery, GalleryKind
from people.services import AskedGalleries, SearchedGalleries, asked_in, ours_of, search_in
from recognition.types import LookedUpFace, LookUp, ScreeningOptions
from vision import inference
from vision.distances import METRICS
from vision.engines import check_names, engines
from vision.inference import AnalysisOptions
from vision.types import DetectedFace

LONGEST_NAME = 100  # characters of a name that is ignored


def screening_options(
    *,
    client: Client,
    model: str | None = None,
    detector: str | None = None,
    metric: str | None = None,
    threshold: float | None = None,
) -> ScreeningOptions:
    """Fill in what the caller left open: engine, detector and metric, and the operating point of the blacklist.

    A threshold of 0 counts as absent. Raises `UnknownName` for names that do not exist or are not enabled here, unless
    the client ignores those of models and metrics; a threshold, which is a distance by them, is then ignored too.
    """
    ignored: dict[str, str | float] = {}
    if client.ignores_other_engines:
        ignored = _not_enabled(model, metric, threshold)
        model = None if "model_name" in ignored else model
        metric = None if "distance_metric" in ignored else metric
        threshold = None if "threshold" in ignored else threshold
    check_names(model=model, detector=detector, metric=metric)
    alias = engines.alias_of_model(model) if model else None
    blacklists = blacklists_of(client)
    search = search_in(
        client=client, galleries=ours_of(blacklists), threshold=threshold or None, alias=alias, metric=metric
    )
    point = decisive(search, asked_in(client=client, galleries=blacklists, threshold=threshold or None)).point
    return ScreeningOptions(search.alias, detector or "", point.metric, point.threshold, threshold or None, ignored)


def _not_enabled(model: str | None, metric: str | None, threshold: float | None) -> dict[str, str | float]:
    """What of these is to be ignored, by the names that requests have for them."""
    ignored: dict[str, str | float] = {}
    if model and model not in {space.model for space in engines.spaces().values()}:
        ignored["model_name"] = model[:LONGEST_NAME]
    if metric and metric not in METRICS:
        ignored["distance_metric"] = metric[:LONGEST_NAME]
    return ignored | ({"threshold": threshold} if ignored and threshold else {})


def blacklists_of(client: Client) -> list[Gallery]:
    """Which are searched together."""
    return list(Gallery.objects.of_client(client).of_kind(GalleryKind.BLACKLIST))


def decisive(searched: SearchedGalleries, asked: AskedGalleries | None) -> SearchedGalleries | AskedGalleries:
    """What stands for a search here, by a remote service, or by both."""
    return asked if asked is not None and not searched.points else searched


def look_up(*, client: Client, data: bytes) -> LookUp:
    """Search the faces of one image on the blacklist, as screening does, without storing anything.

    Raises `InvalidImage`, `SearchingStopped` or `Unavailable`.
    """
    require_searching(client.pk)
    blacklists = blacklists_of(client)
    searched, asked = (
        search_in(client=client, galleries=ours_of(blacklists)),
        asked_in(client=client, galleries=blacklists),
    )
    analysis = inference.analyse(data, AnalysisOptions(aliases=[searched.alias], liveness=True))
    space, point = searched.space.name, searched.point
    recognisable = [face for face in analysis.faces if face.is_recognisable]
    embeddings = [face.embeddings[space] for face in recognisable]
    found = search_blacklist(
        client=client, space=space, embeddings=embeddings, metric=point.metric, threshold=point.reach
    )
    found = with_those_elsewhere(found, asked, [(data, recognisable)])
    where = decisive(searched, asked)
    hits = [hit for of_face in found for hit in of_face]
    entries = BlacklistEntry.objects.of_client(client).in_bulk({hit.entry_id for hit in hits})
    names = sorted({entry.audit_name for entry in entries.values()})
    record(Action.SCREEN, client_id=client.pk, objects=names, searched=where.audited, results=len(hits))
    remaining = iter(found)
    faces = [
        LookedUpFace(face, [(entries[hit.entry_id], hit) for hit in next(remaining) if hit.entry_id in entries])
        if face.is_recognisable
        else LookedUpFace(face, [])
        for face in analysis.faces
    ]
    return LookUp(analysis, faces, where.point)


def with_those_elsewhere(
    found: list[list[Hit]], asked: AskedGalleries | None, images: Iterable[tuple[bytes, Sequence[DetectedFace]]]
) -> list[list[Hit]]:
    """The hits of each face, and those of a remote service."""
    if asked is None:
        return found
    there = search_blacklist_elsewhere(
        asked=asked, images=[(data, [face.box for face in faces]) for data, faces in images if faces]
    )
    return [here + further for here, further in zip(found or [[] for _ in there], there, strict=True)]
