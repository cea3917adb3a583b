"""Routes of *Albums*."""

from __future__ import annotations

from django.urls import path

from console.albums.exports import AlbumExport
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

ALBUM, GROUP = "<int:number>/", "<int:number>/groups/<int:group>/"

urlpatterns = [
    path("", AlbumList.as_view(), name="albums"),
    path(ALBUM, AlbumGroups.as_view(), name="album"),
    path(f"{ALBUM}now/", AlbumNow.as_view(), name="album-now"),
    path(f"{ALBUM}same/", SamePeople.as_view(), name="album-same"),
    path(f"{ALBUM}find/", FindInAlbum.as_view(), name="album-find"),
    path(f"{ALBUM}settings/", AlbumSettings.as_view(), name="album-settings"),
    path(f"{ALBUM}erase/", EraseAlbum.as_view(), name="album-erase"),
    path(f"{ALBUM}photographs/", Photographs.as_view(), name="album-photographs"),
    path(f"{ALBUM}photographs.zip", AlbumExport.as_view(), name="album-zip"),
    path(f"{ALBUM}photographs/process/", ProcessWaiting.as_view(), name="album-process"),
    path(f"{ALBUM}photographs/<int:image>/", Photograph.as_view(), name="album-photograph"),
    path(f"{ALBUM}photographs/<int:image>/erase/", ErasePhotograph.as_view(), name="album-photograph-erase"),
    path(GROUP, GroupPage.as_view(), name="album-group"),
    path(f"{GROUP}like/", GroupsLike.as_view(), name="album-group-like"),
    path(f"{GROUP}split/", SplitFaces.as_view(), name="album-split"),
    path(f"{GROUP}take-out/", NotThisPerson.as_view(), name="album-take-out"),
    path(f"{GROUP}move/", MoveFaces.as_view(), name="album-move"),
    path(f"{GROUP}merge/", MergeGroups.as_view(), name="album-merge"),
    path(f"{GROUP}apart/", NotTheSame.as_view(), name="album-apart"),
    path("<uuid:uuid>/picture/<slug:variant>/", AlbumPicture.as_view(), name="album-picture"),
    path("<uuid:uuid>/faces/<int:index>/", AlbumFacePicture.as_view(), name="album-face"),
]
