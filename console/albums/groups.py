"""One group of an album: its faces, its name, and what is done with both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request

from albums.models import AlbumImage, ApartGroups, FaceGroup
from albums.services import (
    alike_groups,
    forget_apart,
    groups_like,
    merge_groups,
    move_faces,
    name_group,
    split_group,
    take_out,
    tell_apart,
)
from albums.types import Alike
from audit.exceptions import SearchingStopped
from clients.models import Scope
from clients.permissions import require_scope
from console.albums.pages import AlbumsPage
from console.albums.shown import FaceTile, Suggestion, faces_of, title_of
from console.exceptions import NothingSent
from console.numbers import number_in
from console.paging import PageNumber

FACES = 60  # on a page
PREVIEWED = 12  # faces of each of two groups
MOST_CHOSEN = 200  # faces of one form
TOLD_APART = 20  # groups that are named


class NameInput(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)


class GroupsPage(AlbumsPage):
    tab = "groups"

    def chosen(self, given: Any) -> list[int]:
        """The numbers of the faces that were ticked. Raises `NothingSent`."""
        numbers = [face for face in map(number_in, given.getlist("face")[:MOST_CHOSEN]) if face]
        if not numbers:
            raise NothingSent(_("Choose at least one face first."))
        return numbers

    def show_alike(self, found: Sequence[Alike] | None, **more: Any) -> HttpResponse:
        """Suggestions, or None while searching is stopped: a page, or the part of one that asked for it."""
        is_part = bool(self.request._request.htmx)  # type: ignore[attr-defined]
        pairs = None if found is None else [Suggestion(one) for one in found]
        context = {"pairs": pairs, "is_part": is_part} | more
        return self.show_album("alike" if is_part else "same", context)


class GroupPage(GroupsPage):
    """The faces of a group, the largest first. A form names it."""

    def get(self, request: Request, number: int, group: int) -> HttpResponse:
        return self.show_group(group)

    def post(self, request: Request, number: int, group: int) -> HttpResponse:
        require_scope(request, Scope.PEOPLE_WRITE)
        given = NameInput(data=request.data)
        if not given.is_valid():
            return self.show_group(group, problem=_("Give a name of at most 100 characters."), status=422)
        name_group(group=self.group(group), name=given.validated_data["name"])
        return self.go("album-group", group, done="named")

    def show_group(self, number: int, *, problem: str = "", status: int = 200) -> HttpResponse:
        group = self.group(number)
        count: int = group.size  # type: ignore[attr-defined]
        place = PageNumber.of(number_in(self.request.query_params.get("page")), count=count, on_a_page=FACES)
        first = (place.number - 1) * FACES
        faces = [FaceTile(face) for face in faces_of(group)[first : first + FACES]]
        apart = ApartGroups.objects.of_group(group).select_related("first__person", "second__person")[:TOLD_APART]
        others = [pair.second if pair.first_id == group.pk else pair.first for pair in apart]
        self.record_groups(group, results=len(faces))
        context = {
            "group": group,
            "title": title_of(group),
            "count": count,
            "faces": faces,
            "place": place,
            "apart": [(other.number, title_of(other)) for other in others],
            "may_name": self.may_change and self.may(Scope.PEOPLE_WRITE),
            "problem_text": problem,
            "typed": self.request.data.get("name", "") if problem else group.name,
        }
        return self.show_album("group", context, status=status)


class SplitFaces(GroupsPage):
    """Chosen faces become one new group, which is shown."""

    def post(self, request: Request, number: int, group: int) -> HttpResponse:
        new = split_group(group=self.group(group), faces=self.chosen(request.data))
        return self.go("album-group", new.number, done="split")


class NotThisPerson(GroupsPage):
    """Each chosen face becomes a group of its own."""

    def post(self, request: Request, number: int, group: int) -> HttpResponse:
        take_out(group=self.group(group), faces=self.chosen(request.data))
        return self.go("album-group", group, done="taken-out")


class MoveFaces(GroupsPage):
    """To which group? The faces were chosen on the page before, and travel in the address."""

    def get(self, request: Request, number: int, group: int) -> HttpResponse:
        source = self.group(group)
        numbers = self.chosen(request.query_params)
        shown = [FaceTile(face) for face in faces_of(source).filter(number__in=numbers)]
        others = self.choice(FaceGroup.objects.of_album(self.album).exclude(pk=source.pk), faces=numbers)
        if not shown:
            raise NothingSent(_("These faces are not in this group any more."))
        return self.show_album("move", others | {"group": source, "title": title_of(source), "faces": shown})

    def post(self, request: Request, number: int, group: int) -> HttpResponse:
        to = number_in(request.data.get("to")) or 0
        other = move_faces(group=self.group(group), faces=self.chosen(request.data), to=to)
        return self.go("album-group", other.number, done="moved")


class MergeGroups(GroupsPage):
    """With which group? Then both side by side, with what results; only then they are merged."""

    def get(self, request: Request, number: int, group: int) -> HttpResponse:
        one = self.group(group)
        if "with" not in request.query_params:
            others = self.choice(FaceGroup.objects.of_album(self.album).exclude(pk=one.pk))
            return self.show_album("merge", others | {"group": one, "title": title_of(one)})
        two = self.group(number_in(request.query_params["with"]))
        kept, gone = in_order(one, two)
        both = AlbumImage.objects.filter(faces__group=kept).filter(faces__group=gone).distinct().count()
        sides = [(side, title_of(side), [FaceTile(face) for face in faces_of(side)[:PREVIEWED]]) for side in (one, two)]
        self.record_groups(one, two, results=sum(len(faces) for *_side, faces in sides))
        context = {
            "sides": sides,
            "kept": kept,
            "kept_title": title_of(kept),
            "gone": gone,
            "gone_title": title_of(gone),
            "total": kept.size + gone.size,  # type: ignore[attr-defined]
            "are_named": bool(one.person_id and two.person_id),
            "is_same": one == two,
            "together": both,
        }
        return self.show_album("merging", context)

    def post(self, request: Request, number: int, group: int) -> HttpResponse:
        merge_groups(group=self.group(group), others=[number_in(request.data.get("with")) or 0])
        return self.go("album-group", group, done="merged")


class NotTheSame(GroupsPage):
    """Two groups are told apart, or may be suggested again. `back`: the page to go on with."""

    def post(self, request: Request, number: int, group: int) -> HttpResponse:
        other, one = number_in(request.data.get("with")) or 0, self.group(group)
        is_taken_back = "forget" in request.data
        (forget_apart if is_taken_back else tell_apart)(group=one, other=other)
        done = "forgotten" if is_taken_back else "apart"
        return self.go("album-same", done=done) if request.data.get("back") == "same" else self.back_to(group, done)

    def back_to(self, group: int, done: str) -> HttpResponse:
        return self.go("album-group", group, done=done)


class GroupsLike(GroupsPage):
    """Other groups that may be this person, which the page of the group asks for after it is shown."""

    looking_is_work = True

    def get(self, request: Request, number: int, group: int) -> HttpResponse:
        one = self.group(group)
        try:
            found = groups_like(group=one)
        except SearchingStopped:
            found = None
        return self.show_alike(found, group=one, title=title_of(one), is_asked=True)


class SamePeople(GroupsPage):
    """Pairs of groups that may be one person. Scripts ask for them when the page is shown, others by a link."""

    tab = "same"

    @property
    def looking_is_work(self) -> bool:
        return self._is_asked

    def get(self, request: Request, number: int) -> HttpResponse:
        if not self._is_asked:
            return self.show_alike([], is_asked=False)
        try:
            found = alike_groups(album=self.album)
        except SearchingStopped:
            return self.show_alike(None, is_asked=True)
        left_out = found.groups - found.compared
        return self.show_alike(found.pairs, is_asked=True, compared=found.compared, left_out=left_out)

    @property
    def _is_asked(self) -> bool:
        is_part = bool(self.request._request.htmx)  # type: ignore[attr-defined]
        return is_part or "now" in self.request.query_params


def in_order(one: FaceGroup, two: FaceGroup) -> tuple[FaceGroup, FaceGroup]:
    """The group that stays when both are merged, and the other one: the named, the larger, or else the older stays."""
    kept, gone = sorted((one, two), key=lambda group: (group.person_id is None, -group.size, group.pk))  # type: ignore[attr-defined]
    return kept, gone
