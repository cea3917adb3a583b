"""Where a policy demands liveness, the face that is compared must show it, not another one beside it."""

from __future__ import annotations

import io
from collections.abc import Iterable

import pytest
from PIL import Image, ImageDraw

from clients.models import Client, LivenessPolicy
from liveness.exceptions import NotLive
from liveness.tests.conftest import antispoof  # noqa: F401  fixture
from people.looks import Look
from people.services import compare_all, compare_closest, compare_with_photograph, enrol_face
from people.types import Whom
from vision.selection import FacesWanted
from vision.tests.drawing import BLUE, RED, picture
from vision.types import DetectedFace, Upload

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("antispoof")]


@pytest.fixture
def with_picture(client_a: Client) -> bytes:
    """A large living face in blue that holds up a small picture of somebody in red."""
    Client.objects.filter(pk=client_a.pk).update(liveness_policy=LivenessPolicy.PASSIVE)
    client_a.refresh_from_db()
    return scene(BLUE, RED)


def scene(living: tuple[int, int, int], shown: tuple[int, int, int]) -> bytes:
    image = Image.new("RGB", (400, 160), (128, 128, 128))
    draw = ImageDraw.Draw(image)
    draw.rectangle([20, 20, 120, 120], fill=living)
    draw.rectangle([240, 40, 280, 80], fill=shown)
    draw.rectangle([244, 42, 276, 47], fill=(255, 255, 255))  # glare
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def test_a_living_face_does_not_speak_for_a_picture_beside_it(client_a: Client, with_picture: bytes) -> None:
    found = compare_closest(client=client_a, first=with_picture, second=picture(RED), look=Look())
    assert not found.comparison.matches
    assert compare_closest(client=client_a, first=with_picture, second=picture(BLUE), look=Look()).comparison.matches


class Small(FacesWanted):
    """What a threshold of confidence does where the detector is surer of the picture than of the living face."""

    def of(self, faces: Iterable[DetectedFace]) -> list[DetectedFace]:
        return super().of(face for face in faces if face.box.w < 60)


def test_nor_where_the_living_face_is_not_wanted(client_a: Client, with_picture: bytes) -> None:
    with pytest.raises(NotLive):
        compare_all(client=client_a, first=with_picture, second=picture(RED), look=Look(wanted=Small()), only=True)


def test_nor_for_a_stored_photograph(client_a: Client, with_picture: bytes) -> None:
    image = enrol_face(client=client_a, upload=Upload(picture(RED)), whom=Whom(external_id="red")).reference_image
    with pytest.raises(NotLive):
        compare_with_photograph(image=image, data=with_picture, look=Look(wanted=Small()))
    [(_, compared)] = compare_with_photograph(image=image, data=with_picture).faces
    assert not compared.matches
