"""The gallery: `/api/v1/people/`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from faceapp_client.endpoints import D, Pages, Resource, call, form, given, listing
from faceapp_client.results import Comparison, EnrolledPerson, Enrolment, Person, PersonPhotograph, Receipt, Search
from faceapp_client.retries import Flow, Request
from faceapp_client.uploads import ImageSource, part

PEOPLE = "/api/v1/people/"


class People(Resource[D]):
    """Enrol people, search for them, and erase them."""

    @call
    def enrol(
        self,
        image: ImageSource | None = None,
        *,
        name: str = "",
        external_id: str | None = None,
        source: str | None = None,
        metadata: dict[str, Any] | None = None,
        on_existing: str | None = None,
        quality_gate: str | None = None,
        face_choice: str | None = None,
        idempotency_key: str | None = None,
    ) -> Flow[EnrolledPerson]:
        """A new person, with the face of a photograph or without one for now.

        `on_existing`: `refuse` (the service's default), `add` or `replace`, when the external id is taken;
        `quality_gate`: `off`, `standard` or `strict`; `face_choice`: `only`, `largest` or `named`.
        """
        fields = form(
            name=name, external_id=external_id, source=source, metadata=metadata, on_existing=on_existing,
            quality_gate=quality_gate, face_choice=face_choice,
        )  # fmt: skip
        files = [] if image is None else [part("image", image)]
        request = Request("POST", PEOPLE, form=fields, files=files)
        return self._answer(EnrolledPerson, request.once(idempotency_key))

    @listing
    def list(
        self,
        *,
        name: str | None = None,
        external_id: str | None = None,
        source: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Pages[Person]:
        """All people, or those with this external id or source, this text in their name, or enrolled in this time."""
        times = given(since=since and since.isoformat(), until=until and until.isoformat())
        return Pages(Person, PEOPLE, given(name=name, external_id=external_id, source=source) | times)

    @call
    def get(self, person_id: int) -> Flow[Person]:
        """One person."""
        return self._answer(Person, Request("GET", f"{PEOPLE}{person_id}/", idempotent=True))

    @call
    def update(self, person_id: int, changes: Mapping[str, Any]) -> Flow[Person]:
        """Change `name`, `external_id`, `source` or `metadata`; other fields stay as they are."""
        return self._answer(Person, Request("PATCH", f"{PEOPLE}{person_id}/", json=dict(changes), idempotent=True))

    @call
    def delete(self, person_id: int, *, keep_record: bool = False, everywhere: bool = False) -> Flow[Receipt]:
        """Erase a person, or only the faces. `everywhere`: from albums and screened images too.

        The receipt says what was erased.
        """
        asked = {"keep_record": keep_record, "everywhere": everywhere}
        params = {name: "true" for name, wanted in asked.items() if wanted}
        return self._answer(Receipt, Request("DELETE", f"{PEOPLE}{person_id}/", params))

    @call
    def search(
        self,
        image: ImageSource | None = None,
        *,
        embedding: Iterable[float] | None = None,
        sources: Iterable[str] | None = None,
        faces: str | None = None,
        limit: int | None = None,
        threshold: float | None = None,
        return_embeddings: bool | None = None,
    ) -> Flow[Search]:
        """Identify people: the nearest ones for every face (or `faces="largest"`) of an image, or for an embedding."""
        fields = given(faces=faces, limit=limit, threshold=threshold, return_embeddings=return_embeddings)
        if sources is not None:
            fields["sources"] = [*sources]
        if image is None:
            body = fields | given(embedding=embedding and [*embedding])
            return self._answer(Search, Request("POST", f"{PEOPLE}search/", json=body, idempotent=True))
        files = [part("image", image)]
        return self._answer(
            Search, Request("POST", f"{PEOPLE}search/", form=form(**fields), files=files, idempotent=True)
        )

    @call
    def verify(self, person_id: int, image: ImageSource, *, threshold: float | None = None) -> Flow[Comparison]:
        """Verify a person: the largest face of an image against the person's photographs."""
        files = [part("image", image)]
        return self._answer(
            Comparison,
            Request(
                "POST", f"{PEOPLE}{person_id}/verify/", form=form(threshold=threshold), files=files, idempotent=True
            ),
        )

    # ---- who is who ---------------------------------------------------------------------------------------------
    @call
    def merge(self, person_id: int, other_id: int, *, idempotency_key: str | None = None) -> Flow[Person]:
        """Take another person's photographs and data into this one. The other record is removed."""
        request = Request("POST", f"{PEOPLE}{person_id}/merge/", json={"person": str(other_id)})
        return self._answer(Person, request.once(idempotency_key))

    @call
    def split(
        self,
        person_id: int,
        image_ids: Iterable[int],
        *,
        name: str = "",
        external_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Flow[Person]:
        """Move some photographs to a new person, which is the answer."""
        body = {"images": [*image_ids], "name": name} | given(external_id=external_id)
        request = Request("POST", f"{PEOPLE}{person_id}/split/", json=body)
        return self._answer(Person, request.once(idempotency_key))

    @call
    def keep_apart(self, person_id: int, other_id: int, *, idempotency_key: str | None = None) -> Flow[None]:
        """Remember that two people are not the same: they are not listed as look-alikes any more."""
        request = Request("POST", f"{PEOPLE}{person_id}/apart/", json={"person": str(other_id)})
        return self._no_answer(request.once(idempotency_key))

    # ---- photographs --------------------------------------------------------------------------------------------
    @call
    def add_image(
        self,
        person_id: int,
        image: ImageSource,
        *,
        replace: bool | None = None,
        quality_gate: str | None = None,
        face_choice: str | None = None,
        idempotency_key: str | None = None,
    ) -> Flow[Enrolment]:
        """Another photograph of a person, or one that replaces all others."""
        fields = form(replace=replace, quality_gate=quality_gate, face_choice=face_choice)
        request = Request("POST", f"{PEOPLE}{person_id}/images/", form=fields, files=[part("image", image)])
        return self._answer(Enrolment, request.once(idempotency_key))

    @listing
    def images(self, person_id: int, *, embeddings: bool = False) -> Pages[PersonPhotograph]:
        """The photographs of a person, the primary one first. Embeddings need a key that names that scope."""
        return Pages(PersonPhotograph, f"{PEOPLE}{person_id}/images/", {"embeddings": "true"} if embeddings else {})

    @call
    def image(self, person_id: int, image_id: int) -> Flow[bytes]:
        """The file of one photograph, as it was sent."""
        return self._bytes(f"{PEOPLE}{person_id}/images/{image_id}/")

    @call
    def delete_image(self, person_id: int, image_id: int) -> Flow[None]:
        """Remove one photograph with its embeddings."""
        return self._no_answer(Request("DELETE", f"{PEOPLE}{person_id}/images/{image_id}/"))

    @call
    def make_primary(
        self, person_id: int, image_id: int, *, idempotency_key: str | None = None
    ) -> Flow[PersonPhotograph]:
        """Make this the photograph that represents the person."""
        path = f"{PEOPLE}{person_id}/images/{image_id}/primary/"
        return self._answer(PersonPhotograph, Request("POST", path).once(idempotency_key))
