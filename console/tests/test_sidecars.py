"""Sidecars beside the photographs that are taken away: who is where, as other programs read it."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse
from PIL import Image as Pillow
from rest_framework.test import APIClient

from albums.models import Album, FaceGroup
from albums.services import create_album
from albums.tests.conftest import Add
from albums.tests.conftest import add as add  # fixtures
from albums.tests.conftest import upload as upload
from audit.models import Record
from blacklist.services import create_entry
from clients.models import Client, Scope
from clients.services import create_api_key
from console.tests.screened import screen
from console.tests.test_images import manager as manager
from console.tests.test_images import operator as operator
from people.models import Gallery, Person
from recognition.models import Match
from vision.regions import Stored, read_regions
from vision.tests.drawing import BLUE, GREEN, RED, picture
from vision.types import Upload

pytestmark = pytest.mark.django_db
STORED = Stored(320, 80, 1)  # of `picture(RED, GREEN)`, whose squares have 40 pixels


@pytest.fixture
def album(client_a: Client) -> Album:
    """`add` fills it."""
    return create_album(client=client_a, name="Party", keep_images=True)


def files_of(answer: Any) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def names(packet: bytes) -> list[tuple[str, int]]:
    """Each face's name and its left edge in pixels."""
    return [(region.name, region.box(160, 80).x) for region in read_regions(packet, Stored(160, 80, 1))]


def api_of(client: Client, *scopes: Scope) -> APIClient:
    api = APIClient()
    api.credentials(HTTP_X_API_KEY=create_api_key(client_name=client.name, scopes=scopes)[1])
    return api


def test_screened_images_have_the_names_of_their_hits(manager: Browser, client_a: Client, client_b: Client) -> None:
    create_entry(client=client_a, name="Ann <b>\x0b&", uploads=[Upload(picture(RED))])
    image = screen(client_a, RED, GREEN)
    path = f"/api/v1/processed-images/{image.number}/sidecar/"
    api = api_of(client_a, Scope.SCREEN)

    def taken() -> list[tuple[str, int]]:
        (beside,) = [
            data for name, data in files_of(manager.get(reverse("console:images-zip"))).items() if name.endswith(".xmp")
        ]
        answer = api.get(path)
        assert (answer["Content-Type"], answer.content) == ("application/rdf+xml", beside)
        return names(beside)

    assert taken() == [("Ann <b> &", 20), ("", 100)]
    assert Record.objects.filter(action="export", objects_named=[image.audit_name], results=2).exists()
    Match.objects.update(state="dismissed")
    assert taken() == [("", 20), ("", 100)]
    Gallery.objects.filter(kind="blacklist").update(two_person_review=True)
    Match.objects.update(state="open")
    assert names(api.get(path).content) == [("", 20), ("", 100)]
    assert api_of(client_b, Scope.SCREEN).get(path).status_code == 404
    assert api_of(client_a, Scope.ALBUMS).get(path).status_code == 403


def test_albums_have_the_names_of_their_groups(
    manager: Browser, operator: Browser, client_a: Client, client_b: Client, album: Album, add: Add
) -> None:
    image = add(RED, GREEN)
    add(BLUE)
    group = FaceGroup.objects.get(faces__image=image, faces__index=1)
    group.person = Person.objects.create(client=client_a, gallery=Gallery.objects.default_of(client_a), name="Grün")
    group.save()
    packed = files_of(manager.get(reverse("console:album-zip", args=[album.number])))
    assert len(packed) == 4
    (of_two,) = [data for data in packed.values() if b"Gr" in data and data.startswith(b"<?xpacket")]
    assert names(of_two) == [("", 20), ("Grün", 100)]
    path = f"/api/v1/albums/{album.number}/images/{image.number}/sidecar/"
    assert api_of(client_a, Scope.ALBUMS).get(path).content == of_two
    assert api_of(client_b, Scope.ALBUMS).get(path).status_code == 404
    assert operator.get(reverse("console:album-zip", args=[album.number])).status_code == 403
    Pillow.open(io.BytesIO(packed[f"photographs/{image.number}.png"])).verify()
