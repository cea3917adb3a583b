"""Rows with stored files, for tests."""

from clients.models import Client
from recognition.models import Job, ProcessedImage
from storage.files import store_file


def screened(client: Client, data: bytes, *, position: int = 0) -> ProcessedImage:
    """An image that was screened, stored as the service stores it."""
    job = Job.objects.create(client=client, metric="euclidean", threshold=0.2)
    image = ProcessedImage(client=client, job=job, position=position, identifier="x")
    store_file(file=image.image, extension=".png", data=data)
    image.save()
    return image
