"""The model that finds and describes faces for a Nextcloud server."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from clients.models import ApiKey
from compat.nextcloud.querysets import KeyModelQuerySet
from vision.raw_faces import RawFaceOptions


class FaceModel(models.IntegerChoices):
    """The models, by the numbers that the app and its older service gave them."""

    CNN = 1, "1: CNN, 5 landmarks"
    CNN_68 = 2, "2: CNN, 68 landmarks"
    HOG = 3, "3: HOG, 5 landmarks"
    CNN_HOG = 4, "4: CNN checked by HOG, 5 landmarks"

    @property
    def options(self) -> RawFaceOptions:
        """How its faces are found and described. HOG is upsampled once, as in the older service."""
        return {
            FaceModel.CNN: RawFaceOptions(detector="mmod"),
            FaceModel.CNN_68: RawFaceOptions(detector="mmod", points=68),
            FaceModel.HOG: RawFaceOptions(detector="hog", upsample=1),
            FaceModel.CNN_HOG: RawFaceOptions(detector="mmod", checked_by="hog"),
        }[self]


class KeyModel(models.Model):
    """The model of one key. Descriptors of different models cannot be compared; the protocol names no models."""

    api_key = models.OneToOneField(ApiKey, models.CASCADE, related_name="+", verbose_name="API key")
    model = models.PositiveSmallIntegerField(choices=FaceModel)
    computed_at = models.DateTimeField(
        "first faces",
        null=True,
        blank=True,
        editable=False,
        help_text="When faces were first computed with this model.",
    )

    objects: ClassVar[KeyModelQuerySet] = KeyModelQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = "Nextcloud model"
        verbose_name_plural = "Nextcloud models"

    def __str__(self) -> str:
        return f"{self.api_key}: model {self.model}"
