"""A whole service tells a receiver of a hit: web, worker, queue, beat and the maintenance worker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from faceapp.tests.live_stack import WEBHOOK_PORT, LiveStack, eventually
from notifications.signing import signature
from notifications.tests.receiver import Receiver, receiving
from recognition.tests.contract_api import Api
from recognition.tests.photographs import reduced

pytestmark = pytest.mark.models
SUBSCRIBE = """
from clients.models import Client; from notifications.models import Subscription; from notifications.signing import *
client = Client.objects.create(name="notified")
row = Subscription(client=client, name="hook", target="{url}", events=["hit", "job.done", "person.enrolled"])
row.full_clean(); row.save()
from clients.services import create_api_key
print(secret_text(row), create_api_key(client_name="notified", scopes=["all"])[1])
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving(WEBHOOK_PORT) as server:  # where the service may send to
        yield server


def test_a_hit_is_told(live: LiveStack, receiver: Receiver, faces: Path) -> None:
    secret, key = live.manage("shell", "--no-imports", "-c", SUBSCRIBE.format(url=receiver.url)).stdout.split()
    api, photograph = Api(live, key), reduced(faces / "obama_1.jpg")
    assert api.enlist("Listed", photograph).status_code == 201
    assert api.process(photograph).status_code == 200
    assert eventually(lambda: len(receiver.got) == 3)
    messages = {headers["Faceapp-Event"]: json.loads(body) for headers, body in receiver.got}
    assert set(messages) == {"person.enrolled", "hit", "job.done"}
    assert messages["hit"]["data"]["hits"][0]["distance"] < 0.01
    for headers, body in receiver.got:
        timestamp, signed = headers["Faceapp-Signature"].split(",")
        assert signed == signature(body, secrets=[secret], timestamp=int(timestamp.removeprefix("t="))).split(",")[1]
        assert b"Listed" not in body
    assert not [line for line in live.logged("maintenance") if receiver.url in line or "whsec_" in line]
