"""The methods of a client, by subject."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import httpx

from faceapp_client.api.albums import Albums
from faceapp_client.api.blacklist import Blacklist
from faceapp_client.api.galleries import Galleries
from faceapp_client.api.liveness import Liveness
from faceapp_client.api.people import People
from faceapp_client.api.screening import Screening
from faceapp_client.client_results import NewKey, Usage
from faceapp_client.endpoints import D, Resource, call, form
from faceapp_client.gallery_results import Engines
from faceapp_client.results import Comparisons, DetectedFace
from faceapp_client.retries import Flow, Request, send
from faceapp_client.uploads import ImageSource, part, parts


class Api(Resource[D]):
    """Everything that a client can ask. Methods raise `FaceAppError`, and `OSError` for files that cannot be read."""

    def __init__(self, driver: D) -> None:
        super().__init__(driver)
        self.people = People(driver)
        self.galleries = Galleries(driver)
        self.blacklist = Blacklist(driver)
        self.screening = Screening(driver)
        self.liveness = Liveness(driver)
        self.albums = Albums(driver)

    @call
    def detect(self, image: ImageSource, *, detector: str | None = None) -> Flow[list[DetectedFace]]:
        """The faces of an image, from left to right. Nothing is stored."""
        fields, files = form(detector_backend=detector), [part("image", image)]
        return self._answer(
            list[DetectedFace],
            Request("POST", "/api/v1/detect/detect-face/", form=fields, files=files, idempotent=True),
        )

    @call
    def compare(
        self, image: ImageSource, others: Iterable[ImageSource], *, threshold: float | None = None
    ) -> Flow[Comparisons]:
        """The largest face of `image` against the largest of each of the others. Nothing is stored."""
        files = [part("image", image), *parts("images", others)]
        return self._answer(
            Comparisons,
            Request("POST", "/api/v1/compare/", form=form(threshold=threshold), files=files, idempotent=True),
        )

    @call
    def engines(self) -> Flow[Engines]:
        """The engines that are enabled, and every model that could be used."""
        return self._answer(Engines, Request("GET", "/api/v1/engines/", idempotent=True))

    @call
    def usage(self) -> Flow[Usage]:
        """What the client has stored and sent today, beside its limits."""
        return self._answer(Usage, Request("GET", "/api/v1/usage/", idempotent=True))

    @call
    def rotate_key(self, *, overlap_hours: int = 24, idempotency_key: str | None = None) -> Flow[NewKey]:
        """Replace the key of this client, which needs the scope `rotate`. Store the new one, and use it from now on.

        The former key is accepted for `overlap_hours` more. With an `idempotency_key` of your own, the same call gets
        the same key again for as long.
        """
        request = Request("POST", "/api/v1/keys/rotate/", json={"overlap_hours": overlap_hours})
        return self._answer(NewKey, request.once(idempotency_key))

    @call
    def request(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, Any] | None = None,
        json: Any = None,
        idempotent: bool = False,
        idempotency_key: str | None = None,
    ) -> Flow[httpx.Response]:
        """Any other call, with the same API key, retries and errors.

        `idempotent`: it may be carried out twice. `idempotency_key`: for a POST that takes one, which may be repeated.
        """
        request = Request(method, path, params or {}, json, idempotent=idempotent)
        return send(request if idempotency_key is None else request.once(idempotency_key), self._driver.retries)
