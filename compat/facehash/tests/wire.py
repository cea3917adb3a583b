"""A caller of either generation: a browser's form, text fields only, the key in the path, in the form or nowhere."""

from __future__ import annotations

import base64
from typing import Any

import requests

MARKER = "[IMAGE_STREAM_DELIMITER]"


def text_of(image: bytes) -> str:
    return base64.b64encode(image).decode()


def stream_of(*images: bytes) -> str:
    return MARKER.join(map(text_of, images))


class Page:
    """The browser page of one key. Its origin is `null`, because it is opened from the disk."""

    def __init__(self, url: str, key: str | None) -> None:
        self.url, self.key = url, key

    def post(self, path: str, *, headers: dict[str, str] | None = None, **fields: str) -> requests.Response:
        """As multipart, without file names. `{key}` in the path is the key."""
        return requests.post(
            self.url + path.format(key=self.key),
            files={name: (None, value) for name, value in fields.items()} or {"nothing": (None, "")},
            headers={"Origin": "null"} | (headers or {}),
            allow_redirects=False,
            timeout=120,
        )

    def who(self, picture: bytes) -> dict[str, Any]:
        return self._ok(self.post("/{key}", picture=text_of(picture)))

    def is_it(self, user: str, picture: bytes) -> dict[str, Any]:
        return self._ok(self.post("/recognize/", picture=text_of(picture), userName=user, API_KEY=str(self.key)))

    def train(self, user: str, *photos: bytes) -> dict[str, Any]:
        return self._ok(self.post("/{key}/train", stream=stream_of(*photos), userName=user))

    @staticmethod
    def _ok(response: requests.Response) -> dict[str, Any]:
        assert response.status_code == 200, response.text
        body: dict[str, Any] = response.json()
        return body
