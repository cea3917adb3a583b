"""Routes of *Clients and keys*."""

from __future__ import annotations

from django.urls import path

from console.clients.keys import KeysPage, NewKeyPage, RevokeKey, RotateKey
from console.clients.people import ChangeRole, MembersPage, NewUserPage, RemoveMember
from console.clients.views import ClientPage, ClientsPage, NewClientPage

urlpatterns = [
    path("", ClientsPage.as_view(), name="clients"),
    path("new/", NewClientPage.as_view(), name="client-new"),
    path("<int:pk>/", ClientPage.as_view(), name="client"),
    path("<int:pk>/keys/", KeysPage.as_view(), name="client-keys"),
    path("<int:pk>/keys/new/", NewKeyPage.as_view(), name="client-key-new"),
    path("<int:pk>/keys/<str:prefix>/rotate/", RotateKey.as_view(), name="client-key-rotate"),
    path("<int:pk>/keys/<str:prefix>/revoke/", RevokeKey.as_view(), name="client-key-revoke"),
    path("<int:pk>/members/", MembersPage.as_view(), name="client-members"),
    path("<int:pk>/members/new/", NewUserPage.as_view(), name="client-user-new"),
    path("<int:pk>/members/<int:number>/role/", ChangeRole.as_view(), name="client-member-role"),
    path("<int:pk>/members/<int:number>/remove/", RemoveMember.as_view(), name="client-member-remove"),
]
