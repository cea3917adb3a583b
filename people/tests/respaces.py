"""What the tests of respaces share: people who are known in the old space only, and steps without the wait."""

from __future__ import annotations

from datetime import timedelta

from django.core.files.base import ContentFile
from django.utils import timezone

from clients.models import Client
from people import respacing, services
from people.models import FaceTemplate, Gallery, Person, ReferenceImage, Respace
from people.types import AdoptedFace, EnrolmentRules, Probe, Search, SearchOptions, Whom
from vectors.stored import Rotated
from vision.engines import engines
from vision.tests.drawing import RED, picture
from vision.types import Box, Upload


def new_space() -> str:
    return engines["second"].space.name


def old_space() -> str:
    return engines["default"].space.name


def enrol(
    client: Client, colour: tuple[int, int, int] = RED, external_id: str = "u1", source: str = ""
) -> ReferenceImage:
    """A person with a template in the old space only."""
    upload, whom = Upload(picture(colour), "a.png"), Whom(external_id=external_id, source=source)
    image = services.enrol_face(client=client, upload=upload, whom=whom, rules=EnrolmentRules()).reference_image
    image.face_templates.filter(space=new_space()).delete()
    return image


def enrol_without_picture(client: Client, external_id: str = "unseen") -> Person:
    person = services.create_person(client=client, external_id=external_id)
    blue = Rotated.of([0.0, 0.0, 1.0, 1.0])
    face = AdoptedFace(Box(0, 0, 40, 40), 80, 80, 1.0, {}, old_space(), blue, None)
    services.adopt_face(person=person, face=face)
    return person


def lose_file(image: ReferenceImage) -> None:
    image.image.storage.delete(image.image.name)


def replace_file(image: ReferenceImage, data: bytes) -> None:
    lose_file(image)
    image.image.storage.save(image.image.name, ContentFile(data))


def computed(client: Client) -> Respace:
    return respacing.start_respace(client=client, alias="second")


def switched(client: Client) -> Respace:
    """A respace whose searches from before the switch have ended long ago."""
    respace = computed(client)
    respacing.switch(respace=respace)
    Respace.objects.filter(pk=respace.pk).update(switched_at=timezone.now() - timedelta(hours=1))
    respace.refresh_from_db()
    return respace


def search(client: Client, *colours: tuple[int, int, int], **options: object) -> Search:
    """For the face of this colour, or of these; red without one."""
    probe = Probe(picture(*(colours or [RED])))
    return services.search_people(client=client, probe=probe, options=SearchOptions(**options))  # type: ignore[arg-type]


def spaces_of(client: Client) -> set[str]:
    return set(Gallery.objects.of_client(client).values_list("space", flat=True))


def templates(client: Client) -> list[str]:
    return sorted(FaceTemplate.objects.of_client(client).values_list("space", flat=True))
