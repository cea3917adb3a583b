"""While searching is stopped: every route of every interface, and every task, called for real."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client as Browser
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from audit.models import Record
from audit.services import resume_searching, stop_searching
from audit.tests.test_actions import ROUTES, path_of
from audit.types import SEARCHING
from clients.models import Client, Scope
from clients.services import create_api_key
from compat.compreface.tests import isolation as compreface
from compat.deepface_api.tests.conftest import bearer
from compat.deepstack.tests import isolation as deepstack
from compat.dialect import configs
from compat.ekyc.tests import isolation as ekyc
from compat.facehash.tests import isolation as facehash
from compat.facehash.tests.wire import stream_of
from faceapp.celery import app
from faceapp.tests.test_isolation import owned as stored
from people.health import tend_health
from people.models import CheckedPerson, Gallery
from training.models import Recogniser
from training.services import request_training
from training.tasks import train_recogniser
from vision.tests.drawing import RED, data_url, picture
from work.models import Status

pytestmark = pytest.mark.django_db
owned = stored  # a fixture: one of everything
IMAGE = data_url(picture(RED))
DISTANCE = re.compile("<->|<=>")  # as PostgreSQL computes it, whoever is compared

SEARCHES = {  # routes of the native API; the others neither identify nor compare anybody
    ("people-search", "post"),
    ("people-verify", "post"),
    ("people-report", "get"),
    ("people-report-of-image", "post"),
    ("compare-list", "post"),
    ("process-process-images", "post"),
    ("album-process", "post"),
    ("album-image-matches", "get"),
    ("recogniser-train", "post"),
}
REFUSED = "refused"
STORES, READS, DETECTS, ERASES = "stores", "reads what was stored before", "detects and embeds", "erases"
OF_DIALECTS = {
    "ekyc-check-2-face": REFUSED,
    "ekyc-face-otp": REFUSED,
    "ekyc-search": REFUSED,
    "ekyc-search-v2": REFUSED,
    "ekyc-search-v3": REFUSED,
    "ekyc-register-face": STORES,
    "ekyc-remove": ERASES,
    "ekyc-delete": ERASES,
    "ekyc-face-compare": REFUSED,
    "ekyc-face-live": REFUSED,
    "ekyc-face-detect": DETECTS,
    "ekyc-anti-spoof": DETECTS,
    "rekognition-root": REFUSED,
    "deepstack-detect": DETECTS,
    "deepstack-recognise": REFUSED,
    "deepstack-register": STORES,
    "deepstack-list": READS,
    "deepstack-delete": ERASES,
    "deepstack-match": REFUSED,
    "deepface_api-verify": REFUSED,
    "deepface_api-search": REFUSED,
    "deepface_api-represent": DETECTS,
    "deepface_api-analyze": DETECTS,
    "deepface_api-register": STORES,
    "deepface_api-welcome": READS,
    "deepface_api-build-index": READS,
    "compreface-recognise": REFUSED,
    "compreface-embeddings-recognise": REFUSED,
    "compreface-face-verify": REFUSED,
    "compreface-embeddings-face-verify": REFUSED,
    "compreface-verify": REFUSED,
    "compreface-embeddings-verify": REFUSED,
    "compreface-subjects": STORES,
    "compreface-subject": STORES,
    "compreface-faces": STORES,
    "compreface-face": ERASES,
    "compreface-faces-delete": ERASES,
    "compreface-face-image": READS,
    "compreface-static": READS,
    "compreface-detect": DETECTS,
    "compreface-config": READS,
    "compreface-consistence": READS,
    "compreface-unknown": "nothing",
    "facehash-root": REFUSED,
    "facehash-recognise": REFUSED,
    "facehash-key-root": REFUSED,
    "facehash-key-recognise": REFUSED,
    "facehash-train": STORES,
    "facehash-key-train": STORES,
    "faceanalysis-process": REFUSED,
    "faceanalysis-matches": REFUSED,
    "faceanalysis-register": STORES,
    "faceanalysis-token": STORES,
    "faceanalysis-upload": STORES,
    "faceanalysis-status": READS,
    "faceanalysis-images": READS,
    "nextcloud-open": READS,
    "nextcloud-detect": DETECTS,
    "nextcloud-compute": DETECTS,
    "nextcloud-welcome": READS,
    "nextcloud-health": READS,
}
OF_TASKS = {  # and what each does while searching is stopped
    "recognition.tasks.process_images": "waits",
    "albums.tasks.process_images": "waits",
    "training.tasks.train_recogniser": "waits",
    "people.tasks.tend_health": "leaves out who is stopped",
    "people.tasks.compare_probe": "drops the image of a search",
    "recognition.tasks.search_faces": "looks for somebody who was erased, to erase them",
    "people.tasks.tend_search_indexes": "compares an index with exact searches, and tells of nobody",
    "people.tasks.embed_images": DETECTS,
    "people.tasks.tend_respaces": "sends photographs to be embedded",
    "people.tasks.carry_out": "adds faces to a remote service and removes them",
    "people.tasks.send_remote_calls": "sends calls to be carried out",
    "people.elsewhere.tasks.ask_remote_service": "asks for a search or comparison that was allowed",
    "vision.tasks.analyse_image": DETECTS,
    "vision.tasks.find_faces_of_dlib": DETECTS,
    "vision.tasks.ping": "nothing",
    "work.tasks.sweep": "sends no work that waits",
    "audit.tasks.seal": "seals",
    "clients.tasks.warn_of_expiry": "reads keys",
    "audit.tasks.purge": ERASES,
    "blacklist.tasks.purge": ERASES,
    "albums.tasks.purge": ERASES,
    "clients.tasks.purge": ERASES,
    "storage.tasks.delete_due_files": ERASES,
    "liveness.tasks.purge": ERASES,
    "people.tasks.purge": ERASES,
    "recognition.tasks.purge": ERASES,
    "notifications.tasks.purge": ERASES,
    "notifications.tasks.deliver": "tells what was found before",
}


@contextmanager
def watched() -> Iterator[list[str]]:
    """The statements meanwhile that compare embeddings."""
    found = list[str]()

    def watch(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        found.extend([str(sql)] if DISTANCE.search(str(sql)) else [])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield found


def searches_recorded() -> int:
    return Record.objects.filter(action__in=SEARCHING).count()


def test_every_route_of_the_native_api(owned: dict[str, str], client_a: Client, settings: Settings) -> None:
    settings.ALLOW_RESET = True
    root = APIClient(headers={"X-API-Key": create_api_key(client_name="alice", scopes=Scope.values)[1]})

    def call(route: tuple[str, str]) -> Any:
        (name, method), (_, body) = route, ROUTES[route]
        kind = "multipart" if name.startswith("blacklist") and method == "post" else "json"
        sent = {} if body is None else {"data": body() if callable(body) else body, "format": kind}
        return getattr(root, method)(path_of(name, owned), **sent)

    for route in sorted(SEARCHES):  # the watch below would notice
        before = searches_recorded()
        with watched() as compared:
            assert call(route).status_code in {200, 202, 409}, route
        assert compared or searches_recorded() > before or route[0] in {"album-process", "recogniser-train"}, route
    stop_searching(client_id=client_a.pk)
    before = searches_recorded()
    with watched() as compared:
        for route in ROUTES:
            answer = call(route)
            refused = answer.status_code == 503 and answer.json()["code"] == "searching.stopped"
            assert refused == (route in SEARCHES), (route, answer.status_code)
            assert not refused or answer.headers["Retry-After"], route
    assert compared == [] and searches_recorded() == before


def test_every_route_of_the_older_apis(client_a: Client) -> None:
    routes = {route.name: config for config in configs() for route in config.dialect.routes}
    assert routes.keys() == OF_DIALECTS.keys()
    calls = [import_module(f"{config.name}.tests.isolation") for config in configs()]
    for dialect in calls:
        dialect.store(client_a)

    def answers() -> dict[str, Any]:
        found = {name: answer for dialect in calls for name, answer in dialect.ask(client_a).items()}
        found |= compreface.compare(client_a) | deepstack.compare(client_a)
        return found | {
            "ekyc-check-2-face": ekyc.caller(client_a).post("/check-2-face", pair, format="json").json(),
            "ekyc-face-compare": ekyc.caller(client_a).post("/api/v2/face-compare", pair, format="json").json(),
            "ekyc-face-live": ekyc.caller(client_a).post("/face-live", commands, format="json").json(),
            "deepface_api-verify": bearer(client_a).post("/verify", images, format="json").json(),
        }

    pair = {"people_1": IMAGE, "people_2": IMAGE, "is_live_check": False}
    images = {"img1": IMAGE, "img2": IMAGE}
    commands = {"image": IMAGE, "cmds": [{"action": "HEAD_CENTER", "images": [IMAGE]}]}
    before = answers()
    ekyc.store(client_a)  # the call has erased it
    stop_searching(client_id=client_a.pk)
    rows = searches_recorded()
    with watched() as compared:
        after = answers()
        for call in OTHER_CALLS:
            call(client_a)
    assert compared == [] and searches_recorded() == rows
    for name, kind in OF_DIALECTS.items():
        if name in after:
            assert ("stopped all searching" in str(after[name])) == (kind == REFUSED), after[name]
            assert "stopped" not in str(before[name])
    assert {name for name, kind in OF_DIALECTS.items() if kind == REFUSED} <= after.keys()


def nextcloud(client: Client) -> None:
    api = APIClient(headers={"X-API-Key": create_api_key(client_name=client.name, scopes=["nextcloud"])[1]})
    face = SimpleUploadedFile("x.png", picture(RED))
    assert api.post("/detect", {"file": face}, format="multipart").json()["faces"]


def learn(client: Client) -> None:
    fields = {"stream": stream_of(picture(RED)), "userName": "red"}
    assert Browser().post(f"/{facehash.key_of(client.name, client.pk)}/train", fields).json()["trainingSuccess"] == 1


OTHER_CALLS: list[Callable[[Client], object]] = [nextcloud, learn, ekyc.store]  # answered while searching is stopped


# ---- tasks ------------------------------------------------------------------------------------------------------
def test_every_task_says_what_it_does_meanwhile() -> None:
    app.loader.import_default_modules()
    assert {name for name in app.tasks if not name.startswith(("celery.", "vision.tests."))} == OF_TASKS.keys()


def test_trainings_wait(client_a: Client, client_b: Client) -> None:
    galleries = [Gallery.objects.named(client, "staff") for client in (client_a, client_b)]
    ours, theirs = (
        Recogniser.objects.create(client=gallery.client, gallery=gallery, space="gone", version=1)
        for gallery in galleries
    )
    stop_searching(client_id=client_a.pk)
    train_recogniser([ours.pk])
    train_recogniser([theirs.pk])
    assert request_training(client=client_a, source="staff", by_itself=True) is None
    assert states(ours, theirs) == [(Status.PENDING, 0), (Status.FAILED, 1)]
    resume_searching(client_id=client_a.pk)
    train_recogniser([ours.pk])
    assert states(ours) == [(Status.FAILED, 1)]


def states(*rows: Recogniser) -> list[tuple[str, int]]:
    found = Recogniser.objects.in_bulk([row.pk for row in rows])
    return [(found[row.pk].status, found[row.pk].attempts) for row in rows]


def test_galleries_are_not_compared_with_themselves(client_a: Client, client_b: Client) -> None:
    for client in (client_a, client_b):
        ekyc.store(client)
    stop_searching(client_id=client_a.pk)
    tend_health()
    assert set(CheckedPerson.objects.values_list("person__client", flat=True)) == {client_b.pk}
    resume_searching(client_id=client_a.pk)
    tend_health()
    assert set(CheckedPerson.objects.values_list("person__client", flat=True)) == {client_a.pk, client_b.pk}
