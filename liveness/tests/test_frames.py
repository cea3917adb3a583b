"""What frames must show under each policy. With the fake engine: squares are faces, their colours people."""

from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings

from calibration.services import set_calibration
from clients.models import Client
from errors import Unavailable
from liveness.services import check_frames, passive_check, policy_of, read_face
from liveness.tests.pictures import frame
from liveness.types import FrameRules, FramesResult
from vision.engines import engines
from vision.exceptions import InvalidImage, UnusableFace
from vision.tests.drawing import BLUE, RED, picture

pytestmark = pytest.mark.django_db
SELF = frame(RED)
NEARLY_RED = (205, 30, 20)  # 0.07 from red; faces match up to 0.2
MOVING = [frame(RED, pose=pose) for pose in range(1, 6)]
STRANGERS = [frame(BLUE, pose=pose) for pose in range(1, 6)]
SPOOFS = [frame(RED, pose=pose, fake=True) for pose in range(1, 6)]


def check(
    client: Client, frames: list[bytes], *, policy: str = "", probe: bytes = SELF, min_frames: int = 0
) -> FramesResult:
    client.liveness_policy = policy
    reference, taken = read_face(data=SELF).embeddings, read_face(data=probe)
    return check_frames(client=client, reference=reference, probe=taken, frames=frames, rules=FrameRules(min_frames))


@pytest.mark.parametrize(
    ("frames", "live"),
    [
        (MOVING[:2], True),
        (STRANGERS[:2], False),
        ([MOVING[0], STRANGERS[0]], False),
        ([MOVING[0], MOVING[1], STRANGERS[0]], True),
        ([MOVING[0], MOVING[0]], False),
        ([MOVING[0], MOVING[1], MOVING[1]], True),
        ([MOVING[0], picture()], False),
        ([MOVING[0], b"no image"], False),
        (MOVING[:1], True),
    ],
)
def test_three_of_five_frames_must_show_the_person(client_a: Client, frames: list[bytes], live: bool) -> None:
    assert check(client_a, frames).is_live is live


def test_a_number_of_frames_takes_the_place_of_the_fraction(client_a: Client) -> None:
    frames = [*MOVING[:2], *STRANGERS[2:]]
    assert check(client_a, frames, min_frames=2).is_live
    assert check(client_a, frames, min_frames=3).reasons == ["liveness.other_face"]


def test_copies_of_one_still_are_one_frame(client_a: Client) -> None:
    copies = [frame(RED, pose=1), frame(RED, pose=1, kind="BMP"), frame(RED, pose=1, kind="WEBP")]
    result = check(client_a, copies)
    assert [found.repeated for found in result.frames] == [False, True, True]
    assert result.reasons == ["liveness.repeated"]


def test_one_photograph_is_no_liveness(client_a: Client) -> None:
    assert check(client_a, [SELF]).reasons == ["liveness.repeated"]
    assert check(client_a, [SELF, MOVING[0]]).is_live


def test_each_frame_says_what_it_showed(client_a: Client, antispoof: None) -> None:
    found = check(client_a, [MOVING[0], STRANGERS[0], SPOOFS[1], picture(), b"x"], policy="both").frames
    assert [result.counts for result in found] == [True, False, False, False, False]
    assert [result.same_person for result in found] == [True, False, True, False, False]
    assert [result.error for result in found] == ["", "", "", "face.none", "image.not_an_image"]
    assert [result.passive.is_fake for result in found[:3] if result.passive] == [False, False, True]


@pytest.mark.parametrize(
    ("policy", "frames", "probe", "reasons"),
    [
        ("frames", [], SELF, ["liveness.frames_required"]),
        ("both", [], SELF, ["liveness.frames_required"]),
        ("passive", [], SELF, []),
        ("", [], SELF, []),
        ("", [], SPOOFS[0], ["liveness.spoof"]),
        ("passive", [], SPOOFS[0], ["liveness.spoof"]),
        ("frames", MOVING, SPOOFS[0], []),
        ("both", MOVING, SPOOFS[0], ["liveness.spoof"]),
        ("", MOVING, SPOOFS[0], ["liveness.spoof"]),
        ("frames", SPOOFS, SELF, []),
        ("both", SPOOFS, SELF, ["liveness.spoof"]),
        ("passive", SPOOFS, SELF, ["liveness.spoof"]),
        ("passive", STRANGERS, SELF, []),
        ("passive", [frame(BLUE, fake=True)] * 2, SELF, ["liveness.spoof"]),
        ("both", STRANGERS, SELF, ["liveness.other_face"]),
    ],
)
def test_the_policy_decides_what_counts(
    client_a: Client, antispoof: None, policy: str, frames: list[bytes], probe: bytes, reasons: list[str]
) -> None:
    assert check(client_a, frames, policy=policy, probe=probe).reasons == reasons


def test_the_policy_is_the_clients_then_the_deployments_then_what_can_be_checked(
    client_a: Client, settings: Settings
) -> None:
    assert (policy_of(client=client_a).kind, policy_of(client=client_a).demanded) == ("frames", False)
    settings.LIVENESS_POLICY = "passive"
    assert (policy_of(client=client_a).kind, policy_of(client=client_a).demanded) == ("passive", True)
    client_a.liveness_policy = "both"
    assert policy_of(client=client_a).kind == "both"


def test_where_scores_can_be_had_they_count_by_default(client_a: Client, antispoof: None) -> None:
    assert policy_of(client=client_a).kind == "both"


def test_a_demanded_score_that_cannot_be_had_is_an_error_and_no_pass(client_a: Client) -> None:
    with pytest.raises(Unavailable) as refusal:
        check(client_a, MOVING, policy="passive")
    assert refusal.value.code == "engine.weights_missing"


def test_the_reference_may_be_a_stored_embedding_in_any_space(client_a: Client) -> None:
    probe = read_face(data=SELF)
    space, vector = engines["default"].space.name, probe.embeddings[engines["default"].space.name]
    stored = {space: vector, "another": -vector}
    assert check_frames(client=client_a, reference=stored, probe=probe, frames=MOVING).is_live
    assert not check_frames(client=client_a, reference=stored, probe=probe, frames=STRANGERS).is_live


def test_frames_are_decided_at_the_operating_point_of_the_client(client_a: Client) -> None:
    frames = [frame(NEARLY_RED, pose=pose) for pose in range(1, 6)]
    loose = check(client_a, frames)
    assert loose.is_live and all(found.same_person for found in loose.frames)
    set_calibration(client=client_a, space="default", threshold=0.03)
    strict = check(client_a, frames)
    assert strict.reasons == ["liveness.other_face"] and not any(found.same_person for found in strict.frames)
    assert check(client_a, MOVING).is_live


def test_passive_check_answers_a_percentage(antispoof: None, settings: Settings) -> None:
    assert (passive_check(data=SELF).fake_prob, passive_check(data=SELF).is_fake) == (5.0, False)
    assert (passive_check(data=SPOOFS[0]).fake_prob, passive_check(data=SPOOFS[0]).is_fake) == (95.0, True)
    settings.ANTISPOOF_THRESHOLD = 0.99
    assert not passive_check(data=SPOOFS[0]).is_fake
    with pytest.raises(UnusableFace):
        passive_check(data=picture())
    with pytest.raises(InvalidImage):
        passive_check(data=b"x")
