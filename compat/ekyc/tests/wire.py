"""Calls of the dialect, made in process or to a running service."""

from __future__ import annotations

import base64
from typing import Any

import requests

from faceapp.tests.live_stack import LiveStack


def text(data: bytes) -> str:
    """An image as programs of the dialect send it."""
    return base64.b64encode(data).decode()


class Ekyc:
    """A client of its own on the running service. Images are given as bytes."""

    def __init__(self, live: LiveStack, key: str) -> None:
        self.live, self.key = live, key

    def post(self, path: str, **body: Any) -> requests.Response:
        return self.send(path, json=encoded(body))

    def send(self, path: str, **options: Any) -> requests.Response:
        headers = {"X-API-Key": self.key}
        return requests.post(self.live.url + path, headers=headers, timeout=120, allow_redirects=False, **options)

    def ok(self, path: str, **body: Any) -> dict[str, Any]:
        """The body of a call that has to succeed."""
        response = self.post(path, **body)
        answer: dict[str, Any] = response.json()
        assert (response.status_code, answer["status"]) == (200, "SUCCESS"), answer
        return answer

    def compare(self, one: bytes, other: bytes, *frames: bytes) -> dict[str, Any]:
        """`/check-2-face`, with a liveness check where there are frames."""
        more = {"people_2_liveness": list(frames)} if frames else {}
        return self.ok("/check-2-face", people_1=one, people_2=other, is_live_check=bool(frames), **more)

    def register(self, image: bytes, people_id: str = "u1", **fields: Any) -> dict[str, Any]:
        body = {"people_id": people_id, "created_at": "02/01/2021", "image": image, "is_live_check": False} | fields
        return self.ok("/register-face", **body)

    def found(self, image: bytes, **fields: Any) -> list[str]:
        """The ids that a search answers."""
        return [hit["people_id"] for hit in self.ok("/search", image=image, **fields)["data"]]


def encoded(value: Any) -> Any:
    """The value with every image in it as base64."""
    if isinstance(value, bytes):
        return text(value)
    if isinstance(value, dict):
        return {key: encoded(inner) for key, inner in value.items()}
    return [encoded(inner) for inner in value] if isinstance(value, list) else value
