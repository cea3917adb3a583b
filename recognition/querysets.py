from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from clients.models import Client
    from recognition.models import Job, ProcessedImage


class JobQuerySet(models.QuerySet["Job"]):
    def of_client(self, client: Client) -> JobQuerySet:
        return self.filter(client=client)


class ProcessedImageQuerySet(models.QuerySet["ProcessedImage"]):
    def of_client(self, client: Client) -> ProcessedImageQuerySet:
        return self.filter(client=client)
