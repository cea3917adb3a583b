"""Screened images for tests of the console."""

from __future__ import annotations

from typing import Any

from clients.models import Client
from recognition.models import Job, ProcessedImage, Status
from recognition.services import screening_options, submit_images
from vision.tests.drawing import picture
from vision.types import Upload
from work.submissions import read_submission


def screen(client: Client, *colours: Any, name: str = "red.png", data: bytes = b"", side: int = 100) -> ProcessedImage:
    """An image that has just been screened."""
    file = Upload(data or picture(*colours, side=side), name)
    options = screening_options(client=client)
    job = submit_images(client=client, submissions=[read_submission(file)], options=options)
    return job.images.get()


def rows(client: Client, count: int, **fields: Any) -> list[ProcessedImage]:
    """Rows alone, in the order of their numbers."""
    job = Job.objects.create(client=client, metric="euclidean", threshold=0.2)
    fields = {"status": Status.DONE, "identifier": "row"} | fields
    return [ProcessedImage.objects.create(client=client, job=job, position=n, **fields) for n in range(count)]


def beside(image: ProcessedImage) -> list[str]:
    """The files of an archive that belong to it."""
    return [f"images/{image.number}.png", f"images/{image.number}.png.xmp"]
