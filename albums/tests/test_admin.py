"""Albums, their images and people in the admin, and accounts of FaceAnalysis."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from albums.models import Album, AlbumImage, FaceGroup
from albums.tests.conftest import Add
from clients.models import Client, Role
from clients.tests.members import browser_of, make_member
from compat.faceanalysis.accounts import account_of_password, create_account, token_of
from compat.faceanalysis.accounts import account_of_token as account_of
from compat.faceanalysis.models import Account
from people.models import Person
from vision.tests.drawing import BLUE, RED

pytestmark = pytest.mark.django_db
LISTS = ["albums_album", "albums_albumimage", "albums_facegroup", "faceanalysis_account"]


@pytest.fixture
def kept(add: Add) -> AlbumImage:
    """An image whose file is kept, with two people."""
    Album.objects.update(keep_images=True)
    return add(RED, BLUE)


def change(name: str, pk: int) -> str:
    return reverse(f"admin:{name}_change", args=[pk])


@pytest.mark.parametrize("name", LISTS)
def test_lists_take_the_same_queries_for_one_row_and_for_many(
    admin_client: Browser, add: Add, kept: AlbumImage, client_a: Client, name: str
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert admin_client.get(reverse(f"admin:{name}_changelist")).status_code == 200
        return len(captured)

    create_account(client=client_a, username="first", password="p")
    queries()
    before = queries()
    for number in range(4):
        add(RED, BLUE)
        create_account(client=client_a, username=f"user{number}", password="p")
        Album.objects.create(client=client_a, name=f"{number}", space="s", metric="euclidean", threshold=1)
    assert queries() <= before + 1  # a filter for the second album


def test_pages_show_pictures_where_files_are_kept(admin_client: Browser, add: Add, kept: AlbumImage) -> None:
    groups = admin_client.get(reverse("admin:albums_facegroup_changelist")).content.decode()
    face = reverse("admin:albums_face", args=[kept.pk, 0])
    assert face in groups
    picture = reverse("admin:albums_picture", args=[kept.pk])
    assert picture in admin_client.get(change("albums_albumimage", kept.pk)).content.decode()
    for path in (face, picture):
        answer = admin_client.get(path)
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/jpeg")
    Album.objects.update(keep_images=False)
    gone = add(RED)
    assert "no picture" in admin_client.get(change("albums_albumimage", gone.pk)).content.decode()
    assert admin_client.get(reverse("admin:albums_picture", args=[gone.pk])).status_code == 404


def test_pictures_are_for_members(kept: AlbumImage, client_b: Client) -> None:
    path = reverse("admin:albums_face", args=[kept.pk, 0])
    assert browser_of(make_member(kept.album.client, Role.VIEWER)).get(path).status_code == 200
    assert browser_of(make_member(client_b, Role.MANAGER)).get(path).status_code == 404


def test_group_is_named(admin_client: Browser, kept: AlbumImage) -> None:
    group = FaceGroup.objects.earliest("pk")
    page = change("albums_facegroup", group.pk)
    assert admin_client.post(page, {"name": "Rose"}).status_code == 302
    assert Person.objects.get().name == "Rose"
    assert 'value="Rose"' in admin_client.get(page).content.decode()
    admin_client.post(page, {"name": "Rosa"})
    assert Person.objects.get().name == "Rosa"
    assert admin_client.post(page, {"name": ""}).status_code == 200
    assert Person.objects.get().name == "Rosa"


def test_album_is_changed_and_erased(admin_client: Browser, kept: AlbumImage, media_root: Path) -> None:
    page = change("albums_album", kept.album_id)
    admin_client.post(page, {"name": "trip", "threshold": "0.1"})
    album = Album.objects.get()
    assert (album.name, album.threshold, album.keep_images) == ("trip", 0.1, False)
    delete = reverse("admin:albums_album_delete", args=[album.pk])
    assert "faces: 2" in admin_client.get(delete).content.decode().lower()
    admin_client.post(delete, {"post": "yes"})
    assert not Album.objects.exists()
    assert not [path for path in media_root.rglob("*") if path.is_file()]


@pytest.mark.parametrize("many", [False, True])
def test_images_are_erased(admin_client: Browser, kept: AlbumImage, media_root: Path, many: bool) -> None:
    if many:
        form = {"action": "delete_selected", "_selected_action": [kept.pk], "post": "yes"}
        admin_client.post(reverse("admin:albums_albumimage_changelist"), form)
    else:
        admin_client.post(reverse("admin:albums_albumimage_delete", args=[kept.pk]), {"post": "yes"})
    assert not AlbumImage.objects.exists()
    assert not FaceGroup.objects.exists()
    assert not [path for path in media_root.rglob("*") if path.is_file()]


def test_account_is_made_and_gets_a_new_password(admin_client: Browser, client_a: Client) -> None:
    add = reverse("admin:faceanalysis_account_add")
    form = {"username": "alice", "client": client_a.pk, "is_active": "on"}
    assert admin_client.post(add, form).status_code == 200  # no password
    assert admin_client.post(add, form | {"new_password": "p", "username": "a:b"}).status_code == 200
    assert not Account.objects.exists()
    admin_client.post(add, form | {"new_password": " a long secret "})
    account = account_of_password(username="alice", password=" a long secret ")
    assert account
    token = token_of(account)
    page = change("faceanalysis_account", account.pk)
    assert account.password not in admin_client.get(page).content.decode()
    admin_client.post(page, form | {"new_password": ""})
    assert account_of(token)
    admin_client.post(page, form | {"new_password": "another long one"})
    assert account_of(token) is None
    assert account_of_password(username="alice", password="another long one")
