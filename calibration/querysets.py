"""Questions about calibrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from clients.models import Client


class SpaceCalibrationQuerySet(models.QuerySet["SpaceCalibration"]):
    def of_client(self, client: Client) -> SpaceCalibrationQuerySet:
        return self.filter(client=client)
