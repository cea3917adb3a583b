"""Routes of the watch list."""

from __future__ import annotations

from django.urls import path

from console.watchlist.checks import CardsPart, CheckPage, ChoicePage, PhotographPicture, RemovalPage
from console.watchlist.entries import DeleteEntry, EntryPage, RemovePhotograph, SwitchEntry
from console.watchlist.forms import AddPhotographs, EditEntry, NewEntry, begin
from console.watchlist.list import ListPage

urlpatterns = [
    path("", ListPage.as_view(), name="watchlist"),
    path("new/", begin, name="watchlist-new"),
    path("new/<uuid:batch>/", NewEntry.as_view(), name="watchlist-form"),
    path("new/<uuid:batch>/check/", CheckPage.as_view(), name="watchlist-check-new"),
    path("new/<uuid:batch>/cards/", CardsPart.as_view(), name="watchlist-cards-new"),
    path("checked/<uuid:photograph>/choose/", ChoicePage.as_view(), name="watchlist-choose"),
    path("checked/<uuid:photograph>/remove/", RemovalPage.as_view(), name="watchlist-forget"),
    path("checked/<uuid:photograph>/<str:variant>/", PhotographPicture.as_view(), name="watchlist-checked"),
    path("<int:number>/", EntryPage.as_view(), name="watchlist-entry"),
    path("<int:number>/edit/", EditEntry.as_view(), name="watchlist-edit"),
    path("<int:number>/photographs/", AddPhotographs.as_view(), name="watchlist-add"),
    path("<int:number>/check/", CheckPage.as_view(), name="watchlist-check"),
    path("<int:number>/cards/", CardsPart.as_view(), name="watchlist-cards"),
    path("<int:number>/photographs/<int:image>/remove/", RemovePhotograph.as_view(), name="watchlist-remove"),
    path("<int:number>/switch/", SwitchEntry.as_view(), name="watchlist-switch"),
    path("<int:number>/delete/", DeleteEntry.as_view(), name="watchlist-delete"),
]
