"""A client's liveness policy holds in every interface that enrols a face or says who somebody is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from albums.curation import name_group
from albums.models import Album, AlbumFace, AlbumImage, FaceGroup
from clients.models import Client
from clients.services import create_api_key
from compat.ekyc.tests.wire import encoded
from compat.facehash.services import gallery_of
from compat.facehash.tests.wire import stream_of, text_of
from errors import FaceAppError
from liveness.tests.passing import token_for
from liveness.tests.pictures import frame
from people.models import FaceTemplate, Person
from people.services import enrol_face, enrol_photographs
from people.types import EnrolmentRules, Whom
from vision.tests.drawing import RED
from vision.types import Upload

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("antispoof")]
SELF, MOVING = frame(RED), [frame(RED, pose=pose) for pose in range(1, 6)]
SPOOF, SPOOFS = frame(RED, fake=True), [frame(RED, pose=pose, fake=True) for pose in range(1, 6)]
REFUSED = "liveness.frames_required"
Call = Callable[[APIClient, str, bytes], str]


@pytest.fixture
def api(client_a: Client) -> APIClient:
    """With a key; the client knows u1 in its default gallery and in that of the FaceHash key."""
    row, key = create_api_key(client_name=client_a.name)
    gallery = gallery_of(client=client_a, key=row)
    for source in ("", gallery.name):
        whom, upload = Whom(external_id="u1", source=source), Upload(SELF, "a.png")
        enrol_face(client=client_a, upload=upload, whom=whom, rules=EnrolmentRules(is_import=True))
    return APIClient(headers={"X-API-Key": key})


def post(api: APIClient, path: str, **body: Any) -> str:
    """The code of a refusal, or nothing."""
    answer = api.post(path, encoded(body), format="json").json()
    return str(answer.get("code", "")) if answer.get("status", "SUCCESS") != "PENDING" else ""


def register(api: APIClient, token: str, image: bytes) -> str:
    return post(api, "/register-face", people_id="u1", created_at="1", image=image, is_live_check=False,
                liveness_token=token)  # fmt: skip


def otp(api: APIClient, token: str, image: bytes) -> str:
    return post(api, "/face-otp", people_1={"id": "u1", "source": "default"}, people_2=image, is_live_check=False,
                liveness_token=token)  # fmt: skip


def check_two(api: APIClient, token: str, image: bytes) -> str:
    return post(api, "/check-2-face", people_1=SELF, people_2=image, is_live_check=False, liveness_token=token,
                liveness_subject="u1")  # fmt: skip


def enrol(api: APIClient, token: str, image: bytes) -> str:
    return post(api, "/api/v1/people/", external_id="u1", on_existing="add", image=image, liveness_token=token)


def add_image(api: APIClient, token: str, image: bytes) -> str:
    number = Person.objects.filter(external_id="u1").order_by("pk")[0].number
    return post(api, f"/api/v1/people/{number}/images/", image=image, liveness_token=token)


def verify(api: APIClient, token: str, image: bytes) -> str:
    number = Person.objects.filter(external_id="u1").order_by("pk")[0].number
    return post(api, f"/api/v1/people/{number}/verify/", image=image, liveness_token=token)


def compare(api: APIClient, token: str, image: bytes) -> str:
    return post(api, "/api/v1/compare/", image=image, images=[SELF], liveness_token=token, liveness_subject="u1")


PURPOSES: dict[Call, str] = {
    register: "enrol", enrol: "enrol", add_image: "enrol", otp: "verify", verify: "verify", check_two: "compare",
    compare: "compare",
}  # fmt: skip
every_call = pytest.mark.parametrize("call", PURPOSES, ids=lambda call: call.__name__)


def demand(policy: str) -> None:
    Client.objects.update(liveness_policy=policy)


@every_call
@pytest.mark.parametrize("policy", ["frames", "both"])
def test_frames_or_a_token_are_demanded(api: APIClient, client_a: Client, call: Call, policy: str) -> None:
    demand(policy)
    before = FaceTemplate.objects.count()
    assert call(api, "", SELF) == REFUSED
    assert FaceTemplate.objects.count() == before
    source = "" if PURPOSES[call] == "compare" else "default"
    token = token_for(client_a, purpose=PURPOSES[call], subject="u1", source=source)
    assert call(api, token, SELF) == ""


@every_call
def test_a_presented_picture_is_refused_by_a_passive_policy(api: APIClient, call: Call) -> None:
    demand("passive")
    assert call(api, "", SPOOF) == "liveness.spoof"
    assert call(api, "", SELF) == ""


@every_call
def test_without_a_policy_nothing_is_demanded(api: APIClient, call: Call) -> None:
    assert call(api, "", SELF) == ""


# ---- FaceHash: the pictures of a call are the frames ------------------------------------------------------------
def facehash(api: APIClient, path: str, **fields: str) -> tuple[str, str]:
    key = api._credentials.get("HTTP_X_API_KEY") or api.defaults["HTTP_X_API_KEY"]
    answer = api.post(path, {"API_KEY": key, **fields}, format="multipart").json()
    assert "descriptor" not in str(answer)
    return answer["responseType"], str(answer.get("foundFace", ""))


@pytest.mark.parametrize("user", [{}, {"userName": "u1"}], ids=["who", "verify"])
def test_facehash_recognises_nobody_without_frames(api: APIClient, user: dict[str, str]) -> None:
    assert facehash(api, "/recognize", picture=text_of(SELF), **user) == ("SUCCESS", "u1")
    demand("frames")
    assert facehash(api, "/recognize", picture=text_of(SELF), **user) == ("ERROR", "NOT FOUND")
    assert facehash(api, "/recognize", picture=stream_of(SELF, *MOVING), **user) == ("SUCCESS", "u1")
    assert facehash(api, "/recognize", picture=stream_of(SELF, SELF, SELF), **user) == ("ERROR", "NOT FOUND")
    demand("both")
    assert facehash(api, "/recognize", picture=stream_of(SELF, *SPOOFS), **user) == ("ERROR", "NOT FOUND")


def test_facehash_learns_nobody_without_frames(api: APIClient, client_a: Client) -> None:
    demand("both")
    before = FaceTemplate.objects.count()
    for stream in (stream_of(SELF), stream_of(SELF, SELF), stream_of(SELF, *SPOOFS), stream_of(SPOOF, *MOVING)):
        assert facehash(api, "/train", stream=stream, userName="new")[0] == "ERROR"
    assert FaceTemplate.objects.count() == before
    assert facehash(api, "/train", stream=stream_of(SELF, *MOVING), userName="new")[0] == "SUCCESS"


def test_photographs_of_another_person_are_not_learned_along(client_a: Client) -> None:
    demand("frames")
    client_a.refresh_from_db()
    others = [*MOVING, frame((20, 20, 200), pose=9)]
    with pytest.raises(FaceAppError) as refused:
        enrol_photographs(client=client_a, uploads=[Upload(data) for data in (SELF, *others)], whom=Whom())
    assert refused.value.code == "liveness.other_face"


# ---- faces that are stored already ------------------------------------------------------------------------------
def test_naming_a_group_of_an_album_enrols_nobody(api: APIClient, client_a: Client) -> None:
    template = FaceTemplate.objects.all()[0]
    album = Album.objects.create(client=client_a, name="x", space=template.space, metric="cosine", threshold=0.5)
    group, image = FaceGroup.objects.create(album=album, number=1), AlbumImage.objects.create(album=album)
    place = {"box_x": 0, "box_y": 0, "box_w": 9, "box_h": 9, "confidence": 1.0}
    AlbumFace.objects.create(
        album=album, image=image, group=group, number=1, index=0, embedding=template.embedding, **place
    )
    demand("passive")
    with pytest.raises(FaceAppError) as refused:
        name_group(group=FaceGroup.objects.select_related("album__client").get(), name="Red")
    assert refused.value.code == "liveness.required"
    demand("")
    assert name_group(group=FaceGroup.objects.select_related("album__client").get(), name="Red").name == "Red"
