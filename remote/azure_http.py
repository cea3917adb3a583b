"""Calls of Azure Face's REST API: the key, the limits of a call, and what its refusals mean.

Codes are those of Microsoft's reference "Azure AI Face API error codes". The key is sent in a header and is in no
message, log or representation; redirects are not followed, because they would carry it to another host.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlsplit

import requests

from remote.exceptions import (
    AccessRefused,
    AnswerUnreadable,
    CertificateRefused,
    CollectionGone,
    ImageRefused,
    NotConfigured,
    QuotaExceeded,
    RemoteError,
    RemoteRefusal,
    RemoteUnavailable,
    Throttled,
)

KEY_HEADER = "Ocp-Apim-Subscription-Key"
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
MOST_OF_ANSWER = 16 * 1024 * 1024  # bytes: a page of 1,000 persons has about 250 kB
CHUNK = 64 * 1024
LONGEST_WAIT = 3600.0  # seconds
APPLY = "https://aka.ms/facerecognition"
ADDRESS = re.compile(r"https://(?:aka\.ms|(?:[a-z0-9-]+\.)*microsoft\.com)/[\w./?=&%#-]*\w")


class Training(RemoteUnavailable):
    """The group is being trained, and takes no other call meanwhile."""

    code = "remote.training"


class NotTrained(RemoteUnavailable):
    """The group has never been trained."""

    code = "remote.training"


class PersonGone(RemoteUnavailable):
    """The person was deleted between two calls."""


class GroupExists(RemoteRefusal):
    """A group with this id exists already."""


REFUSALS: dict[str, tuple[type[RemoteError], str]] = {
    "LargePersonGroupNotFound": (CollectionGone, "Azure Face does not have the collection any more."),
    "LargePersonGroupExists": (GroupExists, "Azure Face has this collection already."),
    "LargePersonGroupNotTrained": (NotTrained, "The collection has not been trained yet."),
    "LargePersonGroupTrainingNotFinished": (Training, "The collection is being trained. Try again shortly."),
    "ConcurrentOperationConflict": (Throttled, "Azure Face is changing the same object. Try again shortly."),
    "PersonNotFound": (PersonGone, "Azure Face does not have the person any more."),
    "PersistedFaceNotFound": (PersonGone, "Azure Face does not have the face any more."),
    "FaceNotFound": (RemoteUnavailable, "Azure Face has forgotten the face between two calls. Try again."),
    "QuotaExceeded": (QuotaExceeded, "A limit of the Azure account is used up: groups, persons or faces."),
    "InvalidImage": (ImageRefused, "Azure Face cannot read the image."),
    "InvalidImageSize": (ImageRefused, "Azure Face takes images from 1 kB to 6 MB."),
}


@dataclass(frozen=True)
class Account:
    """Where the service is, and who calls. `seconds`: for a whole call."""

    endpoint: str
    key: str = field(repr=False)
    api_version: str = "v1.2-preview.1"
    seconds: float = 10.0
    allow_loopback: bool = False  # for tests: plain HTTP to this machine


class Connection:
    """Calls with one account; safe for several threads. Raises `NotConfigured` for an endpoint it may not call."""

    def __init__(self, account: Account, new_session: Callable[[], requests.Session] = requests.Session) -> None:
        self._account = account
        self._base = f"{_checked(account)}/face/{quote(account.api_version, safe='')}"
        self._new_session = new_session
        self._threads = threading.local()

    def call(
        self,
        method: str,
        *path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        image: bytes | None = None,
    ) -> Any:
        """The JSON of an answer, or None for an empty one. `path` are segments, `body` is JSON."""
        url = "/".join([self._base, *(quote(segment, safe="") for segment in path)])
        status, headers, content = self._exchange(method, url, params=query, data=image, json=body)
        if 200 <= status < 300:
            return _json(content) if content.strip() else None
        raise _error(status, headers, content)

    def _exchange(self, method: str, url: str, **sent: Any) -> tuple[int, Mapping[str, str], bytes]:
        headers = {KEY_HEADER: self._account.key, "Accept": "application/json"}
        if sent["data"] is not None:
            headers["Content-Type"] = "application/octet-stream"
        until = time.monotonic() + self._account.seconds
        try:
            with self._session().request(
                method, url, headers=headers, timeout=self._account.seconds, allow_redirects=False, stream=True, **sent
            ) as response:
                return response.status_code, response.headers, _read(response, until)
        except requests.exceptions.SSLError:
            raise CertificateRefused("The certificate of the Azure Face endpoint does not verify.") from None
        except requests.RequestException:  # its text has the address
            raise RemoteUnavailable("Azure Face cannot be reached, or did not answer in time.") from None

    def _session(self) -> requests.Session:
        if not hasattr(self._threads, "session"):
            self._threads.session = self._new_session()
        session: requests.Session = self._threads.session
        return session


def _checked(account: Account) -> str:
    """The endpoint without a slash at its end."""
    if not account.key or not account.endpoint:
        raise NotConfigured("Set FACEAPP_AZURE_FACE_ENDPOINT and FACEAPP_AZURE_FACE_KEY to use Azure Face.")
    if not account.key.isascii() or not account.key.isprintable() or " " in account.key:
        raise NotConfigured("FACEAPP_AZURE_FACE_KEY has characters that no key has.")
    try:
        parts = urlsplit(account.endpoint)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise NotConfigured("FACEAPP_AZURE_FACE_ENDPOINT is not a URL.") from None
    if not host or parts.username is not None or parts.query or parts.fragment:
        raise NotConfigured("FACEAPP_AZURE_FACE_ENDPOINT must be like https://NAME.cognitiveservices.azure.com.")
    if parts.scheme != "https" and not (parts.scheme == "http" and account.allow_loopback and host in LOOPBACK):
        raise NotConfigured("FACEAPP_AZURE_FACE_ENDPOINT must begin with https://.")
    return account.endpoint.rstrip("/")


def _read(response: requests.Response, until: float) -> bytes:
    content = b""
    for chunk in response.iter_content(CHUNK):
        content += chunk
        if len(content) > MOST_OF_ANSWER:
            raise AnswerUnreadable("The answer of the Azure Face endpoint is longer than any of this service.")
        if time.monotonic() > until:
            raise RemoteUnavailable("Azure Face did not answer in time.")
    return content


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        raise unreadable() from None


def unreadable() -> AnswerUnreadable:
    return AnswerUnreadable("The answer of the Azure Face endpoint is not of this service. Check the endpoint.")


def _error(status: int, headers: Mapping[str, str], content: bytes) -> RemoteError:
    """What an answer means that is no success."""
    wait = _wait(headers.get("Retry-After", ""))
    if status == 429:
        return Throttled("Azure Face takes no more calls at the moment.", wait=wait)
    if status >= 500:
        return RemoteUnavailable("Azure Face reports an error of its own.", wait=wait)
    code, inner, message = _named(content)
    if not code:
        return unreadable()
    if kind := REFUSALS.get(inner) or REFUSALS.get(code):
        error, text = kind
        return error(text, wait=wait) if issubclass(error, RemoteUnavailable) else error(text)
    if status == 401:
        return AccessRefused("The Azure Face endpoint does not accept the key: check FACEAPP_AZURE_FACE_KEY.")
    if status == 403:
        return _forbidden("UnsupportedFeature" in {code, inner}, message)
    return RemoteRefusal(f"Azure Face refuses the call with status {status}.")


def _forbidden(is_limited: bool, message: str) -> AccessRefused:
    if not is_limited:
        return AccessRefused("Azure Face refuses this account, or the network that the call comes from.")
    found = ADDRESS.search(message)
    return AccessRefused(
        "Microsoft has not approved this Azure account for identifying and verifying people (Limited Access). Apply at "
        f"{found.group() if found else APPLY}, or choose another back end.",
        code="remote.not_approved",
    )


def _named(content: bytes) -> tuple[str, str, str]:
    """Code, inner code and message of an error, each empty where there is none."""
    try:
        error = json.loads(content)["error"]
        inner = error.get("innererror") or {}
        return str(error["code"]), str(inner.get("code", "")), str(inner.get("message") or error.get("message", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", "", ""


def _wait(value: str) -> float | None:
    """Seconds of a Retry-After header, which holds seconds or a date."""
    try:
        if value.strip().isdigit():
            return min(float(value), LONGEST_WAIT)
        return min(max((parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds(), 0.0), LONGEST_WAIT)
    except (ValueError, TypeError):
        return None
