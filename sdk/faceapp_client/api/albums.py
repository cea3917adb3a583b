"""Images whose faces are matched and grouped with each other: `/api/v1/albums/`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from faceapp_client.album_results import Album, AlbumImage, FaceGroup, ImageMatch, Queued
from faceapp_client.endpoints import D, Pages, Resource, call, given, listing
from faceapp_client.retries import Flow, Request
from faceapp_client.uploads import ImageSource, parts

ALBUMS = "/api/v1/albums/"
Many = list  # inside of the class `list` is a method


class Albums(Resource[D]):
    """Find out who is on which images: upload, process, and read matches and groups."""

    @call
    def create(
        self,
        name: str,
        *,
        keep_images: bool | None = None,
        threshold: float | None = None,
        idempotency_key: str | None = None,
    ) -> Flow[Album]:
        """A new album. `keep_images`: keep the files after their faces are stored."""
        body = given(name=name, keep_images=keep_images, threshold=threshold)
        return self._answer(Album, Request("POST", ALBUMS, json=body).once(idempotency_key))

    @listing
    def list(self) -> Pages[Album]:
        """Every album."""
        return Pages(Album, ALBUMS)

    @call
    def get(self, album_id: int) -> Flow[Album]:
        """One album and the progress of its images."""
        return self._answer(Album, Request("GET", f"{ALBUMS}{album_id}/", idempotent=True))

    @call
    def update(self, album_id: int, changes: Mapping[str, Any]) -> Flow[Album]:
        """Change `name`, `keep_images` or `threshold`; other fields stay as they are."""
        return self._answer(Album, Request("PATCH", f"{ALBUMS}{album_id}/", json=dict(changes), idempotent=True))

    @call
    def delete(self, album_id: int) -> Flow[None]:
        """Erase an album with images, faces and groups."""
        return self._no_answer(Request("DELETE", f"{ALBUMS}{album_id}/"))

    # ---- images ---------------------------------------------------------------------------------------------------
    @call
    def upload(
        self,
        album_id: int,
        images: Iterable[ImageSource],
        *,
        process: bool = True,
        idempotency_key: str | None = None,
    ) -> Flow[Many[AlbumImage]]:
        """Add images and have them processed at once or later."""
        params, files = {"process": "true" if process else "false"}, parts("images", images)
        request = Request("POST", f"{ALBUMS}{album_id}/images/", params, files=files)
        return self._answer(Many[AlbumImage], request.once(idempotency_key))

    @call
    def process(
        self, album_id: int, *, images: Iterable[int] | None = None, idempotency_key: str | None = None
    ) -> Flow[Queued]:
        """Process all uploaded images, or only these. `get` returns the progress."""
        body = {} if images is None else {"images": [*images]}
        request = Request("POST", f"{ALBUMS}{album_id}/process/", json=body)
        return self._answer(Queued, request.once(idempotency_key))

    @listing
    def images(self, album_id: int) -> Pages[AlbumImage]:
        """Images in the order of their upload, with their faces."""
        return Pages(AlbumImage, f"{ALBUMS}{album_id}/images/")

    @call
    def image(self, album_id: int, image_id: int) -> Flow[AlbumImage]:
        """One image."""
        return self._answer(AlbumImage, Request("GET", f"{ALBUMS}{album_id}/images/{image_id}/", idempotent=True))

    @call
    def sidecar(self, album_id: int, image_id: int) -> Flow[bytes]:
        """An XMP sidecar for an image that the album keeps, whose regions have the names of their groups."""
        return self._bytes(f"{ALBUMS}{album_id}/images/{image_id}/sidecar/")

    @call
    def delete_image(self, album_id: int, image_id: int) -> Flow[None]:
        """Erase an image with its faces and matches."""
        return self._no_answer(Request("DELETE", f"{ALBUMS}{album_id}/images/{image_id}/"))

    @listing
    def matches(self, album_id: int, image_id: int) -> Pages[ImageMatch]:
        """Other images that show a person of this one, closest first."""
        return Pages(ImageMatch, f"{ALBUMS}{album_id}/images/{image_id}/matches/")

    # ---- groups ---------------------------------------------------------------------------------------------------
    @listing
    def groups(self, album_id: int) -> Pages[FaceGroup]:
        """The people of an album, most frequent first."""
        return Pages(FaceGroup, f"{ALBUMS}{album_id}/groups/")

    @call
    def group(self, album_id: int, group_id: int) -> Flow[FaceGroup]:
        """One group with its faces."""
        return self._answer(FaceGroup, Request("GET", f"{ALBUMS}{album_id}/groups/{group_id}/", idempotent=True))

    @call
    def name_group(self, album_id: int, group_id: int, name: str) -> Flow[FaceGroup]:
        """Name a group: it becomes a person of the gallery."""
        path = f"{ALBUMS}{album_id}/groups/{group_id}/"
        return self._answer(FaceGroup, Request("PATCH", path, json={"name": name}))

    @call
    def merge_groups(
        self, album_id: int, group_id: int, groups: Iterable[int], *, idempotency_key: str | None = None
    ) -> Flow[FaceGroup]:
        """Take the faces of other groups into this one."""
        path = f"{ALBUMS}{album_id}/groups/{group_id}/merge/"
        return self._answer(FaceGroup, Request("POST", path, json={"groups": [*groups]}).once(idempotency_key))

    @call
    def split_group(
        self, album_id: int, group_id: int, faces: Iterable[int], *, idempotency_key: str | None = None
    ) -> Flow[FaceGroup]:
        """Move some faces into a new group, which is returned."""
        path = f"{ALBUMS}{album_id}/groups/{group_id}/split/"
        return self._answer(FaceGroup, Request("POST", path, json={"faces": [*faces]}).once(idempotency_key))
