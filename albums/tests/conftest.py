"""Albums of drawn pictures: the fake engine sees a face in every coloured square, and the colour is the person."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from albums import services
from albums.models import Album, AlbumImage
from clients.models import Client
from vision.tests.drawing import picture
from vision.types import Upload
from work.submissions import read_submission

Colour = tuple[int, int, int]
Add = Callable[..., AlbumImage]


@pytest.fixture
def album(client_a: Client) -> Album:
    return services.create_album(client=client_a, name="holiday")


@pytest.fixture
def upload(album: Album) -> Add:
    """An image with one square of each colour, not processed."""

    def add(*colours: Colour) -> AlbumImage:
        [row] = services.add_images(album=album, submissions=[read_submission(Upload(picture(*colours), "a.png"))])
        return row

    return add


@pytest.fixture
def add(upload: Add) -> Add:
    """An image with one square of each colour, processed."""

    def added(*colours: Colour) -> AlbumImage:
        row = upload(*colours)
        services.queue_image(image=row)
        row.refresh_from_db()
        return row

    return added
