"""Sessions and passive scores with the real engine: a head turn made of a photograph, and the spoof samples."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image, ImageEnhance
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from clients.models import Client
from clients.services import create_api_key
from environment import BASE_DIR
from faceapp.tests import missing
from liveness import challenge
from liveness.models import LivenessSession
from liveness.services import check_frames, passive_check, read_face, redeem_token
from liveness.tests.head import encoded, performance, small, turned
from liveness.types import Binding
from vision.engines import engines, pose, weights
from vision.engines.deepface import DeepFaceEngine
from vision.engines.downloads import Fetcher
from vision.frames import SAME_STILL, difference
from vision.tests.shared_weights import put_in_place

pytestmark = [pytest.mark.models, pytest.mark.django_db]
URL = "/api/v1/liveness/sessions/"
PEOPLE = BASE_DIR.parent / "shared" / "labelled" / "lfw" / "people"
REAL = {"default": {"BACKEND": "vision.engines.deepface.DeepFaceEngine", "OPTIONS": {}}}


@pytest.fixture(autouse=True)
def real(settings: Settings, engine: DeepFaceEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The service runs the real engine; faces are large, so nothing is doubled.

    Every session asks for the same: a photograph that is bent into other turns may look like another person's.
    """
    settings.FACE_ENGINES, settings.DETECTION_ENLARGEMENT = REAL, 1.0
    monkeypatch.setattr(challenge, "new_challenge", lambda **_: ["turn_left", "centre", "turn_right", "centre"])
    engines.reset()
    monkeypatch.setitem(engines._engines, "default", engine)
    monkeypatch.setattr(engine, "_pose", None)  # turns are measured by landmarks, which pictures can be made to show
    yield
    engines.reset()


@pytest.fixture(scope="module")
def alex(faces: Path) -> np.ndarray:
    return small(faces / "alex_1.jpg")


@pytest.fixture(scope="module")
def rose(faces: Path) -> np.ndarray:
    return small(faces / "rose_1.jpg")


@pytest.fixture
def api(client_a: Client) -> APIClient:
    return APIClient(headers={"X-API-Key": create_api_key(client_name=client_a.name)[1]})


def start(api: APIClient) -> dict[str, Any]:
    return dict(api.post(URL, {"purpose": "onboarding", "subject": "u1"}, format="json").json())


def act(image: np.ndarray, session: dict[str, Any], *, seed: int = 0) -> list[bytes]:
    return performance(image, read_face(data=encoded(image)).landmarks, session["actions"], seed=seed)


def post(api: APIClient, session: dict[str, Any], frames: list[bytes], **more: Any) -> Any:
    texts = [base64.b64encode(data).decode() for data in frames]
    body = {"nonce": session["nonce"], "frames": texts, **more}
    return api.post(f"{URL}{session['id']}/frames/", body, format="json")


@pytest.mark.usefixtures("real_faces")  # limits are for heads of photographs
def test_a_head_that_turns_as_asked_passes_and_its_token_vouches_for_the_face(
    api: APIClient, client_a: Client, alex: np.ndarray, rose: np.ndarray
) -> None:
    session = start(api)
    own = base64.b64encode(encoded(alex)).decode()
    response = post(api, session, act(alex, session), image=own)
    assert response.status_code == 200, response.json()
    call: Any = {"client": client_a, "token": response.json()["token"], "binding": Binding("onboarding", "u1")}
    with pytest.raises(Exception, match="another face"):
        redeem_token(**call, face=read_face(data=encoded(rose)).embeddings)
    redeem_token(**call, face=read_face(data=encoded(alex)).embeddings)


@pytest.fixture
def posed(real: None, engine: DeepFaceEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns are measured by the network of head pose."""
    put_in_place([weights.FR_POSE])
    monkeypatch.setattr(engine, "_pose", pose.build())


@pytest.mark.usefixtures("posed")
def test_frames_made_of_one_photograph_show_no_turn_to_the_network(api: APIClient, faces: Path) -> None:
    image = small(faces / "obama_1.jpg")
    session = start(api)
    response = post(api, session, act(image, session))
    assert response.status_code == 400 and LivenessSession.objects.get(pk=session["id"]).token_id == ""


@pytest.mark.usefixtures("posed")
def test_a_head_that_really_turned_passes(api: APIClient, client_a: Client) -> None:
    """Photographs of one person: ahead, turned, and the turned one mirrored."""
    folder = PEOPLE / "p022"
    if not folder.is_dir():
        pytest.skip(f"{missing.DATA}: ../shared/labelled, photographs with labels")
    client_a.liveness_policy = "frames"
    client_a.save()
    ahead = [small(folder / f"{number}.jpg") for number in (1, 4, 2)]
    turned = small(folder / "3.jpg")
    pictures = {"turn_left": [turned], "turn_right": [turned[:, ::-1]], "centre": ahead}
    session = start(api)
    frames = [encoded(pictures[action][number // 2 % len(pictures[action])])
              for number, action in enumerate(["centre", *session["actions"]])]  # fmt: skip
    response = post(api, session, frames)
    assert response.status_code == 200, response.json()


@pytest.mark.usefixtures("real_faces")  # limits are for heads of photographs
def test_what_is_wrong_has_a_code_of_its_own(api: APIClient, alex: np.ndarray, rose: np.ndarray) -> None:
    first = start(api)
    frames = act(alex, first)
    assert post(api, first, frames).status_code == 200

    def code(frames: list[bytes], session: dict[str, Any], **more: Any) -> str:
        return str(post(api, session, frames, **more).json()["code"])

    again = start(api)
    assert code(frames, again) == "liveness.replayed"
    other_way = {"turn_left": "turn_right", "turn_right": "turn_left"}
    LivenessSession.objects.filter(pk=again["id"]).update(actions=[other_way.get(a, a) for a in first["actions"]])
    assert code(act(alex, first, seed=100), again) == "liveness.out_of_order"
    third = start(api)
    half = act(alex, third, seed=200)[:2] + act(rose, third, seed=300)[2:]
    assert code(half, third) == "liveness.other_face"
    image = base64.b64encode(encoded(rose)).decode()
    assert code(act(alex, third, seed=400), third, image=image) == "liveness.other_face"
    still = [encoded(turned_still) for turned_still in copies(alex)]
    assert code(still, third) == "liveness.no_movement"
    late = start(api)
    LivenessSession.objects.filter(pk=late["id"]).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert code(act(alex, late, seed=500), late) == "liveness.expired"


def copies(image: np.ndarray) -> list[np.ndarray]:
    """The same still: smaller, brighter, compressed, cut, turned."""
    picture = Image.fromarray(image)
    poor = io.BytesIO()
    picture.save(poor, "JPEG", quality=35)
    size = (round(picture.width * 0.75), round(picture.height * 0.75))
    changed = [picture, picture.resize(size), ImageEnhance.Brightness(picture).enhance(1.2), Image.open(poor)]
    changed += [
        picture.crop((6, 5, picture.width - 4, picture.height - 7)),
        picture.rotate(2, Image.Resampling.BICUBIC),
    ]
    return [np.asarray(one.convert("RGB")) for one in changed]


@pytest.mark.parametrize("name", ["alex_1.jpg", "biden_2.jpg", "obama_1.jpg", "rose_1.jpg"])
def test_copies_of_a_still_are_recognised_and_movement_is_not_one(faces: Path, name: str) -> None:
    image = small(faces / name)
    original, *same = [read_face(data=encoded(one)).frame for one in copies(image)]
    assert max(difference(original.fingerprint, one.fingerprint) for one in same) < SAME_STILL
    points = read_face(data=encoded(image)).landmarks
    for across in (-0.3, -0.15, 0.15, 0.3):
        moved = read_face(data=encoded(turned(image, points, across=across))).frame
        assert difference(original.fingerprint, moved.fingerprint) > SAME_STILL


@pytest.mark.parametrize(("name", "fake"), [("real_1", False), ("fake_1", True), ("fake_2", True)])
def test_spoof_samples_are_told_apart(api: APIClient, real_faces: Path, name: str, fake: bool) -> None:
    data = (real_faces / "spoof" / f"{name}.jpg").read_bytes()
    result = passive_check(data=data)
    assert result.is_fake is fake
    by_file = api.post("/api/v1/anti-spoof/", {"image": SimpleUploadedFile("a.jpg", data)}, format="multipart")
    by_text = api.post("/api/v1/anti-spoof", {"image": base64.b64encode(data).decode()}, format="json")
    assert by_file.json() == by_text.json() == {"status": "SUCCESS", **vars(result)}


@pytest.mark.parametrize("name", ["biden_2.jpg", "kit_1.jpg", "obama_2.jpg", "rose_2.jpg", "lin_1.png"])
def test_photographs_of_people_are_no_attacks(faces: Path, name: str) -> None:
    assert not passive_check(data=(faces / name).read_bytes()).is_fake


def test_photographs_of_one_person_vouch_for_each_other(client_a: Client, real_faces: Path) -> None:
    first, *others = (encoded(small(real_faces / f"obama_{number}.jpg")) for number in (1, 2, 3))
    stranger = encoded(small(real_faces / "biden_2.jpg"))
    probe = read_face(data=first)
    assert check_frames(client=client_a, reference=probe.embeddings, probe=probe, frames=others).is_live
    refused = check_frames(client=client_a, reference=probe.embeddings, probe=probe, frames=[others[0], stranger])
    assert refused.reasons == ["liveness.other_face"]
    spoof = read_face(data=(real_faces / "spoof" / "fake_1.jpg").read_bytes())
    result = check_frames(client=client_a, reference=spoof.embeddings, probe=spoof, frames=[])
    assert result.reasons == ["liveness.spoof"]


@pytest.mark.parametrize("name", ["obama_1.jpg", "biden_2.jpg"])
def test_with_68_points_eyes_and_mouth_are_measured(
    real_faces: Path, settings: Settings, real: None, name: str
) -> None:
    settings.LIVENESS_68_POINTS = True
    Fetcher(lambda line: None).fetch(weights.DLIB_68_POINTS)
    engine = DeepFaceEngine(detector="dlib")
    image = small(real_faces / name)
    assert weights.DLIB_68_POINTS in engine.files()
    (expression,) = engine.expressions(image, engine.detect(image))
    assert 0.1 < expression.eyes < 0.5 and 0 <= expression.mouth < 0.3
