"""A program that uses this dialect: an account on the running service."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import requests

from faceapp.tests.live_stack import LiveStack

PATIENCE = 180  # seconds, on a machine that does other things
FINISHED = "finished_processing"


@dataclass
class Program:
    """`api_key` opens the native API of the same client."""

    live: LiveStack
    username: str
    password: str
    api_key: str = ""

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        options = {"auth": (self.username, self.password), "timeout": 60, "allow_redirects": False} | options
        return requests.request(method, f"{self.live.url}/api/v1/{path}", **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.call("GET", path, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return self.call("POST", path, **options)

    def upload(self, name: str, data: bytes, kind: str = "image/jpeg") -> requests.Response:
        return self.post("upload_image", files={"image": (name, data, kind)})

    def add(self, name: str, data: bytes) -> str:
        """The id of a new image that was given to the workers."""
        answer = self.upload(name, data)
        assert answer.status_code == 200, answer.text
        image_id: str = answer.json()["img_id"]
        assert self.post("process_image", data={"img_id": image_id}).status_code == 200
        return image_id

    def status(self, image_id: str) -> dict[str, Any]:
        return dict(self.get(f"process_image/{image_id}").json())

    def wait(self, *image_ids: str) -> dict[str, list[str]]:
        """The states through which each image went until all were finished."""
        seen: dict[str, list[str]] = {image_id: [] for image_id in image_ids}
        deadline = time.monotonic() + PATIENCE
        while unfinished := [image_id for image_id in image_ids if FINISHED not in seen[image_id]]:
            assert time.monotonic() < deadline, {image_id: seen[image_id] for image_id in unfinished}
            for image_id in unfinished:
                seen[image_id].append(self.status(image_id)["status"])
            time.sleep(0.2)
        return seen

    def matches(self, image_id: str) -> dict[str, float]:
        body = self.get(f"image_matches/{image_id}").json()
        assert set(body) == {"imgs", "distances"}
        return dict(zip(body["imgs"], body["distances"], strict=True))

    def native(self, path: str) -> Any:
        url = f"{self.live.url}/api/v1/albums/{path}"
        return requests.get(url, headers={"X-API-Key": self.api_key}, timeout=60).json()
