"""Questions to the gallery."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from django.core.exceptions import EmptyResultSet
from django.db import connections, models
from pgvector import HalfVector

from people.types import Neighbour
from vision.distances import DISTANCES

if TYPE_CHECKING:
    from clients.models import Client
    from people.models import Person
    from vision.types import Embedding

BLACKLIST = "blacklist"  # the source that holds blacklist entries; searches among people never see it

SPARE = 4  # templates read for each person wanted; people with many photographs take several places


class PersonQuerySet(models.QuerySet["Person"]):
    def of_client(self, client: Client) -> PersonQuerySet:
        return self.filter(client=client)

    def enrolled(self) -> PersonQuerySet:
        """Everybody but the blacklist's entries."""
        return self.exclude(source=BLACKLIST)

    def with_images(self) -> PersonQuerySet:
        """With their photographs, the primary one first, in one more query."""
        from people.models import ReferenceImage

        images = ReferenceImage.objects.primary_first()
        return self.prefetch_related(models.Prefetch("reference_images", images))


class ReferenceImageQuerySet(models.QuerySet["ReferenceImage"]):
    def without_template_in(self, space: str) -> ReferenceImageQuerySet:
        """Images that still need a template in this space. Those that are known by their embeddings alone have no file
        to make one from."""
        return self.exclude(image="").exclude(face_templates__space=space)

    def primary_first(self) -> ReferenceImageQuerySet:
        """The chosen image, then the others from the oldest on; the first one stands for the person."""
        return self.order_by("-is_primary", "id")


class FaceTemplateQuerySet(models.QuerySet["FaceTemplate"]):
    def of_client(self, client: Client) -> FaceTemplateQuerySet:
        return self.filter(client=client)

    def in_space(self, space: str) -> FaceTemplateQuerySet:
        return self.filter(space=space)

    def of_person(self, person: Person) -> FaceTemplateQuerySet:
        return self.filter(person=person)

    def vectors_of(self, reference_image_id: int) -> list[Embedding]:
        """The stored embeddings of a photograph, float32; filter by space first."""
        stored = self.filter(reference_image_id=reference_image_id).values_list("embedding", flat=True)
        return [np.asarray(vector, np.float32) for vector in stored]

    def enrolled(self, *, sources: Sequence[str] | None = None) -> FaceTemplateQuerySet:
        """Those of people, never of the blacklist; with `sources` only of these sub-galleries."""
        enrolled = self.exclude(source=BLACKLIST)
        return enrolled if sources is None else enrolled.filter(source__in=list(sources))

    def of_blacklist(self) -> FaceTemplateQuerySet:
        return self.filter(source=BLACKLIST)

    def within(self, embeddings: Sequence[Embedding], *, metric: str, threshold: float) -> list[list[Neighbour]]:
        """For each embedding the people with a template within `threshold`, each once, closest first.

        Exact, in one query. Filter by client and space first: dimensions must agree, and an index on both leads to the
        rows. `metric` is one of `vision.distances.METRICS`.
        """
        templates, filters = self.values("person_id", "reference_image_id", "embedding").query.sql_with_params()
        sql = f"""
            SELECT probe.face, template.person_id, template.reference_image_id, compared.distance
            FROM unnest(%s::halfvec[]) WITH ORDINALITY AS probe (embedding, face),
                ({templates}) AS template,
                LATERAL (SELECT {DISTANCES[metric]} AS distance) AS compared
            WHERE compared.distance <= %s
            ORDER BY compared.distance, template.reference_image_id"""  # noqa: S608  constants and parameters only
        probes = [HalfVector(embedding).to_text() for embedding in embeddings]
        best: list[dict[int, Neighbour]] = [{} for _ in embeddings]
        with connections[self.db].cursor() as cursor:
            cursor.execute(sql, [probes, *filters, threshold])
            for face, person, image, distance in cursor:
                best[face - 1].setdefault(person, Neighbour(person, image, distance))
        return [list(people.values()) for people in best]

    def nearest(self, embedding: Embedding, *, metric: str, limit: int) -> list[Neighbour]:
        """The `limit` people nearest to an embedding, whatever their distance, each once, closest first.

        Exact: every template is compared. Filter first, as for `within`.
        """
        wanted = SPARE * limit
        while True:
            rows = self._nearest_templates(embedding, metric=metric, limit=wanted)
            people: dict[int, Neighbour] = {}
            for row in rows:
                people.setdefault(row.person_id, row)
            if len(people) >= limit or len(rows) < wanted:
                return list(people.values())[:limit]
            wanted *= SPARE

    def _nearest_templates(self, embedding: Embedding, *, metric: str, limit: int) -> list[Neighbour]:
        try:
            templates, filters = self.values("person_id", "reference_image_id", "embedding").query.sql_with_params()
        except EmptyResultSet:  # no source at all is searched
            return []
        # One probe per query: compared with a constant, the templates may be read by several processes at once.
        sql = f"""
            SELECT template.person_id, template.reference_image_id, {DISTANCES[metric]} AS distance
            FROM ({templates}) AS template, (SELECT %s::halfvec AS embedding) AS probe
            ORDER BY distance, template.reference_image_id LIMIT %s"""  # noqa: S608  constants and parameters only
        with connections[self.db].cursor() as cursor:
            cursor.execute(sql, [*filters, HalfVector(embedding).to_text(), limit])
            return [Neighbour(*row) for row in cursor]
