"""What `faceapp.tests.test_isolation` asks of this dialect: a gallery belongs to a key."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.test import Client as Browser

from clients.models import Client
from clients.services import create_api_key
from compat.facehash.tests.wire import stream_of, text_of
from vision.tests.drawing import RED, picture

OPEN = {"facehash-train", "facehash-key-train"}  # make what is the caller's own
NOBODY = {"foundFlag": 0, "foundFace": "NOT FOUND"}
IN_FORM = {"facehash-root": "/", "facehash-recognise": "/recognize"}
IN_PATH = {"facehash-key-root": "/{}", "facehash-key-recognise": "/{}/recognize"}
NOTHING: dict[str, dict[str, Any]] = dict.fromkeys((*IN_FORM, *IN_PATH), NOBODY)


@cache
def key_of(name: str, number: int) -> str:
    return create_api_key(client_name=name)[1]


def store(client: Client) -> None:
    fields = {"stream": stream_of(picture(RED)), "userName": "red"}
    assert Browser().post(f"/{key_of(client.name, client.pk)}/train", fields).json()["trainingSuccess"] == 1


def ask(client: Client) -> dict[str, dict[str, Any]]:
    key, fields = key_of(client.name, client.pk), {"picture": text_of(picture(RED))}
    answers = {name: Browser().post(path, fields | {"API_KEY": key}) for name, path in IN_FORM.items()}
    answers |= {name: Browser().post(path.format(key), fields) for name, path in IN_PATH.items()}
    return {name: answer.json() for name, answer in answers.items()}
