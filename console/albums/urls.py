"""Routes of *Albums*."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from console.albums.groups import (
    GroupPage,
    GroupsLike,
    MergeGroups,
    MoveFaces,
    NotTheSame,
    NotThisPerson,
    SamePeople,
    SplitFaces,
)
from console.albums.pages import AlbumGroups, AlbumList, AlbumNow, AlbumSettings, EraseAlbum
from console.albums.photographs import (
    AlbumFacePicture,
    AlbumPicture,
    ErasePhotograph,
    Photograph,
    Photographs,
    ProcessWaiting,
)
from console.albums.search import FindInAlbum

GROUP: list[URLPattern] = [
    path("", GroupPage.as_view(), name="album-group"),
    path("like/", GroupsLike.as_view(), name="album-group-like"),
    path("split/", SplitFaces.as_view(), name="album-split"),
    path("take-out/", NotThisPerson.as_view(), name="album-take-out"),
    path("move/", MoveFaces.as_view(), name="album-move"),
    path("merge/", MergeGroups.as_view(), name="album-merge"),
    path("apart/", NotTheSame.as_view(), name="album-apart"),
]
ALBUM: list[URLPattern | URLResolver] = [
    path("", AlbumGroups.as_view(), name="album"),
    path("now/", AlbumNow.as_view(), name="album-now"),
    path("same/", SamePeople.as_view(), name="album-same"),
    path("find/", FindInAlbum.as_view(), name="album-find"),
    path("settings/", AlbumSettings.as_view(), name="album-settings"),
    path("erase/", EraseAlbum.as_view(), name="album-erase"),
    path("photographs/", Photographs.as_view(), name="album-photographs"),
    path("photographs/process/", ProcessWaiting.as_view(), name="album-process"),
    path("photographs/<int:image>/", Photograph.as_view(), name="album-photograph"),
    path("photographs/<int:image>/erase/", ErasePhotograph.as_view(), name="album-photograph-erase"),
    path("groups/<int:group>/", include(GROUP)),
]
urlpatterns = [
    path("", AlbumList.as_view(), name="albums"),
    path("<int:number>/", include(ALBUM)),
    path("<uuid:uuid>/picture/<slug:variant>/", AlbumPicture.as_view(), name="album-picture"),
    path("<uuid:uuid>/faces/<int:index>/", AlbumFacePicture.as_view(), name="album-face"),
]
