"""Deciding the faces of a search in the old space and in the new one, and counting where the two differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import F

from audit.services import is_stopped
from errors import InvalidInput
from people.elsewhere.asking import ours_of
from people.galleries import SearchedGalleries, search_in
from people.models import Gallery, Respace, ShadowDifference
from people.search import nearest_people
from people.shadow import PAUSE_SECONDS, turn_of
from people.types import Faces
from vision import inference
from vision.dispatch import handoff
from vision.engines import engines
from vision.inference import AnalysisOptions
from vision.selection import choose_face
from vision.types import DetectedFace

MOST_FACES = 20  # of one image
MOST_KEPT = 200  # differences of one respace: the latest


@dataclass(frozen=True)
class Verdict:
    """Whom a face matches (None: nobody), and how similar the nearest person is (None: nobody is there)."""

    person_id: int | None
    similarity: float | None


def compare_probe(*, respace_id: int, gallery_ids: Sequence[int], faces: Faces, key: str) -> None:
    """Decide the faces of the image that waits under `key`, unless the respace has moved on since."""
    data = handoff().getdel(key)
    respace = Respace.objects.in_shadow().select_related("client").filter(pk=respace_id).first()
    named = Gallery.objects.filter(client=respace.client, pk__in=gallery_ids) if respace else ()
    galleries = ours_of(list(named))
    if respace and galleries and isinstance(data, bytes) and not is_stopped(respace.client_id):
        old = search_in(client=respace.client, galleries=galleries)
        alias = engines.alias_of_space(respace.space)
        new = search_in(client=respace.client, galleries=galleries, alias=alias)
        _record(respace, _decide(data, faces, old, new))
    handoff().expire(turn_of(respace_id), PAUSE_SECONDS)


def _decide(data: bytes, which: Faces, old: SearchedGalleries, new: SearchedGalleries) -> list[tuple[Verdict, Verdict]]:
    """Both verdicts on each face that can be recognised. The old engine finds the faces for both."""
    try:
        faces = inference.analyse(data, AnalysisOptions(aliases=[old.alias, new.alias])).faces
        searched = faces[:MOST_FACES] if which == "all" else [choose_face(faces, "largest")]
    except InvalidInput:
        return []
    return [(_verdict(face, old), _verdict(face, new)) for face in searched if face.is_recognisable]


def _verdict(face: DetectedFace, searched: SearchedGalleries) -> Verdict:
    nearest = next(iter(nearest_people(searched, face.embeddings[searched.space.name], limit=1)), None)
    if nearest is None:
        return Verdict(None, None)
    compared = nearest.comparison
    return Verdict(nearest.person.pk if compared.matches else None, compared.similarity)


def _record(respace: Respace, verdicts: Sequence[tuple[Verdict, Verdict]]) -> None:
    """Count, and keep the latest differences; nothing of an image whose people are erased at this moment."""
    different = [(before, after) for before, after in verdicts if before.person_id != after.person_id]
    counts = Counter(_kind(before, after) for before, after in different)
    try:
        with transaction.atomic():
            rows = Respace.objects.in_shadow().filter(pk=respace.pk)
            rows.update(compared=F("compared") + len(verdicts), **{kind: F(kind) + n for kind, n in counts.items()})
            ShadowDifference.objects.bulk_create(
                ShadowDifference(
                    respace=respace,
                    before_id=before.person_id,
                    after_id=after.person_id,
                    before_similarity=before.similarity,
                    after_similarity=after.similarity,
                )
                for before, after in different
            )
            latest = respace.differences.order_by("-pk").values("pk")[:MOST_KEPT]
            respace.differences.exclude(pk__in=latest).delete()
    except IntegrityError:
        return


def _kind(before: Verdict, after: Verdict) -> str:
    """The column of `Respace` that counts such a difference."""
    if before.person_id and after.person_id:
        return "other_matches"
    return "lost_matches" if before.person_id else "new_matches"
