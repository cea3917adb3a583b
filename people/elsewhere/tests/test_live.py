"""Real faces and boto3 against the running service, which is its own Rekognition: another client is the account."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from faceapp.tests.live_stack import LiveStack, eventually
from recognition.tests.contract_api import Api
from recognition.tests.photographs import reduced

pytestmark = [pytest.mark.models, pytest.mark.timeout(600)]
SIDE = 480  # pixels
KNOWN = ("obama_1.jpg", "rose_1.jpg", "biden_1.jpg", "alex_1.jpg")
PROBES = (
    "obama_2.jpg", "obama_3.jpg", "rose_2.jpg", "biden_2.jpg", "alex_2.jpg", "alex_3.png", "kit_1.jpg", "lin_1.png",
    "obama_and_biden.jpg", "kit_and_rose.jpg",
)  # fmt: skip
MAKE = (
    "from clients.services import create_api_key as k; from compat.rekognition.secrets import make_secret;"
    "row, _ = k(client_name='{account}'); print(row.prefix, make_secret(key=row)); print(k(client_name='{name}')[1])"
)


@pytest.fixture(scope="module")
def name(live: LiveStack) -> str:
    return f"remote-{uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def api(live: LiveStack, name: str) -> Api:
    """A client of its own; its account at Rekognition is in the file where boto3 looks for credentials."""
    code = MAKE.format(account=f"account-{name}", name=name)
    prefix, secret, key = live.manage("shell", "--no-imports", "-c", code).stdout.split()
    file = live.var.parent / "aws-credentials"
    file.write_text(f"[default]\naws_access_key_id = {prefix}\naws_secret_access_key = {secret}\n")
    file.chmod(0o644)
    return Api(live, key)


def said(api: Api, probes: dict[str, bytes]) -> dict[str, Any]:
    """What a search and a screening say of each photograph."""
    found = {}
    for name, data in probes.items():
        answer = api.call("POST", "/api/v1/people/search/", files={"image": data})
        assert answer.status_code == 200, answer.text
        screened = api.process(data).json()[0]
        assert screened["error"] is None, screened
        faces = [
            (face["decision"], [one["external_id"] for one in face["candidates"] if is_match(one)])
            for face in answer.json()["faces"]
        ]
        listed = [[match["entry_name"] for match in face["blacklist_matches"]] for face in screened["faces"]]
        found[name] = (faces, listed)
    return found


def is_match(candidate: dict[str, Any]) -> bool:
    return bool(candidate["comparison"]["decision"] == "match")


def calm(report: str) -> bool:
    """Whether both sides agree, and nothing is left to do."""
    return "2 collections, 0 with differences" in report and report.count("0 calls under way") == 2


def soon(condition: Callable[[], bool]) -> bool:
    return eventually(condition, seconds=60)


def test_a_client_moves_to_rekognition_and_back(live: LiveStack, api: Api, name: str, real_faces: Path) -> None:
    for file in KNOWN:
        fields = {"external_id": file.partition("_")[0]}
        answer = api.call("POST", "/api/v1/people/", data=fields, files={"image": reduced(real_faces / file, SIDE)})
        assert answer.status_code == 201, answer.text
    assert api.enlist("Listed", reduced(real_faces / "biden_1.jpg", SIDE)).status_code == 201
    probes = {file: reduced(real_faces / file, 800) for file in PROBES}
    here = said(api, probes)
    assert here["obama_2.jpg"] == ([("match", ["obama"])], [[]])
    assert here["biden_2.jpg"] == ([("match", ["biden"])], [["Listed"]])
    assert here["lin_1.png"] == ([("no_match", [])], [[]])

    done = live.manage("respace", "--to-backend", "aws_rekognition", "--client", name).stdout
    assert "5 of 5 photographs" in done and "0 failed" in done
    live.manage("respace", "--switch", "--client", name)
    there = said(api, probes)
    assert there == here
    answer = api.call("POST", "/api/v1/people/search/", files={"image": probes["rose_2.jpg"]}).json()
    assert (answer["space"], answer["basis"], answer["false_alarm_rate"]) == ("aws_rekognition", "remote_score", None)

    fields = {"external_id": "kit"}
    kit = api.call("POST", "/api/v1/people/", data=fields, files={"image": reduced(real_faces / "kit_1.jpg", SIDE)})
    assert kit.status_code == 201
    assert soon(lambda: said(api, {"kit": probes["kit_and_rose.jpg"]})["kit"][0] != here["kit_and_rose.jpg"][0])
    verified = api.call("POST", f"/api/v1/people/{kit.json()['id']}/verify/", files={"image": probes["kit_1.jpg"]})
    assert verified.json()["decision"] == "match", verified.text
    assert api.call("DELETE", f"/api/v1/people/{kit.json()['id']}/").status_code in {200, 204}
    assert said(api, {"kit": probes["kit_1.jpg"]})["kit"] == here["kit_1.jpg"]  # at once
    assert soon(lambda: calm(live.manage("reconcile", "--client", name).stdout))

    live.manage("respace", "--back", "--client", name)
    assert said(api, probes) == here
