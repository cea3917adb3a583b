"""Questions to the gallery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import F, Func, OuterRef, Subquery, Value
from django.db.models.functions import ACos, Greatest, Least, Sqrt
from pgvector.django import CosineDistance, L2Distance

from faceapp.exceptions import NotFound

if TYPE_CHECKING:
    from clients.models import Client
    from people.models import FaceTemplate, Person, ReferenceImage
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
