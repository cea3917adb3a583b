"""What holds beyond CompreFace's own contract: keys of one service, scopes, pages, faces that nobody is named for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pytest_django.fixtures import Settings

from audit.models import Record
from audit.types import Action
from clients.models import ApiKey, Client, LivenessPolicy
from clients.services import create_api_key, revoke_api_key
from compat.compreface.models import Service
from compat.compreface.parameters import Query
from compat.compreface.payloads import Shown
from compat.compreface.services import create_service, give_services
from compat.compreface.tests.wire import DETECT, EMBEDDINGS, FACES, RECOGNISE, SUBJECTS, VERIFY, Caller, caller_of
from people.models import Gallery, Person, ReferenceImage
from people.services import create_person
from vision.angles import angles_of
from vision.tests.drawing import BLUE, DIM, GREEN, RED, picture
from vision.types import Analysis, Attributes, Box, DetectedFace, Landmarks, Quality

pytestmark = pytest.mark.django_db
KEY = "c8f2a6b0-9d3e-4a17-8f55-0b61d2e7a934"
PAGE = "https://page.example"


def key_of(client: Client, *scopes: str) -> Caller:
    return Caller(create_api_key(client_name=client.name, scopes=scopes)[1])


# ---- keys -------------------------------------------------------------------------------------------------------
def test_a_key_of_one_service_opens_no_other(client_a: Client) -> None:
    image = picture(RED)
    for kind, own in {"R": RECOGNISE, "D": DETECT, "V": VERIFY}.items():
        api = caller_of(client_a, kind)
        for path in (RECOGNISE, DETECT, VERIFY):
            files = {"source_image": image, "target_image": image} if path == VERIFY else {"file": image}
            answer = api.form(path, files)
            assert (answer.status == 200) if path == own else (answer.error == (404, 10))


def test_an_earlier_key_is_a_key_like_any_other(client_a: Client) -> None:
    made, _ = create_service(client=client_a, kinds="R", name="x", key_uuid=KEY)
    for spelling in (KEY, KEY.upper(), f" {KEY}"):
        assert Caller(spelling).get(SUBJECTS).status == 200
    assert ApiKey.objects.get(pk=made.api_key_id).last_used_at is not None
    ApiKey.objects.filter(pk=made.api_key_id).update(networks=["192.0.2.0/24"])
    assert Caller(KEY).get(SUBJECTS).error == (404, 10)
    ApiKey.objects.filter(pk=made.api_key_id).update(networks=[])
    revoke_api_key(key=made.api_key)
    assert Caller(KEY).get(SUBJECTS).error == (404, 10)


def test_keys_have_the_gallery_of_their_service(client_a: Client, settings: Settings) -> None:
    settings.QUALITY_GATE = "off"
    staff, guests = (Gallery.objects.named(client_a, name) for name in ("staff", "guests"))
    one, other = caller_of(client_a, gallery=staff), caller_of(client_a, gallery=guests)
    image = one.add("Ann", picture(RED))
    assert Person.objects.get().gallery == staff
    assert other.get(SUBJECTS).body == {"subjects": []}
    assert other.delete(f"{FACES}/{image}").error == (404, 44)
    [face] = other.image(RECOGNISE, picture(RED)).body["result"]
    assert face["subjects"] == []
    give_services(key=Service.objects.get(gallery=guests).api_key, kinds="R", name="moved", gallery=staff)
    assert other.get(SUBJECTS).body == {"subjects": ["Ann"]}


@pytest.mark.parametrize("scope", ["people:match", "people:search", "people:write"])
def test_whoever_may_not_read_people_is_told_nobody(client_a: Client, settings: Settings, scope: str) -> None:
    settings.QUALITY_GATE = "off"
    image = caller_of(client_a).add("Ann", picture(RED))
    api = key_of(client_a, scope)
    for path in (RECOGNISE, f"{FACES}/{image}/verify"):
        assert api.image(path, picture(RED)).error == (403, 0)
    for path in (SUBJECTS, FACES, f"{FACES}/{image}/img"):
        assert api.get(path).error == (403, 0)


def test_embeddings_need_a_scope_that_is_named(client_a: Client) -> None:
    api = caller_of(client_a, embeddings=False)
    [face] = api.image(f"{RECOGNISE}?face_plugins=calculator", picture(RED)).body["result"]
    assert "embedding" not in face
    assert api.json(EMBEDDINGS, {"embeddings": [[1, 0, 0, 1]]}).error == (403, 0)


def test_pages_by_key(client_a: Client, settings: Settings) -> None:
    api, closed = caller_of(client_a), caller_of(client_a)
    Service.objects.filter(api_key__prefix=str(closed.key)[:8]).update(origins=[PAGE])
    assert closed.get(SUBJECTS, Origin=PAGE).headers["Access-Control-Allow-Origin"] == PAGE
    refused = closed.get(SUBJECTS, Origin="https://other.example")
    assert refused.error == (403, 0) and "Access-Control-Allow-Origin" not in refused.headers
    assert closed.get(SUBJECTS).status == 200
    settings.COMPREFACE_ORIGINS = []
    assert api.get(SUBJECTS, Origin=PAGE).error == (403, 0)
    assert api.get(SUBJECTS, Origin="http://testserver").status == 200


def test_photographs_by_a_key_in_the_path(client_a: Client, settings: Settings) -> None:
    settings.QUALITY_GATE = "off"
    owner = caller_of(client_a)
    image, images = owner.add("Ann", picture(RED)), caller_of(client_a, "I", embeddings=False)
    nobody = Caller(None)
    assert nobody.get(f"static/{owner.key}/images/{image}").error == (404, 0)
    settings.COMPREFACE_STATIC = True
    for api in (owner, images):
        assert nobody.get(f"static/{api.key}/images/{image}").content == picture(RED)
    assert nobody.get(f"static/{caller_of(client_a, 'D').key}/images/{image}").content == b""
    assert images.get(SUBJECTS).error == (404, 10)
    assert images.get("../v1/people/").status in {403, 404}


# ---- who is named -----------------------------------------------------------------------------------------------
def test_nobody_is_named_for_a_face_that_cannot_be_recognised(caller: Caller) -> None:
    caller.add("Ann", picture(RED))
    result = caller.image(RECOGNISE, picture(DIM, RED)).body["result"]
    assert [face["subjects"][0]["subject"] for face in result] == ["Ann"]
    assert caller.image(RECOGNISE, picture(DIM)).error == (400, 28)
    assert caller.image(f"{FACES}?subject=Dim", picture(DIM)).error == (400, 28)
    pair = caller.form(VERIFY, {"source_image": picture(RED), "target_image": picture(DIM)})
    assert pair.error == (400, 28)


def test_the_quality_gate_refuses_as_if_there_were_no_face(caller: Caller, settings: Settings) -> None:
    settings.QUALITY_GATE = "strict"
    assert caller.image(f"{FACES}?subject=Ann", picture(RED)).error == (400, 28)


def test_people_of_other_apis_are_subjects_too(caller: Caller, client_a: Client) -> None:
    create_person(client=client_a, name="Cleo")
    create_person(client=client_a, external_id="u1", name="Dora")
    assert caller.get(SUBJECTS).body == {"subjects": ["Cleo", "u1"]}
    assert caller.image(f"{FACES}?subject=cleo", picture(BLUE)).status == 201
    assert Person.objects.count() == 2
    assert caller.json(f"{SUBJECTS}/u1", {"subject": "u2"}, "PUT").body == {"updated": True}
    assert Person.objects.get(external_id="u2").name == "Dora"


def test_subjects_that_differ_in_case_are_kept_apart_if_there_are_both(caller: Caller, client_a: Client) -> None:
    for name in ("bob", "Bob"):
        create_person(client=client_a, external_id=name)
    assert caller.delete(f"{SUBJECTS}/Bob").body == {"subject": "Bob"}
    assert caller.get(SUBJECTS).body == {"subjects": ["bob"]}


def test_liveness_that_is_demanded(caller: Caller, client_a: Client) -> None:
    image = caller.add("Ann", picture(RED))
    Client.objects.filter(pk=client_a.pk).update(liveness_policy=LivenessPolicy.FRAMES)
    pair = {"source_image": picture(RED), "target_image": picture(RED)}
    answers = [
        caller.image(f"{FACES}?subject=Ann", picture(RED)),
        caller.image(f"{FACES}/{image}/verify", picture(RED)),
        caller.form(VERIFY, pair),
        caller.json("verification/embeddings/verify", {"source": [1, 0, 0, 1], "targets": [[1, 0, 0, 1]]}),
    ]
    assert {answer.error for answer in answers} == {(400, 0)}
    assert ReferenceImage.objects.count() == 1


def test_attempts_at_a_person_are_limited(caller: Caller, settings: Settings, redis_flush: None) -> None:
    settings.VERIFY_FAILURES = 2
    image = caller.add("Ann", picture(RED))
    for _ in range(2):
        assert caller.image(f"{FACES}/{image}/verify", picture(GREEN)).status == 200
    assert caller.image(f"{FACES}/{image}/verify", picture(RED)).error == (429, 0)


def test_it_is_recorded(caller: Caller) -> None:
    caller.add("Ann", picture(RED))
    ann = Person.objects.get()
    caller.image(RECOGNISE, picture(RED))
    caller.get(SUBJECTS)
    caller.delete(f"{SUBJECTS}/Ann")
    rows = Record.objects.filter(objects_named__contains=[ann.audit_name]).order_by("pk")
    assert [row.action for row in rows] == [Action.ENROL, Action.SEARCH, Action.VIEW, Action.ERASE]


def test_a_repeated_call_is_carried_out_once(caller: Caller) -> None:
    first, again = (caller.image(f"{FACES}?subject=Ann", picture(RED), Idempotency_Key="one") for _ in range(2))
    assert first.body == again.body and again.headers["Idempotent-Replayed"] == "true"
    assert ReferenceImage.objects.count() == 1


# ---- what is written --------------------------------------------------------------------------------------------
POINTS = Landmarks(left_eye=(70, 40), right_eye=(30, 40), nose=(50, 62.56), mouth_left=(65, 80), mouth_right=(35, 80))
FACE = DetectedFace(
    box=Box(10, 20, 80, 90),
    confidence=0.9876545,
    landmarks=POINTS,
    quality=Quality(size=80, sharpness=90.0, brightness=120.0, yaw=0.169, roll=-3.0),
    attributes=Attributes(age=31, gender="female", gender_confidence=0.97),
)


def test_every_plugin() -> None:
    query = Query({"face_plugins": "age gender, pose,landmarks  mask"})
    written = Shown(query, Analysis([FACE], 100, 120, 12.0), "space").face(FACE, subjects=[])
    assert written == {
        "age": {"probability": 1.0, "high": 31, "low": 31},
        "gender": {"probability": 0.97, "value": "female"},
        "pose": {"pitch": 0.0, "roll": -3.0, "yaw": 10.0},
        "box": {"probability": 0.98765, "x_max": 90, "y_max": 110, "x_min": 10, "y_min": 20},
        "subjects": [],
        "landmarks": [[30, 40], [70, 40], [50, 63], [35, 80], [65, 80]],
    }
    assert list(written) == ["age", "gender", "pose", "box", "subjects", "landmarks"]


@pytest.mark.parametrize(("nose", "sign"), [(58.0, 1), (68.0, -1)])
def test_a_head_that_looks_up_or_down(nose: float, sign: int) -> None:
    angles = angles_of(replace(FACE, landmarks=replace(POINTS, nose=(50, nose))))
    assert angles is not None and 5 < sign * angles.pitch < 40


def test_without_five_points_no_pose() -> None:
    assert angles_of(replace(FACE, landmarks=replace(POINTS, nose=None))) is None
