"""Calls as cameras and home automation send them: forms, with the key in a field or none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser

from clients.models import Client
from clients.services import create_api_key

PATH = "/v1/vision/face"


@dataclass
class Camera:
    """`key` empty: it sends none."""

    key: str = ""
    address: str = "127.0.0.1"
    status: int = 0  # of the last answer

    @classmethod
    def of(cls, client: Client, *scopes: str) -> Camera:
        return cls(create_api_key(client_name=client.name, scopes=scopes or ["all"])[1])

    def post(self, route: str = "", *images: bytes, headers: dict[str, str] | None = None, **fields: Any) -> Any:
        """Files go as image, or as image1, image2 and so on if there are several."""
        names = ["image"] if len(images) == 1 else [f"image{number}" for number in range(1, len(images) + 1)]
        files = {name: SimpleUploadedFile("image.jpg", data) for name, data in zip(names, images, strict=True)}
        key = {"api_key": self.key} if self.key else {}
        path = f"{PATH}/{route}" if route else PATH
        answer = Browser(REMOTE_ADDR=self.address).post(path, key | fields | files, headers=headers)
        self.status = answer.status_code
        return answer.json()

    def register(self, user: str, *images: bytes) -> Any:
        return self.post("register", *images, userid=user)

    def userids(self, image: bytes, **fields: Any) -> list[str]:
        answer = self.post("recognize", image, **fields)
        assert answer["success"] is True, answer
        return [face["userid"] for face in answer["predictions"]]
