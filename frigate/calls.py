"""Calls over HTTP: to Frigate for snapshots and sub labels, and to this service for a search."""

from __future__ import annotations

import logging
import ssl
import threading
import time
from typing import Any

import httpx
from django.conf import settings

from errors import FaceAppError
from frigate.types import Finding, Kind
from vision.exceptions import InvalidImage
from vision.images import sniff

SNAPSHOT = {"crop": "1", "bbox": "0", "timestamp": "0", "quality": "95"}
LONGEST_LABEL = 100  # characters, Frigate's limit
ATTEMPTS, PATIENCE = 3, 5.0  # of a search while the service is busy or away; seconds between them at most
BUSY = {429, 502, 503, 504}

logging.getLogger("httpx").setLevel(logging.WARNING)  # it writes a line for each call


class BridgeError(FaceAppError):
    """`frigate.gone`, `frigate.refused`, `frigate.unreachable`, `frigate.timeout`, `frigate.too_large`,
    `frigate.not_an_image`, `frigate.failed`, or the same of the service: `service.refused` and so on.
    """

    code = "frigate.failed"

    def __init__(self, code: str, status: int | None = None) -> None:
        super().__init__(f"{code} ({status})" if status else code, code=code)


class Calls:
    """Connections to both. `stop`: ends waiting."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        trusted = ssl.create_default_context(cafile=settings.FRIGATE_CA_FILE or None)
        token = {"Authorization": f"Bearer {settings.FRIGATE_TOKEN}"} if settings.FRIGATE_TOKEN else {}
        self._frigate = httpx.Client(headers=token, timeout=settings.FRIGATE_TIMEOUT, verify=trusted, trust_env=False)
        self._service = httpx.Client(
            headers={"X-API-Key": settings.FRIGATE_KEY}, timeout=settings.FRIGATE_SEARCH_TIMEOUT, trust_env=False
        )

    def close(self) -> None:
        self._frigate.close()
        self._service.close()

    def snapshot(self, event: str) -> bytes:
        """The picture of an event, cut to the person. Raises `BridgeError`."""
        until = time.monotonic() + settings.FRIGATE_TIMEOUT
        body = bytearray()
        try:
            with self._frigate.stream("GET", _of_event(event, "snapshot.jpg"), params=SNAPSHOT) as answer:
                _check(answer)
                for chunk in answer.iter_bytes():
                    body += chunk
                    if len(body) > settings.MAX_IMAGE_BYTES:
                        raise BridgeError("frigate.too_large")
                    if time.monotonic() > until:
                        raise BridgeError("frigate.timeout")
        except httpx.TimeoutException:
            raise BridgeError("frigate.timeout") from None
        except httpx.HTTPError:
            raise BridgeError("frigate.unreachable") from None
        try:
            sniff(bytes(body))
        except InvalidImage:  # a page of a proxy, or of a login
            raise BridgeError("frigate.not_an_image") from None
        return bytes(body)

    def name(self, event: str, finding: Finding) -> None:
        """Give the event the person's name as its sub label. Raises `BridgeError`."""
        body: dict[str, Any] = {"subLabel": finding.name[:LONGEST_LABEL]}
        if finding.similarity:
            body["subLabelScore"] = min(round(finding.similarity, 3), 1.0)
        try:
            _check(self._frigate.post(_of_event(event, "sub_label"), json=body))
        except httpx.TimeoutException:
            raise BridgeError("frigate.timeout") from None
        except httpx.HTTPError:
            raise BridgeError("frigate.unreachable") from None

    def search(self, data: bytes) -> Finding:
        """Who is on a picture, as far as the key may know. Asks again if the service is busy. Raises `BridgeError`."""
        code, status = "service.unreachable", None
        for attempt in range(ATTEMPTS):
            if attempt and self._stop.wait(min(2.0**attempt, PATIENCE)):
                break
            try:
                answer = self._service.post(
                    f"{settings.FRIGATE_SERVICE}/api/v1/people/search/",
                    files={"image": ("snapshot.jpg", data, "image/jpeg")},
                    data={"limit": "1"} | ({"sources": settings.FRIGATE_SOURCES} if settings.FRIGATE_SOURCES else {}),
                )
            except httpx.HTTPError:
                continue
            if answer.status_code not in BUSY:
                return _finding(answer)
            code, status = "service.busy", answer.status_code
        raise BridgeError(code, status)


def _of_event(event: str, what: str) -> str:
    return f"{settings.FRIGATE_URL}/api/events/{event}/{what}"


def _check(answer: httpx.Response) -> None:
    if answer.status_code == 404:
        raise BridgeError("frigate.gone", 404)
    if answer.status_code in (401, 403) or answer.is_redirect:
        raise BridgeError("frigate.refused", answer.status_code)
    if not answer.is_success:
        raise BridgeError("frigate.failed", answer.status_code)


def _finding(answer: httpx.Response) -> Finding:
    """Of an answer to a search. Faces that cannot be recognised count among several, as the person may be one."""
    try:
        body = answer.json()
        if answer.status_code == 400 and body["code"] == "face.none":
            return Finding(Kind.NO_FACE)
        if answer.status_code != 200:
            code = "service.refused" if answer.status_code in (401, 403) else "service.failed"
            raise BridgeError(code, answer.status_code)
        faces = body["faces"]
        if len(faces) != 1:
            return Finding(Kind.SEVERAL if faces else Kind.NO_FACE)
        kind = {"no_match": Kind.UNKNOWN}.get(faces[0]["decision"]) or Kind(faces[0]["decision"])
        if kind != Kind.MATCH or not faces[0]["candidates"]:
            return Finding(kind)
        one = faces[0]["candidates"][0]
        name = one["name"] or one["external_id"] or ""
        return Finding(kind, one["person_id"], one["person_uuid"], name, one["comparison"]["similarity"])
    except (ValueError, KeyError, TypeError):  # a page of a proxy
        raise BridgeError("service.failed", answer.status_code) from None
