"""The service's REST API as a few Python methods. Copy this file to begin a client of your own."""

from __future__ import annotations

import base64
import time
from typing import Any

import requests

TIMEOUT = 90  # seconds; the service itself answers after 60 at the latest


class ApiError(Exception):
    """The service refused a call; the message is its own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class FaceApp:
    """One service as one client sees it. `url` is its address without a path, `key` an API key."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url.rstrip("/")
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Api-Key {key}"

    def blacklist(self) -> list[dict[str, Any]]:
        """Every entry of the blacklist."""
        return list(self._call("GET", "/api/v1/blacklist/").json())

    def add_to_blacklist(self, name: str, reason: str, images: list[tuple[str, bytes]]) -> dict[str, Any]:
        """A new entry from photographs with one face each, given as (file name, content)."""
        files = [("images", image) for image in images]
        return dict(self._call("POST", "/api/v1/blacklist/", data={"name": name, "reason": reason}, files=files).json())

    def detect(self, image: bytes) -> list[dict[str, Any]]:
        """The faces of an image: where they are, and how sure the detector is. Nothing is stored."""
        return list(self._call("POST", "/api/v1/detect/detect-face", json={"image": _text(image)}).json())

    def screen(self, images: list[bytes]) -> list[dict[str, Any]]:
        """Search every face of every image in the blacklist; one result per image, in order."""
        body = {"images": [_text(image) for image in images]}
        response = self._call("POST", "/api/v1/process/process-images", json=body)
        if response.status_code == requests.codes.accepted:  # it takes longer than the service lets a caller wait
            return self._results(response.headers["Location"])
        return list(response.json())

    def job(self, job_id: str) -> dict[str, Any]:
        """How images were screened: the threshold, the progress."""
        return dict(self._call("GET", f"/api/v1/jobs/{job_id}/").json())

    def _results(self, job_url: str) -> list[dict[str, Any]]:
        """Wait for a job and read its results, page by page."""
        while self._call("GET", job_url).json()["status"] in ("pending", "processing"):
            time.sleep(1)
        results: list[dict[str, Any]] = []
        while True:
            params = {"limit": 100, "offset": len(results)}
            page = self._call("GET", f"{job_url}results/", params=params).json()
            results += page["items"]
            if len(results) >= page["total_items"]:
                return results

    def _call(self, method: str, path: str, **arguments: Any) -> requests.Response:
        url = path if path.startswith("http") else self.url + path
        response = self.session.request(method, url, timeout=TIMEOUT, **arguments)
        if not response.ok:
            raise ApiError(response.status_code, _message(response))
        return response


def _text(image: bytes) -> str:
    return base64.b64encode(image).decode()


def _message(response: requests.Response) -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP status {response.status_code}"
