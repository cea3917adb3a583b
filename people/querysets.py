"""Questions to the gallery."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import FloatField, Value
from django.db.models.functions import ACos, Greatest, Least, Sqrt
from django.db.models.lookups import LessThanOrEqual
from pgvector import HalfVector
from pgvector.django import CosineDistance, L2Distance

if TYPE_CHECKING:
    from clients.models import Client
    from people.models import FaceTemplate
    from vision.types import Embedding


class PersonQuerySet(models.QuerySet["Person"]):
    def of_client(self, client: Client) -> PersonQuerySet:
        return self.filter(client=client)


class ReferenceImageQuerySet(models.QuerySet["ReferenceImage"]):
    def without_template_in(self, space: str) -> ReferenceImageQuerySet:
        """Images that still need a template in this space."""
        return self.exclude(face_templates__space=space)


class FaceTemplateQuerySet(models.QuerySet["FaceTemplate"]):
    def of_client(self, client: Client) -> FaceTemplateQuerySet:
        return self.filter(client=client)

    def in_space(self, space: str) -> FaceTemplateQuerySet:
        return self.filter(space=space)

    def nearest(self, embedding: Embedding, *, metric: str) -> FaceTemplateQuerySet:
        """Ordered by `distance` to `embedding`, exactly. Filter by client and space first: dimensions must agree.

        The sum keeps the planner from an approximate index over all clients, which would lose rows of this one.
        """
        return self.annotate(distance=distance_to(embedding, metric)).order_by(models.F("distance") + 0, "id")

    def best_per_person(self, embedding: Embedding, *, metric: str, threshold: float) -> list[FaceTemplate]:
        """The closest template of each person within `threshold`, closest person first.

        Only keys leave the database until the closest are known: no embedding is sorted or sent.
        """
        within = self.nearest(embedding, metric=metric).filter(LessThanOrEqual(models.F("distance"), threshold))
        best: dict[int, int] = {}
        for key, person in within.values_list("pk", "person_id"):
            best.setdefault(person, key)
        if not best:
            return []
        closest = self.model._default_manager.filter(pk__in=best.values()).select_related("reference_image")
        return list(closest.annotate(distance=distance_to(embedding, metric)).order_by("distance", "id"))


def distance_to(embedding: Embedding, metric: str) -> Any:
    """The SQL expression of DeepFace's metric of that name: euclidean, cosine, euclidean_l2 or angular."""
    probe = HalfVector(embedding)
    if metric == "euclidean":
        return L2Distance("embedding", probe)
    cosine = CosineDistance("embedding", probe)
    if metric == "cosine":
        return cosine
    if metric == "euclidean_l2":  # |a/|a| - b/|b||^2 = 2 (1 - cos)
        return Sqrt(Greatest(cosine * 2.0, Value(0.0)), output_field=FloatField())
    if metric == "angular":
        # Bounded as a distance: NaN, which a vector of zeros gives, is greater than all and so becomes the farthest.
        bounded = Least(Greatest(cosine, Value(0.0)), Value(2.0))
        return ACos(Value(1.0) - bounded, output_field=FloatField()) / math.pi
    raise ValueError(f"unknown metric {metric!r}")


def distance_of(template: FaceTemplate) -> float:
    """The annotation of `nearest`."""
    return float(template.distance)  # type: ignore[attr-defined]
