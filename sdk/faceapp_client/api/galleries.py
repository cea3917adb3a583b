"""Sets of people that are searched together: `/api/v1/galleries/`, and moves of all of them: `/api/v1/respaces/`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from faceapp_client.endpoints import D, Pages, Resource, call, given, listing
from faceapp_client.gallery_results import (
    Gallery,
    GalleryHealth,
    LookAlikes,
    OddPhotograph,
    PoorPerson,
    Respace,
)
from faceapp_client.retries import Flow, Request

GALLERIES = "/api/v1/galleries/"
RESPACES = "/api/v1/respaces/"


class Galleries(Resource[D]):
    """Galleries by name. Enrolling into a new one creates it.

    `kind` (`people` or `blacklist`) says which one is meant if galleries of both kinds have the name.
    """

    @listing
    def list(self) -> Pages[Gallery]:
        """Those of both kinds."""
        return Pages(Gallery, GALLERIES)

    @call
    def get(self, name: str, *, kind: str | None = None) -> Flow[Gallery]:
        """One gallery."""
        return self._answer(Gallery, Request("GET", _path(name), given(kind=kind), idempotent=True))

    @call
    def update(self, name: str, changes: Mapping[str, Any], *, kind: str | None = None) -> Flow[Gallery]:
        """Change `name`, `threshold`, `fpir_per_thousand`, `fmr_per_million` or `review_fpir_per_thousand`.

        None leaves a threshold or a target to the client and the deployment.
        """
        return self._answer(Gallery, Request("PATCH", _path(name), given(kind=kind), dict(changes)))

    @call
    def delete(self, name: str, *, kind: str | None = None) -> Flow[None]:
        """Delete an empty gallery."""
        return self._no_answer(Request("DELETE", _path(name), given(kind=kind)))

    @listing
    def respaces(self) -> Pages[Respace]:
        """Moves of all galleries to another model, the latest first."""
        return Pages(Respace, RESPACES)

    # ---- health -------------------------------------------------------------------------------------------------
    @call
    def health(self, name: str, *, kind: str | None = None) -> Flow[GalleryHealth]:
        """What is wrong with the people of a gallery and their photographs, with the first rows of each list."""
        return self._answer(GalleryHealth, Request("GET", _path(name, "health/"), given(kind=kind), idempotent=True))

    @listing
    def look_alikes(self, name: str, *, kind: str | None = None) -> Pages[LookAlikes]:
        """Pairs of people who look like one another, the nearest first."""
        return Pages(LookAlikes, _path(name, "health/look-alikes/"), given(kind=kind))

    @listing
    def odd_photographs(self, name: str, *, kind: str | None = None) -> Pages[OddPhotograph]:
        """Photographs that look unlike all others of their person, the furthest first."""
        return Pages(OddPhotograph, _path(name, "health/odd-photographs/"), given(kind=kind))

    @listing
    def poor_people(self, name: str, *, kind: str | None = None) -> Pages[PoorPerson]:
        """People with poor photographs only, the least recognisable first."""
        return Pages(PoorPerson, _path(name, "health/poor-people/"), given(kind=kind))


def _path(name: str, part: str = "") -> str:
    return f"{GALLERIES}{quote(name, safe='')}/{part}"
