"""One threshold decides each call: that of the client, for matches, hits and liveness frames alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from calibration.services import set_calibration
from calibration.tests.measured import measured as measured  # a fixture
from clients.models import Client
from compat.ekyc.tests.wire import encoded
from liveness.tests.pictures import frame
from people.models import Gallery
from people.services import search_people
from people.types import Probe
from vision.tests.drawing import RED, picture

pytestmark = pytest.mark.django_db(transaction=True)
NEARLY_RED = (205, 30, 20)  # 0.07 from red
REDDISH = (160, 60, 50)  # 0.31 from red; without a calibration faces match up to 0.2


def post(api: APIClient, path: str, **body: Any) -> dict[str, Any]:
    response = api.post(path, encoded(body), format="json")
    assert response.status_code == 200, response.json()
    return dict(response.json())


def compare(api: APIClient, probe: tuple[int, int, int], frames: tuple[int, int, int]) -> tuple[str, bool | None]:
    """Red against another face, with five frames."""
    stills = [frame(frames, pose=pose) for pose in range(1, 6)]
    body = {"people_1": frame(RED), "people_2": frame(probe, pose=9), "is_live_check": True}
    answer = post(api, "/check-2-face", people_2_liveness=stills, **body)
    return answer["compare_result"], answer["is_live"]


@pytest.mark.parametrize("colour", [NEARLY_RED, REDDISH])
def test_match_and_frames_of_one_call_are_decided_at_the_threshold_of_the_client(
    api: APIClient, client_a: Client, colour: tuple[int, int, int]
) -> None:
    for threshold, same in ((0.03, False), (0.5, True)):
        set_calibration(client=client_a, space="default", threshold=threshold)
        assert compare(api, RED, colour) == ("MATCH", same)
        assert compare(api, colour, RED) == (("MATCH", True) if same else ("DO_NOT_MATCH", None))


def test_a_face_at_the_threshold_itself_is_found_as_it_is_matched(api: APIClient, client_a: Client) -> None:
    person = {"people_id": "u1", "created_at": "1", "source": "default", "is_live_check": False}
    post(api, "/register-face", image=picture(RED), **person)
    [candidate] = search_people(client=client_a, probe=Probe(picture(NEARLY_RED))).faces[0].candidates
    set_calibration(client=client_a, space="default", threshold=candidate.comparison.distance)
    [hit] = post(api, "/search", image=picture(NEARLY_RED))["data"]
    assert (hit["people_id"], hit["score"]) == ("u1", 0.7)
    [item] = post(api, "/api/v2/search", images=[{"image_id": "1", "image": picture(NEARLY_RED)}])["data"]
    assert [match["people_id"] for match in item["match_faces"]] == ["u1"]
    claim = {"people_1": {"id": "u1"}, "people_2": picture(NEARLY_RED), "is_live_check": False}
    assert post(api, "/face-otp", **claim)["compare_result"] == "MATCH"


def claim(api: APIClient, frames: tuple[int, int, int]) -> tuple[str, bool | None]:
    """Whether red is u1, with five frames."""
    stills = [frame(frames, pose=pose) for pose in range(1, 6)]
    body = {"people_1": {"id": "u1"}, "people_2": frame(RED, pose=9), "is_live_check": True}
    answer = post(api, "/face-otp", people_2_liveness=stills, **body)
    return answer["compare_result"], answer["is_live"]


@pytest.mark.parametrize("space", ["", "fake-fake8-8"])
def test_match_and_frames_are_decided_in_the_space_and_at_the_threshold_of_the_gallery(
    api: APIClient, client_a: Client, space: str
) -> None:
    person = {"people_id": "u1", "created_at": "1", "source": "branch-7", "is_live_check": False}
    post(api, "/register-face", image=picture(RED), **person)
    Gallery.objects.filter(name="branch-7").update(space=space)
    assert claim(api, NEARLY_RED) == ("MATCH", True)
    Gallery.objects.filter(name="branch-7").update(threshold=0.03)
    assert claim(api, NEARLY_RED) == ("MATCH", False)
    assert claim(api, RED) == ("MATCH", True)


def test_what_a_gallery_decides_counts_as_far_as_callers_take_the_score_for_a_match(
    api: APIClient, client_a: Client, measured: Path
) -> None:
    """0.7 is one pair of strangers in 10,000, a distance of 0.2, whatever the gallery allows itself."""
    person = {"people_id": "u1", "created_at": "1", "source": "default", "is_live_check": False}
    post(api, "/register-face", image=picture(RED), **person)
    [hit] = post(api, "/search", image=picture(NEARLY_RED))["data"]
    assert hit["score"] > 0.9
    Gallery.objects.update(threshold=0.5)
    assert post(api, "/search", image=picture(REDDISH))["data"] == []
    claim = {"people_1": {"id": "u1"}, "people_2": picture(REDDISH), "is_live_check": False}
    answer = post(api, "/face-otp", **claim)
    assert answer["compare_result"] == "DO_NOT_MATCH" and 0.4 < answer["similator_percent"] < 0.7
