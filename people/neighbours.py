"""The people nearest to a face, among galleries that are compared exactly and large ones that have an index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from people.models import SearchIndex
from people.querysets import SPARE, FaceTemplateQuerySet, each_once
from people.types import Neighbour
from vectors.stored import Rotated

MOST_BY_INDEX = 1_000  # templates that a search may ask of an index: pgvector's limit
STEPS = (40, 200, MOST_BY_INDEX)  # templates asked for until one is beyond the threshold


@dataclass(frozen=True)
class SearchedTemplates:
    """The templates of one client in one space that are searched together.

    `compared` are those of galleries without an index: each of them is compared. Every other gallery is asked through
    its index; where the index cannot give enough, the gallery is compared as well.
    """

    templates: FaceTemplateQuerySet
    compared: FaceTemplateQuerySet
    indexes: Sequence[SearchIndex]
    metric: str

    def nearest(self, embedding: Rotated, *, limit: int) -> list[Neighbour]:
        """The `limit` people nearest to an embedding, whatever their distance, each once, closest first."""
        near = self.compared.nearest(embedding, metric=self.metric, limit=limit)
        for index in self.indexes:
            near += self._nearest_by(index, embedding, limit)
        return sorted(near, key=_closeness)[:limit]

    def nearest_templates(self, embedding: Rotated, *, limit: int) -> list[Neighbour]:
        """The `limit` templates nearest to an embedding, whosever they are, closest first."""
        near = self.compared.nearest_templates(embedding, metric=self.metric, limit=limit)
        for index in self.indexes:
            own, rows = self.templates.in_galleries([index.gallery_id]), list[Neighbour]()
            if limit <= MOST_BY_INDEX:
                rows = own.nearest_by(index, embedding, metric=self.metric, count=limit)
            near += rows if len(rows) == limit else own.nearest_templates(embedding, metric=self.metric, limit=limit)
        return sorted(near, key=_closeness)[:limit]

    def within(self, embeddings: Sequence[Rotated], *, threshold: float) -> list[list[Neighbour]]:
        """For each embedding the people with a template within `threshold`, each once, closest first."""
        near = self.compared.within(embeddings, metric=self.metric, threshold=threshold)
        for index in self.indexes:
            for found, embedding in zip(near, embeddings, strict=True):
                found += self._within_by(index, embedding, threshold)
        return [sorted(found, key=_closeness) for found in near]

    def _nearest_by(self, index: SearchIndex, embedding: Rotated, limit: int) -> list[Neighbour]:
        own, count = self.templates.in_galleries([index.gallery_id]), SPARE * limit
        while count <= MOST_BY_INDEX:
            rows = own.nearest_by(index, embedding, metric=self.metric, count=count)
            people = each_once(rows)
            if len(people) >= limit:
                return people[:limit]
            if len(rows) < count:
                break
            count *= SPARE
        return own.nearest(embedding, metric=self.metric, limit=limit)

    def _within_by(self, index: SearchIndex, embedding: Rotated, threshold: float) -> list[Neighbour]:
        own = self.templates.in_galleries([index.gallery_id])
        for count in STEPS:
            rows = own.nearest_by(index, embedding, metric=self.metric, count=count)
            if rows and rows[-1].distance > threshold:
                return each_once([row for row in rows if row.distance <= threshold])
        return own.within([embedding], metric=self.metric, threshold=threshold)[0]


def _closeness(neighbour: Neighbour) -> tuple[float, int]:
    return neighbour.distance, neighbour.reference_image_id
