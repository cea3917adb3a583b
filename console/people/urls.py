"""Routes of *People*."""

from __future__ import annotations

from django.urls import path

from console.people.identities import KeepApart, MergePeople, SplitPerson
from console.people.lists import FindPerson, NewPerson, PeopleList
from console.people.person import AddPhotograph, ErasePerson, PersonPage, PrimaryPhotograph, RemovePhotograph
from console.people.same import CheckPeople, SamePeople

urlpatterns = [
    path("", PeopleList.as_view(), name="people"),
    path("new/", NewPerson.as_view(), name="person-new"),
    path("find/", FindPerson.as_view(), name="people-find"),
    path("same/", SamePeople.as_view(), name="people-same"),
    path("same/check/", CheckPeople.as_view(), name="people-check"),
    path("<int:number>/", PersonPage.as_view(), name="person"),
    path("<int:number>/photographs/", AddPhotograph.as_view(), name="person-photographs"),
    path("<int:number>/photographs/<int:image>/primary/", PrimaryPhotograph.as_view(), name="person-primary"),
    path("<int:number>/photographs/<int:image>/remove/", RemovePhotograph.as_view(), name="person-remove"),
    path("<int:number>/merge/", MergePeople.as_view(), name="person-merge"),
    path("<int:number>/split/", SplitPerson.as_view(), name="person-split"),
    path("<int:number>/apart/", KeepApart.as_view(), name="person-apart"),
    path("<int:number>/erase/", ErasePerson.as_view(), name="person-erase"),
]
