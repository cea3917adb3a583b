"""Questions to the gallery."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.db import connections, models
from pgvector import HalfVector

from people.types import Neighbour

if TYPE_CHECKING:
    from clients.models import Client
    from vision.types import Embedding


COSINE = "(template.embedding <=> probe.embedding)"
# DeepFace's metrics by name. `least` bounds the angular one as a distance: NaN, which a vector of zeros gives, is
# greater than every number and so becomes the farthest.
DISTANCES = {
    "euclidean": "template.embedding <-> probe.embedding",
    "cosine": COSINE,
    "euclidean_l2": f"sqrt(greatest(2 * {COSINE}, 0))",
    "angular": f"acos(1 - least(greatest({COSINE}, 0), 2)) / pi()",
}


class PersonQuerySet(models.QuerySet["Person"]):
    def of_client(self, client: Client) -> PersonQuerySet:
        return self.filter(client=client)


class ReferenceImageQuerySet(models.QuerySet["ReferenceImage"]):
    def without_template_in(self, space: str) -> ReferenceImageQuerySet:
        """Images that still need a template in this space. Those that are known by their embeddings alone have no file
        to make one from."""
        return self.exclude(image="").exclude(face_templates__space=space)


class FaceTemplateQuerySet(models.QuerySet["FaceTemplate"]):
    def of_client(self, client: Client) -> FaceTemplateQuerySet:
        return self.filter(client=client)

    def in_space(self, space: str) -> FaceTemplateQuerySet:
        return self.filter(space=space)

    def within(self, embeddings: Sequence[Embedding], *, metric: str, threshold: float) -> list[list[Neighbour]]:
        """For each embedding the people with a template within `threshold`, each once, closest first.

        Exact, in one query. Filter by client and space first: dimensions must agree, and an index on both leads to the
        rows. `metric` is one of `DISTANCES`.
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
