"""Finding a face in images that were screened earlier, for clients whose screened embeddings are kept."""

from __future__ import annotations

from dataclasses import replace

from audit.services import record, require_searching
from audit.types import Action, Searched
from calibration.services import operating_point
from clients.models import Client
from recognition.exceptions import EmbeddingNotKept
from recognition.models import ProcessedFace
from recognition.types import Sighting, Sightings
from vectors.stored import Rotated, to_store
from vision import inference
from vision.engines import engines
from vision.exceptions import NotRecognisable
from vision.inference import AnalysisOptions
from vision.selection import choose_face
from vision.types import Space

MOST = 40  # faces that are named


def find_screened_face(*, client: Client, face: ProcessedFace) -> Sightings:
    """Other screened faces that look like this one. Raises `EmbeddingNotKept` or `SearchingStopped`."""
    require_searching(client.pk)
    _require_kept(client)
    space = next((space for space in engines.spaces().values() if space.name == face.space), None)
    if space is None or face.embedding is None:
        raise EmbeddingNotKept("No embedding of this face was kept in a space that is enabled, so it cannot be found.")
    return _near(client, space, face.embedding, of=face)


def find_in_screened(*, client: Client, data: bytes, alias: str) -> Sightings:
    """Screened faces that look like the largest face of an image, in the space of an engine; the image is not stored.

    Raises `InvalidImage`, `UnusableFace` (`face.none`), `NotRecognisable`, `EmbeddingNotKept`, `SearchingStopped` or
    `Unavailable`.
    """
    require_searching(client.pk)
    _require_kept(client)
    space, analysis = engines[alias].space, inference.analyse(data, AnalysisOptions(aliases=[alias]))
    face = choose_face(analysis.faces, "largest")
    if not face.is_recognisable:
        raise NotRecognisable(face.recognisability_reason)
    probe = to_store(face.embeddings[space.name], client_id=client.pk, space=space.name)
    return replace(_near(client, space, probe), others=len(analysis.faces) - 1)


def _require_kept(client: Client) -> None:
    if not client.keep_screened_embeddings:
        raise EmbeddingNotKept("This client does not keep the embeddings of screened faces.")


def _near(client: Client, space: Space, probe: Rotated, *, of: ProcessedFace | None = None) -> Sightings:
    """As far as two faces count as one person, judged more strictly because it is a search among many."""
    kept = ProcessedFace.objects.with_embedding(client.pk, space.name)
    searched = kept.count()
    alone = operating_point(client=client, space=space)
    among = operating_point(client=client, space=space, people=max(searched, 1))
    reach = max(alone.threshold, among.reach)
    found = ProcessedFace.objects.nearest(
        client.pk, space.name, probe, metric=alone.metric, reach=reach, limit=MOST + 1
    )
    faces = kept.select_related("image").defer("embedding").in_bulk([face for face, _ in found])
    near = [(faces[face], distance) for face, distance in found if face in faces and faces[face] != of][:MOST]
    distances = [distance for _, distance in near]
    compared = zip(near, among.compare(distances), alone.compare(distances), strict=True)
    images = [face.image.audit_name for face, _ in near]
    names = [of.image.audit_name, *images] if of else images
    where = Searched(people=searched, space=space.name, threshold=among.threshold)
    record(Action.SEARCH, client_id=client.pk, objects=names, searched=where, results=len(near))
    return Sightings([Sighting(face, said, two) for (face, _), said, two in compared], searched)
