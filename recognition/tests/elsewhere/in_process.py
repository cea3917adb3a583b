"""The service in this process, called as `contract_api.Api` calls a running one, so that its tests hold here too."""

from __future__ import annotations

import io
from typing import Any

import requests
from django.test import Client as Browser
from requests.adapters import HTTPAdapter
from urllib3.response import HTTPResponse

from recognition.tests.contract_api import Api

URL = "http://testserver"


class _Django(HTTPAdapter):
    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        headers = {name: str(value) for name, value in request.headers.items() if name != "Content-Length"}
        kind = headers.pop("Content-Type", "application/octet-stream")
        path = (request.url or "").removeprefix(URL)
        answer = Browser().generic(request.method or "", path, bytes(body), content_type=kind, headers=headers)
        content = io.BytesIO(b"".join(answer.streaming_content) if answer.streaming else answer.content)
        raw = HTTPResponse(content, dict(answer.headers), answer.status_code, preload_content=False)
        return self.build_response(request, raw)


class InProcess(Api):
    """A client's calls with this key."""

    def __init__(self, key: str) -> None:
        self.key = key
        self._session = requests.Session()
        self._session.mount(URL, _Django())

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"X-API-Key": self.key} | options.pop("headers", {})
        return self._session.request(method, URL + path, headers=headers, allow_redirects=False, **options)
