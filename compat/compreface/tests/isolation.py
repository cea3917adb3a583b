"""What `faceapp.tests.test_isolation` asks of this dialect. Each call is about Ann, whom one client has stored."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from django.test import override_settings

from clients.models import Client
from clients.services import create_api_key
from compat.compreface.models import Service
from compat.compreface.services import create_service
from compat.compreface.tests.wire import EMBEDDINGS, FACES, RECOGNISE, SUBJECTS, VERIFY, Caller
from people.models import Gallery, Person, ReferenceImage
from people.services import enrol_face
from people.types import EnrolmentRules, Gate, Whom
from vision.tests.drawing import RED, picture
from vision.types import Upload

OPEN = {f"compreface-{name}" for name in ("detect", "verify", "embeddings-verify", "config", "consistence", "unknown")}
NOTHING: dict[str, dict[str, Any]] = {
    "compreface-recognise": {"subjects": []},
    "compreface-embeddings-recognise": {"subjects": []},
    "compreface-subjects": {"subjects": []},
    "compreface-faces": {"total_elements": 0},
    "compreface-face-image": {"bytes": 0},
    "compreface-static": {"bytes": 0},
    "compreface-face-verify": {"code": 44},
    "compreface-embeddings-face-verify": {"code": 44},
    "compreface-face": {"code": 44},
    "compreface-faces-delete": {"gone": []},
    "compreface-subject": {"code": 42},
}
NAME = "Ann of the isolation"
EMBEDDING = {"embeddings": [[0.86, 0.08, 0.08, 1.0]]}


def has_stored(client: Client) -> bool:
    """Asked without a filter by client: a test takes those away."""
    return client.pk in Service.objects.values_list("client", flat=True)


def caller(client: Client) -> Caller:
    """Who has stored Ann has a gallery for this; everybody else the default one."""
    if not has_stored(client):
        return Caller(create_api_key(client_name=client.name, scopes=["all", "embeddings"])[1])
    gallery = Gallery.objects.named(client, "isolation")
    return Caller(create_service(client=client, kinds="RDV", name="x", gallery=gallery, embeddings=True)[1])


def store(client: Client) -> None:
    gallery = Gallery.objects.named(client, "isolation")
    create_service(client=client, kinds="R", name="x", gallery=gallery)
    whom = Whom(external_id=NAME, source=gallery.name, name=NAME)
    for _ in range(2):
        enrol_face(client=client, upload=Upload(picture(RED)), whom=whom, rules=EnrolmentRules(gate=Gate.OFF))


def ask(client: Client) -> dict[str, dict[str, Any]]:
    if has_stored(client) and not Person.objects.filter(external_id=NAME).exists():
        store(client)  # an earlier call has erased her
    hers = ReferenceImage.objects.filter(person__external_id=NAME).order_by("pk")
    first, second = hers.values_list("uuid", flat=True)
    api, image, results = caller(client), picture(RED), list[Any]()
    recognised = api.image(RECOGNISE, image).body
    similar = api.json(EMBEDDINGS, EMBEDDING).body
    with override_settings(COMPREFACE_STATIC=True):
        shown = api.get(f"static/{api.key}/images/{first}")
    results += [
        recognised["result"][0] if "result" in recognised else recognised,
        {"subjects": similar["result"][0]["similarities"]} if "result" in similar else similar,
        api.get(SUBJECTS).body,
        api.get(f"{FACES}?subject={quote(NAME)}").body,
        {"bytes": len(api.get(f"{FACES}/{first}/img").content)},
        {"bytes": len(shown.content)},
        api.image(f"{FACES}/{first}/verify", image).body,
        api.json(f"recognition/embeddings/faces/{first}/verify", EMBEDDING).body,
        api.delete(f"{FACES}/{first}").body,
        {"gone": api.json(f"{FACES}/delete", [str(second)]).body},
        api.delete(f"{SUBJECTS}/{quote(NAME)}").body,
    ]
    return dict(zip(NOTHING, results, strict=True))


def compare(client: Client) -> dict[str, Any]:
    """Calls that compare what they bring."""
    api, pair = caller(client), {"source_image": picture(RED), "target_image": picture(RED)}
    [one] = EMBEDDING["embeddings"]
    vectors = api.json("verification/embeddings/verify", {"source": one, "targets": [one]})
    return {"compreface-verify": api.form(VERIFY, pair).body, "compreface-embeddings-verify": vectors.body}
