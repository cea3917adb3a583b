"""Albums in the console: what is shown, to whom, and what people do with groups."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.urls import reverse

from albums import services
from albums.models import Album, AlbumFace, AlbumImage, ApartGroups, FaceGroup
from albums.tests.conftest import Add
from albums.tests.conftest import add as add  # fixtures
from albums.tests.conftest import upload as upload
from audit.models import Receipt, Record
from audit.services import stop_searching
from clients.models import Client, Role
from clients.tests.members import browser_of, make_member
from console.albums import groups as group_pages
from console.albums import pages
from console.tests.queries import few_queries
from console.tests.test_images import manager as manager
from console.tests.test_images import operator as operator
from console.tests.test_try_it import photograph, text_of
from people.models import Person
from vision.tests.drawing import BLUE, DIM, GREEN, RED

pytestmark = pytest.mark.django_db
ARABIC = "عبد الله <b>بن</b> عبد العزيز"
NEAR_RED = (RED[0] - 43, *RED[1:])  # 0.17 from red; a match up to 0.2
HTMX = {"headers": {"HX-Request": "true"}}


@pytest.fixture
def album(client_a: Client) -> Album:
    """Faces are linked up to 0.1, so that two reds make two groups that look alike."""
    return services.create_album(client=client_a, name=ARABIC, keep_images=True, threshold=0.1)


@pytest.fixture
def people(add: Add) -> tuple[FaceGroup, FaceGroup, FaceGroup]:
    """Red, three times; nearly red; and blue."""
    for colours in ((RED, BLUE), (RED,), (RED,), (NEAR_RED, DIM)):
        add(*colours)
    red, blue, near = FaceGroup.objects.order_by("number")
    return red, near, blue


def url(name: str, album: Album, *more: Any) -> str:
    return reverse(f"console:{name}", args=[album.number, *more])


def post(browser: Browser, page: str, album: Album, *more: Any, **fields: Any) -> Any:
    return browser.post(url(page, album, *more), {"for_client": album.client_id} | fields)


def create(browser: Browser, client: Client, **fields: Any) -> Any:
    return browser.post(reverse("console:albums"), {"for_client": client.pk} | fields)


def faces(group: FaceGroup) -> list[int]:
    return list(group.faces.order_by("number").values_list("number", flat=True))


def sizes(album: Album) -> dict[int, int]:
    return dict(FaceGroup.objects.of_album(album).with_size().values_list("number", "size"))


# ---- albums -----------------------------------------------------------------------------------------------------
def test_an_album_is_made_renamed_and_listed(operator: Browser, client_a: Client, add: Add, album: Album) -> None:
    add(RED, BLUE)
    answer = create(operator, client_a, name="Party", keep_images="true")
    party = Album.objects.get(name="Party")
    assert answer["Location"] == f"{url('album-photographs', party)}?done=created" and party.keep_images
    assert "has been created" in text_of(operator.get(answer["Location"]))
    post(operator, "album-settings", party, name="Summer party")
    party.refresh_from_db()
    assert (party.name, party.keep_images) == ("Summer party", False)
    page = operator.get(reverse("console:albums"))
    said = text_of(page)
    assert [row.album for row in page.context["rows"]] == [party, album]
    assert "1 photograph · 2 groups" in said and "Empty" in said and "<b>بن</b>" not in page.content.decode()
    found = operator.get(reverse("console:albums"), {"q": "SUMMER"})
    assert [row.album for row in found.context["rows"]] == [party]


@pytest.mark.parametrize("name", ["", "x" * 101, "a\0b"])
def test_names_that_cannot_be_used_are_refused_and_kept(
    operator: Browser, client_a: Client, album: Album, name: str
) -> None:
    answer = create(operator, client_a, name=name, keep_images="true")
    assert answer.status_code == 422 and "at most 100 characters" in text_of(answer)
    assert post(operator, "album-settings", album, name=name).status_code == 422
    answer = create(operator, client_a, name=ARABIC)
    assert answer.status_code == 409 and "this name already" in text_of(answer)
    assert Album.objects.count() == 1
    other = services.create_album(client=client_a, name="other")
    answer = post(operator, "album-settings", other, name=ARABIC)
    assert answer.status_code == 409 and "other" in text_of(answer)


def test_lists_are_paged_by_count(
    operator: Browser, client_a: Client, album: Album, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "ALBUMS", 1)
    monkeypatch.setattr(pages, "GROUPS", 2)
    monkeypatch.setattr(group_pages, "FACES", 2)
    services.create_album(client=client_a, name="other")
    for colours in ((RED, BLUE, GREEN), (RED,), (RED,)):
        add(*colours)
    shown = [operator.get(reverse("console:albums"), {"page": page}).context["rows"] for page in (1, 2, "9", "x")]
    assert [[row.album.name for row in rows] for rows in shown] == [["other"], [ARABIC], [ARABIC], ["other"]]
    first, second = (operator.get(url("album", album), {"page": page}).context for page in (1, 2))
    assert [[tile.size for tile in one["tiles"]] for one in (first, second)] == [[3, 1], [1]]
    assert (first["place"].next, second["place"].next) == (2, 0)
    group = first["tiles"][0].group
    counts = [len(operator.get(url("album-group", album, group.number), {"page": n}).context["faces"]) for n in (1, 2)]
    assert counts == [2, 1]


def test_only_managers_erase_an_album_after_confirming(
    operator: Browser, manager: Browser, album: Album, people: Any, settings: Any
) -> None:
    assert "Erase this album" not in text_of(operator.get(url("album-settings", album)))
    assert post(operator, "album-erase", album).status_code == 403
    said = text_of(manager.get(url("album-settings", album)))
    assert "4 photographs are erased for good" in said and "cannot be undone" in said
    user = User.objects.get(memberships__role=Role.MANAGER)
    user.set_password("the right password")
    user.save()
    manager.force_login(user)
    settings.CONFIRM_SECONDS = 600  # nobody has proved anything: the browser logged in without a password
    asked = post(manager, "album-erase", album)
    assert asked.status_code == 302 and "/login/confirm/" in asked["Location"] and Album.objects.exists()
    settings.CONFIRM_SECONDS = 0
    answer = post(manager, "album-erase", album)
    assert "has been erased" in text_of(manager.get(answer["Location"]))
    assert not Album.objects.exists() and Receipt.objects.get().kind == "album"


def test_nothing_of_another_client_is_shown_or_changed(
    operator: Browser, manager: Browser, client_a: Client, client_b: Client, album: Album, people: Any
) -> None:
    stranger = browser_of(make_member(client_b, Role.MANAGER, "stranger"))
    red, near, _ = people
    image = AlbumImage.objects.first()
    assert image
    assert stranger.get(reverse("console:albums")).context["rows"] == []
    for name, more in (
        ("album", ()), ("album-now", ()), ("album-same", ()), ("album-find", ()), ("album-settings", ()),
        ("album-photographs", ()), ("album-photograph", (image.number,)), ("album-group", (red.number,)),
        ("album-group-like", (red.number,)), ("album-move", (red.number,)), ("album-merge", (red.number,)),
    ):  # fmt: skip
        assert stranger.get(url(name, album, *more)).status_code == 404, name
    for name, more in (
        ("album-settings", ()), ("album-erase", ()), ("album-photographs", ()), ("album-process", ()),
        ("album-find", ()), ("album-photograph-erase", (image.number,)), ("album-group", (red.number,)),
        ("album-split", (red.number,)), ("album-take-out", (red.number,)), ("album-move", (red.number,)),
        ("album-merge", (red.number,)), ("album-apart", (red.number,)),
    ):  # fmt: skip
        fields = {"for_client": client_b.pk, "name": "x", "face": 1, "to": near.number, "with": near.number}
        answer = stranger.post(url(name, album, *more), fields | ({"image": photograph(RED)} if not more else {}))
        assert answer.status_code == 404, name
    picture = [reverse("console:album-picture", args=[image.uuid, "card"]),
               reverse("console:album-face", args=[image.uuid, 0])]  # fmt: skip
    assert [stranger.get(one).status_code for one in picture] == [404, 404]
    assert [operator.get(one).status_code for one in picture] == [200, 200]
    assert operator.get(reverse("console:album-face", args=[image.uuid, 9])).status_code == 404
    assert operator.get(url("album", album).replace(str(album.number), "9" * 25)).status_code == 404


def test_viewers_look_and_change_nothing(client_a: Client, album: Album, people: Any) -> None:
    viewer = browser_of(make_member(client_a, Role.VIEWER))
    red, near, _ = people
    page = viewer.get(url("album-group", album, red.number)).content.decode()
    assert '<form method="post" class="plain-form"' not in page and 'name="face"' not in page
    assert "New album" not in text_of(viewer.get(reverse("console:albums")))
    assert "data-each" not in viewer.get(url("album-photographs", album)).content.decode()
    assert "Not in your role" in text_of(viewer.get(url("album-find", album)))
    of_group = ("album-take-out", "album-merge", "album-group", "album-move", "album-apart", "album-split")
    for name in ("album-find", "album-photographs", "album-settings", "album-process", *of_group):
        more = [red.number] if name in of_group else []
        fields = {"name": "x", "face": faces(red)[:1], "to": near.number, "with": near.number}
        answer = viewer.post(url(name, album, *more), fields | {"for_client": album.client_id})
        assert answer.status_code == 403, name


def test_pages_take_few_queries(operator: Browser, album: Album, people: Any) -> None:
    red, near, _ = people
    services.tell_apart(group=red, other=near.number)
    image = AlbumImage.objects.first()
    assert image
    for address in (
        reverse("console:albums"), url("album", album), url("album", album) + "?q=1", url("album-photographs", album),
        url("album-photograph", album, image.number), url("album-group", album, red.number),
        url("album-now", album), url("album-settings", album), url("album-same", album) + "?now",
        url("album-group-like", album, red.number), url("album-merge", album, red.number),
        url("album-merge", album, red.number) + f"?with={near.number}",
        url("album-move", album, red.number) + f"?face={faces(red)[0]}",
    ):  # fmt: skip
        operator.get(address)
        with few_queries():
            assert operator.get(address).status_code == 200, address


# ---- photographs ------------------------------------------------------------------------------------------------
def test_photographs_are_added_and_processed(operator: Browser, album: Album) -> None:
    address, fields = url("album-photographs", album), {"for_client": album.client_id}
    answer = operator.post(address, fields | {"image": [photograph(RED), photograph(BLUE)]})
    assert answer["Location"] == f"{address}?done=added"
    part = operator.post(address, fields | {"image": photograph(GREEN)}, **HTMX)
    assert part.status_code == 200 and "Added" in text_of(part)
    bad = photograph(RED)
    bad.write(b"no image"), bad.truncate(8), bad.seek(0)
    part = operator.post(address, fields | {"image": bad}, **HTMX)
    assert part.status_code == 200 and 'role="alert"' in part.content.decode() and "Added" not in text_of(part)
    assert operator.post(address, fields)["X-Problem"] == "console.nothing_sent"
    page = operator.get(address)
    assert len(page.context["tiles"]) == 4 and "1 photograph could not be used" in text_of(page)
    failed = operator.get(address, {"show": "failed"})
    [tile] = failed.context["tiles"]
    assert tile.image.error_code in text_of(failed) and tile.image.error in text_of(failed)
    assert sizes(album) == {1: 1, 2: 1, 3: 1}


def test_progress_asks_for_itself_while_photographs_are_under_way(operator: Browser, album: Album, upload: Add) -> None:
    now = url("album-now", album)
    assert "hx-get" not in operator.get(now).content.decode()
    image = upload(RED)
    said = operator.get(url("album", album))
    assert "1 photograph is stored and has not been given to the workers" in text_of(said)
    AlbumImage.objects.update(status="processing")
    part = operator.get(now)
    assert "0 of 1 photograph has been processed" in text_of(part)
    [following] = re.findall(r'hx-get="([^"]+)"', part.content.decode())
    AlbumImage.objects.update(status="uploaded")
    assert post(operator, "album-process", album).status_code == 302
    image.refresh_from_db()
    assert image.status == "done"
    assert "Show what is new" in text_of(operator.get(following))


def test_a_photograph_shows_who_is_in_it(operator: Browser, album: Album, people: Any) -> None:
    _red, near, _blue = people
    services.name_group(group=near, name=ARABIC)
    newest = AlbumImage.objects.latest("number")
    page = operator.get(url("album-photograph", album, newest.number))
    said = text_of(page)
    assert "2 faces" in said and "In no group" in said and "Cannot be recognised" in said
    assert url("album-group", album, near.number) in page.content.decode() and "<b>بن" not in page.content.decode()
    assert page.content.decode().count('class="mark ') == 2
    assert (page.context["newer"], page.context["older"]) == (None, newest.number - 1)
    record = Record.objects.filter(action="view").latest("pk")
    assert record.objects_named == [f"album_image:{newest.number}"]


def test_photographs_of_albums_that_keep_none_are_shown_by_their_faces(
    operator: Browser, client_a: Client, album: Album, add: Add
) -> None:
    Album.objects.update(keep_images=False)
    image = add(RED)
    group = FaceGroup.objects.get()
    assert "The file was deleted" in text_of(operator.get(url("album-photograph", album, image.number)))
    assert "most faces cannot be shown" in text_of(operator.get(url("album", album)))
    assert "No picture" in text_of(operator.get(url("album-group", album, group.number)))


def test_managers_erase_a_photograph(operator: Browser, manager: Browser, album: Album, add: Add) -> None:
    image = add(RED)
    assert post(operator, "album-photograph-erase", album, image.number).status_code == 403
    answer = post(manager, "album-photograph-erase", album, image.number)
    assert "has been erased" in text_of(manager.get(answer["Location"]))
    assert not FaceGroup.objects.exists() and Receipt.objects.get().kind == "album_image"
    assert post(manager, "album-photograph-erase", album, image.number).status_code == 404


# ---- groups -----------------------------------------------------------------------------------------------------
def test_groups_are_shown_largest_first_and_found_by_name(operator: Browser, album: Album, people: Any) -> None:
    red, near, blue = people
    post(operator, "album-group", album, blue.number, name=ARABIC)
    page = operator.get(url("album", album))
    assert [tile.group.number for tile in page.context["tiles"]] == [red.number, blue.number, near.number]
    assert all(tile.picture for tile in page.context["tiles"]) and "<b>بن" not in page.content.decode()
    record = Record.objects.filter(action="view").latest("pk")
    assert record.objects_named[0] == f"album:{album.number}" and len(record.objects_named) == 4
    for text, found in (("الله", [blue]), (str(near.number), [near]), ("nobody", []), ("a\0b", [])):
        tiles = operator.get(url("album", album), {"q": text}).context["tiles"]
        assert [tile.group for tile in tiles] == found
    assert "No group has such a name" in text_of(operator.get(url("album", album), {"q": "nobody"}))


def test_naming_a_group_makes_a_person(operator: Browser, album: Album, people: Any) -> None:
    red, *_ = people
    for name in ("", "x" * 101):
        assert post(operator, "album-group", album, red.number, name=name).status_code == 422
    answer = post(operator, "album-group", album, red.number, name=ARABIC)
    said = text_of(operator.get(answer["Location"]))
    assert "It is a person of the gallery now" in said and Person.objects.get().name == ARABIC
    post(operator, "album-group", album, red.number, name="Rose")
    assert Person.objects.get().name == "Rose"


def test_faces_are_split_off_taken_out_and_moved(operator: Browser, album: Album, people: Any) -> None:
    red, near, _ = people
    first, second, third = faces(red)
    answer = post(operator, "album-split", album, red.number, face=[first])
    assert "a group of their own" in text_of(operator.get(answer["Location"]))
    answer = post(operator, "album-take-out", album, red.number, face=[second])
    assert answer["Location"].endswith(f"/groups/{red.number}/?done=taken-out")
    assert ApartGroups.objects.count() == 2 and list(sizes(album).values()) == [1, 1, 1, 1, 1]
    page = operator.get(url("album-move", album, red.number), {"face": [third]})
    assert "To which group is this face moved?" in text_of(page)
    assert red.number not in [tile.group.number for tile in page.context["tiles"]]
    answer = post(operator, "album-move", album, red.number, face=[third], to=near.number)
    assert answer["Location"].startswith(url("album-group", album, near.number))
    assert sizes(album)[near.number] == 2 and red.number not in sizes(album)
    assert operator.get(url("album-group", album, red.number)).status_code == 404


@pytest.mark.parametrize("name", ["album-split", "album-take-out", "album-move"])
def test_what_cannot_be_done_with_faces_says_why(operator: Browser, album: Album, people: Any, name: str) -> None:
    red, near, _ = people
    to = {"to": near.number}
    for chosen, status in (([], 422), (["x"], 422), (faces(near), 400)):
        assert post(operator, name, album, red.number, face=chosen, **to).status_code == status
    assert post(operator, name, album, 999, face=faces(red), **to).status_code == 404
    assert operator.get(url("album-move", album, red.number), {"face": faces(near)}).status_code == 422


def test_two_groups_are_merged_after_they_were_seen(operator: Browser, album: Album, people: Any) -> None:
    red, near, blue = people
    assert len(operator.get(url("album-merge", album, red.number)).context["tiles"]) == 2
    preview = operator.get(url("album-merge", album, near.number), {"with": red.number})
    said = text_of(preview)
    assert f"“ Group {red.number} ” has 4 faces. “ Group {near.number} ” no longer exists." in said
    assert [len(shown) for *_, shown in preview.context["sides"]] == [1, 3]
    both = text_of(operator.get(url("album-merge", album, red.number), {"with": blue.number}))
    assert "1 photograph shows a face of both" in both
    answer = post(operator, "album-merge", album, red.number, **{"with": near.number})
    assert "have been merged" in text_of(operator.get(answer["Location"])) and sizes(album)[red.number] == 4
    assert operator.get(url("album-merge", album, red.number), {"with": near.number}).status_code == 404
    assert post(operator, "album-merge", album, red.number, **{"with": near.number}).status_code == 400
    assert "one and the same" in text_of(operator.get(url("album-merge", album, red.number), {"with": red.number}))


def test_a_named_group_stays_and_two_are_not_merged(operator: Browser, album: Album, people: Any) -> None:
    red, near, _ = people
    services.name_group(group=near, name="Rose")
    preview = operator.get(url("album-merge", album, red.number), {"with": near.number})
    assert preview.context["kept"] == near and "“ Rose ” has 4 faces" in text_of(preview)
    services.name_group(group=red, name="Rosa")
    preview = operator.get(url("album-merge", album, red.number), {"with": near.number})
    assert "cannot be merged here" in text_of(preview) and "Merge them" not in text_of(preview)


def test_the_same_person_is_suggested_until_somebody_decides(operator: Browser, album: Album, people: Any) -> None:
    red, near, _ = people
    shell = operator.get(url("album-same", album))
    assert "Compare the groups" in text_of(shell) and "hx-get" in shell.content.decode()
    for answer in (operator.get(url("album-same", album), {"now": ""}), operator.get(url("album-same", album), **HTMX)):
        assert len(answer.context["pairs"]) == 1
        assert f"?with={near.number}" in answer.content.decode() and "Not the same" in text_of(answer)
    one = operator.get(url("album-group-like", album, near.number), **HTMX)
    assert [group for group, *_ in one.context["pairs"][0].sides] == [near, red]
    answer = post(operator, "album-apart", album, red.number, **{"with": near.number, "back": "same"})
    assert answer["Location"] == f"{url('album-same', album)}?done=apart"
    assert "No two groups look alike" in text_of(operator.get(url("album-same", album), {"now": ""}))
    assert "Somebody else" in text_of(operator.get(url("album-group", album, red.number)))
    answer = post(operator, "album-apart", album, red.number, **{"with": near.number, "forget": "1"})
    assert "may be suggested again" in text_of(operator.get(answer["Location"]))
    assert operator.get(url("album-same", album), {"now": ""}).context["pairs"]
    stop_searching(client_id=album.client_id)
    for name, more in (("album-same", ()), ("album-group-like", (red.number,))):
        answer = operator.get(url(name, album, *more), {"now": ""})
        assert answer.status_code == 200 and "has stopped all searching" in text_of(answer)


# ---- a photograph that is not stored ----------------------------------------------------------------------------
def test_the_groups_of_a_photograph_are_named(operator: Browser, album: Album, people: Any) -> None:
    red, *_ = people
    stored = AlbumFace.objects.count()
    answer = operator.post(
        url("album-find", album), {"for_client": album.client_id, "image": photograph(RED, GREEN, DIM)}
    )
    said = text_of(answer)
    assert "3 faces, 1 in this album" in said and "Nobody of this album" in said and "Cannot be recognised" in said
    assert f"Group {red.number}" in said and url("album-group", album, red.number) in answer.content.decode()
    assert (AlbumFace.objects.count(), AlbumImage.objects.count()) == (stored, 4)
    part = operator.post(url("album-find", album), {"for_client": album.client_id, "image": photograph()}, **HTMX)
    assert "No face was found" in text_of(part)
    stop_searching(client_id=album.client_id)
    answer = operator.post(url("album-find", album), {"for_client": album.client_id, "image": photograph(RED)})
    assert answer["X-Problem"] == "searching.stopped"
