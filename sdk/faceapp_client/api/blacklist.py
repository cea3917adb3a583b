"""The people that screening looks for: `/api/v1/blacklist/`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from faceapp_client.endpoints import D, Resource, call, form
from faceapp_client.results import AddedImages, Entry, ListedEntry, Photograph
from faceapp_client.retries import Flow, Request
from faceapp_client.uploads import ImageSource, parts

BLACKLIST = "/api/v1/blacklist/"
Many = list  # inside of the class `list` is a method


class Blacklist(Resource[D]):
    """Entries and their photographs."""

    @call
    def add(
        self,
        name: str,
        images: Iterable[ImageSource],
        *,
        reason: str | None = None,
        is_active: bool | None = None,
        valid_from: date | None = None,
        valid_until: date | None = None,
        severity: str | None = None,
        source: str | None = None,
        notes: str | None = None,
        idempotency_key: str | None = None,
    ) -> Flow[ListedEntry]:
        """A new entry from photographs with one face each; `errors` names those that could not be used."""
        fields = form(
            name=name,
            reason=reason,
            is_active=is_active,
            valid_from=valid_from,
            valid_until=valid_until,
            severity=severity,
            source=source,
            notes=notes,
        )
        request = Request("POST", BLACKLIST, form=fields, files=parts("images", images))
        return self._answer(ListedEntry, request.once(idempotency_key))

    @call
    def list(self) -> Flow[Many[Entry]]:
        """Every entry."""
        return self._answer(Many[Entry], Request("GET", BLACKLIST, idempotent=True))

    @call
    def get(self, entry_id: int) -> Flow[Entry]:
        """One entry."""
        return self._answer(Entry, Request("GET", f"{BLACKLIST}{entry_id}/", idempotent=True))

    @call
    def update(self, entry_id: int, changes: Mapping[str, Any]) -> Flow[Entry]:
        """Change `name`, `reason`, `is_active`, `valid_from`, `valid_until`, `severity`, `source` or `notes`.

        Other fields stay as they are.
        """
        body = {name: value.isoformat() if isinstance(value, date) else value for name, value in changes.items()}
        return self._answer(Entry, Request("PATCH", f"{BLACKLIST}{entry_id}/", json=body, idempotent=True))

    @call
    def delete(self, entry_id: int) -> Flow[Entry]:
        """Remove an entry with its photographs, embeddings and matches; returns the entry."""
        return self._answer(Entry, Request("DELETE", f"{BLACKLIST}{entry_id}/"))

    @call
    def add_images(
        self, entry_id: int, images: Iterable[ImageSource], *, idempotency_key: str | None = None
    ) -> Flow[AddedImages]:
        """More photographs of an entry."""
        request = Request("POST", f"{BLACKLIST}{entry_id}/images/", files=parts("images", images))
        return self._answer(AddedImages, request.once(idempotency_key))

    @call
    def images(self, entry_id: int) -> Flow[Many[Photograph]]:
        """The photographs of an entry."""
        return self._answer(Many[Photograph], Request("GET", f"{BLACKLIST}{entry_id}/images/", idempotent=True))

    @call
    def image(self, entry_id: int, image_id: int) -> Flow[bytes]:
        """The file of one photograph, as it was sent."""
        return self._bytes(f"{BLACKLIST}{entry_id}/images/{image_id}/")

    @call
    def delete_image(self, entry_id: int, image_id: int) -> Flow[None]:
        """Remove one photograph; the last one stays."""
        return self._no_answer(Request("DELETE", f"{BLACKLIST}{entry_id}/images/{image_id}/"))
