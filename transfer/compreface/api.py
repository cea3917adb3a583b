"""CompreFace's public API: one recognition service by its key. It is slower than the database; the key is enough."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from transfer.compreface.catalogue import Catalogue, Kind, Service
from transfer.compreface.database import Unreachable
from transfer.folders import BadLayout

PATH = "/api/v1/recognition/"
PAGE = 1000  # examples
LONGEST_ANSWER = 64 * 1024 * 1024  # bytes of JSON
TIMEOUT = (10.0, 60.0)  # seconds to connect, and without a byte
RETRIES = Retry(
    total=4, backoff_factor=0.5, status_forcelist=(429, 502, 503, 504), allowed_methods=["GET"], redirect=0,
    raise_on_status=False,
)  # fmt: skip
PIECE = 64 * 1024


class Api(AbstractContextManager["Api"]):
    """`url` is the server's, such as https://compreface.example:8000. Raises `Unreachable` or `BadLayout`."""

    def __init__(self, url: str, key: str, *, name: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise BadLayout("The address of the server is not a URL with http or https.")
        self._root = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}{PATH}"
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy and no password of ~/.netrc
        self._session.headers["x-api-key"] = key
        self._session.mount(f"{parts.scheme}://", HTTPAdapter(max_retries=RETRIES))
        self.catalogue = Catalogue()
        try:
            self._list(Service(key, Kind.RECOGNITION, name, ""))
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        self._session.close()
        self.catalogue.close()

    def picture(self, name: str) -> bytes | None:
        """The picture of an example; None where the server kept none. Raises `Unreachable`."""
        return self._get(f"faces/{name}/img", most=settings.MAX_IMAGE_BYTES + 1) or None

    def _list(self, service: Service) -> None:
        self.catalogue.add_services([service])
        subjects = self._json("subjects").get("subjects")
        if not isinstance(subjects, list):
            raise BadLayout("The server does not answer as CompreFace does.")
        self.catalogue.add_subjects((subject, service.key, subject) for subject in map(str, subjects))
        # Rows of a server that is in use can move from one page to the next.
        self.catalogue.add_examples(self._examples(), may_repeat=True)

    def _examples(self) -> Iterator[tuple[str, str, str | None]]:
        page, pages = 0, 1
        while page < pages:
            answer = self._json(f"faces?page={page}&size={PAGE}")
            try:
                pages = int(answer["total_pages"])
                for face in answer["faces"]:
                    number = str(UUID(face["image_id"]))
                    yield number, str(face["subject"]), number
            except (KeyError, TypeError, ValueError) as error:
                raise BadLayout("The server does not answer as CompreFace does.") from error
            page += 1

    def _json(self, path: str) -> dict[str, Any]:
        data = self._get(path, most=LONGEST_ANSWER)
        try:
            answer = json.loads(data)
        except ValueError as error:
            raise BadLayout("The server does not answer as CompreFace does; check its address.") from error
        if not isinstance(answer, dict):
            raise BadLayout("The server does not answer as CompreFace does; check its address.")
        return answer

    def _get(self, path: str, *, most: int) -> bytes:
        try:
            with self._session.get(self._root + path, stream=True, timeout=TIMEOUT, allow_redirects=False) as answer:
                if answer.status_code in (400, 401, 403, 404):
                    raise BadLayout("The server refuses the key, or is not CompreFace.", code="import.refused")
                if answer.status_code != 200:
                    raise Unreachable(f"The server answers with status {answer.status_code}.")
                data = bytearray()
                for piece in answer.iter_content(PIECE):
                    data += piece
                    if len(data) > most:
                        break
                return bytes(data)
        except requests.RequestException as error:
            raise Unreachable("The server does not answer.") from error
