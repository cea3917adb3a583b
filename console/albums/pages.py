"""Albums: the list, the groups of one, its settings, and erasing it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request

from albums.exceptions import AlbumExists
from albums.models import Album, FaceGroup
from albums.services import create_album, delete_album, save_album
from audit.services import record
from audit.types import Action
from clients.authentication import client_of
from clients.models import Scope
from clients.permissions import is_managing
from console.albums.shown import DONE, GroupTile, Progress, now_of, progress_of, rows_of, tiles_of
from console.numbers import number_in
from console.pages import ConsolePage
from console.paging import PageNumber
from errors import NotFound

ALBUMS = 24
GROUPS = 48  # on a page
LONGEST = 100  # characters of a search for a name


class AlbumInput(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    keep_images = serializers.BooleanField(required=False, default=False)


class AlbumsPage(ConsolePage):
    """What the section's pages have in common: the client's albums and their groups."""

    section = "albums"
    tab = ""
    scope_read: ClassVar[Scope] = Scope.ALBUMS
    scope_write: ClassVar[Scope] = Scope.ALBUMS

    @cached_property
    def album(self) -> Album:
        """That of the address. Raises `NotFound`, for other clients' albums as well."""
        albums = Album.objects.of_client(client_of(self.request)).select_related("client")
        found: Album | None = albums.filter(number=self.kwargs["number"]).first()
        if found is None:
            raise NotFound(_("There is no such album. It may have been erased."))
        return found

    def group(self, number: int | None) -> FaceGroup:
        """A group of the album, with its size. Raises `NotFound`."""
        groups = FaceGroup.objects.of_album(self.album).with_size().select_related("person", "album__client")
        found: FaceGroup | None = groups.filter(number=number or 0).first()
        if found is None:
            raise NotFound(_("There is no such group. It may have been merged with another one."))
        return found

    @property
    def progress(self) -> Progress:
        return now_of(self.album)

    @property
    def is_manager(self) -> bool:
        return is_managing(self.request)

    @property
    def may_change(self) -> bool:
        return self.may(Scope.ALBUMS)

    def record_groups(self, *groups: FaceGroup, results: int) -> None:
        """That their faces were looked at. Groups are numbered within their album."""
        objects = [self.album.audit_name, *(f"group:{group.number}" for group in groups)]
        record(Action.VIEW, client_id=self.album.client_id, objects=objects, results=results)

    def choice(self, groups: QuerySet[FaceGroup], *, faces: Sequence[int] = ()) -> dict[str, Any]:
        """A page of these groups, the largest first, narrowed by what was typed as a name or number.

        `faces` travel in the addresses of the other pages.
        """
        query = self.request.query_params
        text = query.get("q", "").replace("\0", "").strip()[:LONGEST]
        found: Any = groups
        if text:
            found = found.named_like(text)
        count = found.count()
        place = PageNumber.of(number_in(query.get("page")), count=count, on_a_page=GROUPS)
        first = (place.number - 1) * GROUPS
        sized = found.with_size().select_related("person").largest_first()[first : first + GROUPS]
        tiles: list[GroupTile] = tiles_of(sized)
        self.record_groups(*(tile.group for tile in tiles if tile.cover), results=len(tiles))
        return {"tiles": tiles, "count": count, "place": place, "q": text, "q_query": query_of(text, faces)}

    def show_album(self, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
        shown = {
            "album": self.album,
            "tab": self.tab,
            "may_change": self.may_change,
            "may_erase": self.is_manager,
            "message": DONE.get(self.request.query_params.get("done", ""), ""),
        }
        return self.show(f"console/albums/{template}.html", shown | context, status=status)

    def go(self, name: str, *more: int, done: str = "") -> HttpResponse:
        """To a page of the album, which says what was done."""
        address = reverse(f"console:{name}", args=[self.album.number, *more])
        return HttpResponseRedirect(f"{address}?done={done}" if done else address)


class AlbumList(AlbumsPage):
    """The newest first. A form makes another one."""

    def get(self, request: Request) -> HttpResponse:
        return self.show_list()

    def post(self, request: Request) -> HttpResponse:
        given = AlbumInput(data=request.data)
        if not given.is_valid():
            return self.show_list(problem=_("Give the album a name of at most 100 characters."), status=422)
        try:
            album = create_album(client=client_of(request), **given.validated_data)
        except AlbumExists:
            return self.show_list(problem=_("There is an album of this name already."), status=409)
        address = reverse("console:album-photographs", args=[album.number])
        return HttpResponseRedirect(f"{address}?done=created")

    def show_list(self, *, problem: str = "", status: int = 200) -> HttpResponse:
        query = self.request.query_params
        text = query.get("q", "").replace("\0", "").strip()[:LONGEST]
        albums = Album.objects.of_client(client_of(self.request)).order_by("-number")
        if text:
            albums = albums.filter(name__icontains=text)
        count = albums.count()
        place = PageNumber.of(number_in(query.get("page")), count=count, on_a_page=ALBUMS)
        first = (place.number - 1) * ALBUMS
        context = {
            "rows": rows_of(list(albums[first : first + ALBUMS])),
            "count": count,
            "place": place,
            "q": text,
            "q_query": query_of(text),
            "is_erased": "erased" in query,
            "may_change": self.may_change,
            "problem_text": problem,
            "typed": self.request.data if problem else {},
        }
        return self.show("console/albums/list.html", context, status=status)


class AlbumGroups(AlbumsPage):
    """The people of an album as faces, those with most of them first."""

    tab = "groups"

    def get(self, request: Request, number: int) -> HttpResponse:
        groups = self.choice(FaceGroup.objects.of_album(self.album))
        return self.show_album("groups", groups | {"progress": self.progress})


class AlbumNow(AlbumsPage):
    """How far the photographs are: a part of a page that asks for itself again."""

    def get(self, request: Request, number: int) -> HttpResponse:
        query = request.query_params
        context = {"progress": self.progress, "seen": query.get("seen", ""), "always": "always" in query}
        return self.show_album("now", context)


class AlbumSettings(AlbumsPage):
    """The name, and whether photographs are kept from now on."""

    tab = "settings"

    def get(self, request: Request, number: int) -> HttpResponse:
        return self.show_settings()

    def post(self, request: Request, number: int) -> HttpResponse:
        given = AlbumInput(data=request.data)
        if not given.is_valid():
            return self.show_settings(problem=_("Give the album a name of at most 100 characters."), status=422)
        album = self.album
        before = album.name
        for name, value in given.validated_data.items():
            setattr(album, name, value)
        try:
            save_album(album=album, fields=given.validated_data)
        except AlbumExists:
            album.name = before
            return self.show_settings(problem=_("There is an album of this name already."), status=409)
        return self.go("album-settings", done="saved")

    def show_settings(self, *, problem: str = "", status: int = 200) -> HttpResponse:
        progress = progress_of([self.album]).get(self.album.pk, Progress())
        context = {"problem_text": problem, "typed": self.request.data if problem else {}, "progress": progress}
        return self.show_album("settings", context, status=status)


class EraseAlbum(AlbumsPage):
    """Erase an album with everything in it, with a receipt. People who were named from it stay in the gallery."""

    for_managers = to_confirm = ("post",)

    def post(self, request: Request, number: int) -> HttpResponse:
        delete_album(album=self.album)
        return HttpResponseRedirect(f"{reverse('console:albums')}?erased")


def query_of(text: str, faces: Sequence[int] = ()) -> str:
    """The beginning of an address's query, to be followed by the page."""
    fields = [*(("face", face) for face in faces), *([("q", text)] if text else [])]
    return f"{urlencode(fields)}&" if fields else ""
