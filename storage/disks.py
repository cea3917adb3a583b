"""The disks of this machine on which the service stores something."""

from __future__ import annotations

from dataclasses import dataclass
from shutil import disk_usage

from django.conf import settings


@dataclass(frozen=True)
class Room:
    """Of the disk that a folder is on, in bytes."""

    free: int
    size: int


def disks() -> dict[str, Room]:
    """By what is stored there: "media", images; "var", the database of `manage.py up`. Images in a bucket have none."""
    folders = {"media": settings.MEDIA_ROOT} if not settings.S3_BUCKET else {}
    folders |= {"var": settings.VAR} if settings.EMBEDDED_DATABASE else {}
    usages = {name: disk_usage(folder) for name, folder in folders.items() if folder.exists()}
    return {name: Room(usage.free, usage.total) for name, usage in usages.items()}
