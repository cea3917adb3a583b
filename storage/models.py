"""What rows about stored pictures have in common."""

from __future__ import annotations

from dataclasses import asdict
from typing import Self

from django.db import models

from vision.types import LEAST_RECOGNISABLE, Box, DetectedFace


class StoredFace(models.Model):
    """A face found in a picture: its box in pixels of the upright image, how sure the detector is, how good it is."""

    box_x = models.IntegerField()
    box_y = models.IntegerField()
    box_w = models.IntegerField()
    box_h = models.IntegerField()
    confidence = models.FloatField()
    quality = models.JSONField(default=dict)

    class Meta:
        abstract = True

    @property
    def box(self) -> Box:
        return Box(self.box_x, self.box_y, self.box_w, self.box_h)

    @box.setter
    def box(self, box: Box) -> None:
        self.box_x, self.box_y, self.box_w, self.box_h = box.x, box.y, box.w, box.h

    @property
    def is_recognisable(self) -> bool:
        """Whether anything is decided about the face; it is if its recognisability was not assessed."""
        share = self.quality.get("recognisability")
        return share is None or share >= LEAST_RECOGNISABLE

    def describe(self, face: DetectedFace) -> Self:
        """Fill the columns from a face that an engine found. Returns the row itself."""
        self.box = face.box
        self.confidence = face.confidence
        self.quality = asdict(face.quality) if face.quality else {}
        return self


class DueFile(models.Model):
    """A file whose row has been erased, until the file is deleted too (`storage.files.erase_files`)."""

    client_id = models.BigIntegerField()  # no key: the file may outlive the client by a moment
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)
    tried_at = models.DateTimeField(null=True)  # when it could last not be deleted

    def __str__(self) -> str:
        return f"due file {self.pk}"
