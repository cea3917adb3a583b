"""Screened images in the console: what is listed and shown, to whom, and what can be taken away."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from audit.models import Receipt, Record
from audit.services import stop_searching
from blacklist.models import BlacklistEntry
from blacklist.services import create_entry
from clients.models import Client, Role
from clients.tests.members import browser_of, make_member
from console import archives
from console.images import exports
from console.images.exports import harmless
from console.images.filters import ImageFilter
from console.paging import ON_A_PAGE, Page
from console.tests.queries import few_queries
from console.tests.screened import beside, rows, screen
from console.tests.test_try_it import photograph, send, text_of
from people.models import Gallery
from recognition.models import Match, ProcessedFace, ProcessedImage
from vision.tests.drawing import BLUE, DIM, GREEN, RED, picture
from vision.types import Upload

pytestmark = pytest.mark.django_db
ARABIC = "عبد الله <b>بن</b> عبد العزيز"


@pytest.fixture
def operator(client_a: Client) -> Browser:
    return browser_of(make_member(client_a, Role.OPERATOR))


@pytest.fixture
def manager(client_a: Client) -> Browser:
    return browser_of(make_member(client_a, Role.MANAGER))


@pytest.fixture
def entry(client_a: Client) -> BlacklistEntry:
    return create_entry(client=client_a, name=ARABIC, reason="fraud", uploads=[Upload(picture(RED))]).entry


@pytest.fixture
def keeping(client_a: Client) -> Client:
    client_a.keep_screened_embeddings = True
    client_a.save()
    return client_a


def shown(browser: Browser, **query: Any) -> list[int]:
    """The numbers of the images in the list."""
    answer = browser.get(reverse("console:images"), query)
    assert answer.status_code == 200
    return [tile.image.number for tile in answer.context["tiles"]]


def url(name: str, image: ProcessedImage, *more: Any) -> str:
    key = image.uuid if name in {"image-picture", "image-face"} else image.number
    return reverse(f"console:{name}", args=[key, *more])


def erase(browser: Browser, client: Client, image: ProcessedImage) -> Any:
    return browser.post(url("image-erase", image), {"for_client": client.pk})


# ---- the list ---------------------------------------------------------------------------------------------------
def test_the_filters_narrow_the_list(operator: Browser, client_a: Client, entry: BlacklistEntry) -> None:
    hit = screen(client_a, RED, name="gate.png")
    none = screen(client_a, BLUE, name="door.png")
    failed = screen(client_a, name="broken.png", data=b"no image")
    ProcessedImage.objects.filter(pk=none.pk).update(created_at=timezone.now() - timedelta(days=3))
    today = timezone.localdate()
    assert shown(operator) == [failed.number, none.number, hit.number]
    assert shown(operator, show="hits") == shown(operator, person="الله") == [hit.number]
    assert shown(operator, show="failed") == [failed.number]
    assert shown(operator, text="DOOR") == shown(operator, until=today - timedelta(days=1)) == [none.number]
    assert shown(operator, since=today, until=today) == [failed.number, hit.number]
    assert shown(operator, job=hit.job_id) == [hit.number]
    assert shown(operator, show="open") == [hit.number]
    Match.objects.update(state="dismissed")
    assert shown(operator, show="open") == [] and shown(operator, show="hits") == [hit.number]
    assert shown(operator, show="hits", text="door") == shown(operator, job=uuid4()) == []


@pytest.mark.parametrize(
    "query", [{"since": "0000-99-99"}, {"until": "9999-12-31"}, {"show": "x"}, {"text": "a\0b"}, {"job": "x"}]
)
def test_a_filter_that_cannot_be_used_says_so(operator: Browser, client_a: Client, query: dict[str, str]) -> None:
    [image] = rows(client_a, 1)
    answer = operator.get(reverse("console:images"), query)
    assert answer.status_code == 422 and answer.context["tiles"] == []
    assert "role=&quot;alert" in answer.content.decode() or 'role="alert"' in answer.content.decode()
    assert operator.get(url("image", image), query).status_code == 200


def test_pages_stay_where_they_are_while_images_arrive_and_go(operator: Browser, client_a: Client) -> None:
    images = rows(client_a, 2 * ON_A_PAGE + 5)
    newest_first = [image.number for image in reversed(images)]
    first = operator.get(reverse("console:images")).context["page"]
    rows(client_a, 3)
    images[ON_A_PAGE].delete()
    second = operator.get(reverse("console:images"), {"before": first.older}).context["page"]
    left = [number for number in newest_first if number != images[ON_A_PAGE].number]
    assert [image.number for image in second.rows] == left[ON_A_PAGE : 2 * ON_A_PAGE]
    third = operator.get(reverse("console:images"), {"before": second.older}).context["page"]
    assert [image.number for image in third.rows] == left[2 * ON_A_PAGE :] and third.older is None
    back = operator.get(reverse("console:images"), {"after": third.newer}).context["page"]
    assert [image.number for image in back.rows] == [image.number for image in second.rows]
    assert back.older == second.older


def test_the_first_page_is_shown_where_newer_ones_do_not_fill_one(client_a: Client) -> None:
    images = rows(client_a, ON_A_PAGE + 1)
    page = Page.of(ImageFilter({}).images(client_a), after=images[-2].number)
    assert len(page.rows) == ON_A_PAGE and page.newer is None and page.older == images[1].number


def test_empty_lists_say_why(operator: Browser, client_a: Client) -> None:
    address = reverse("console:images")
    assert "Nothing has been screened yet" in text_of(operator.get(address))
    assert "No image passes this filter" in text_of(operator.get(address, {"show": "hits"}))
    assert "There are no older images" in text_of(operator.get(address, {"before": 0}))
    assert operator.get(address, {"before": "x" * 50, "after": "٣"}).status_code == 200


def test_pages_take_few_queries(operator: Browser, client_a: Client, entry: BlacklistEntry) -> None:
    images = [screen(client_a, RED, BLUE, name=f"{n}.png") for n in range(5)]
    for address in (reverse("console:images"), url("image", images[2])):
        operator.get(address)
        with few_queries():
            assert operator.get(address, {"show": "hits"}).status_code == 200


# ---- one image --------------------------------------------------------------------------------------------------
def test_an_image_shows_hits_first_and_the_other_faces(
    operator: Browser, client_a: Client, entry: BlacklistEntry
) -> None:
    image = screen(client_a, BLUE, RED, DIM, name="<script>gate</script>.png")
    answer = operator.get(url("image", image))
    page, said = answer.content.decode(), text_of(answer)
    assert "<script>gate" not in page and "<b>بن</b>" not in page
    assert "fraud" in said and "a match up to 0.200" in said and "Cannot be recognised" in said
    assert page.count('class="mark ') == 3 and page.index('class="scale"') < page.index('class="strip"')
    assert [face.number for face in answer.context["image"].found] == [2]
    assert reverse("console:photograph", args=[Match.objects.get().reference_image.uuid]) in page  # type: ignore[union-attr]
    record = Record.objects.filter(action="view", actor_kind="user").latest("pk")
    assert record.objects_named == [f"processed_image:{image.number}"]


def test_neighbours_are_those_of_the_filter(operator: Browser, client_a: Client, entry: BlacklistEntry) -> None:
    first, _none, middle, _other, last = (screen(client_a, colour) for colour in (RED, BLUE, RED, BLUE, RED))
    context = operator.get(url("image", middle), {"show": "hits"}).context
    assert (context["newer"], context["older"]) == (last.number, first.number)
    assert operator.get(url("image", last), {"show": "hits"}).context["newer"] is None


def test_pictures_are_those_of_the_image(operator: Browser, client_a: Client) -> None:
    image = screen(client_a, RED)
    for address in (url("image-picture", image, "card"), url("image-face", image, 0)):
        assert str(image.uuid) in address  # browsers keep it, and numbers are given again after a reset
        answer = operator.get(address)
        assert answer["Content-Type"] == "image/jpeg" and answer["Cache-Control"].startswith("private")
    for address in (url("image-picture", image, "face"), url("image-picture", image, "x"), url("image-face", image, 9)):
        assert operator.get(address).status_code == 404


def test_nothing_of_another_client_is_shown(operator: Browser, client_a: Client, client_b: Client) -> None:
    screen(client_b, RED)
    theirs = screen(client_b, RED)
    assert shown(operator) == []
    own = screen(client_a, BLUE)
    assert own.number != theirs.number
    for address in (url("image", theirs), url("image-picture", theirs, "card"), url("image-face", theirs, 0)):
        assert operator.get(address).status_code == 404
    assert operator.get(reverse("console:image", args=[10**25])).status_code == 404
    manager = browser_of(make_member(client_a, Role.MANAGER, "other"))
    assert erase(manager, client_a, theirs).status_code == 404
    assert shown(manager, job=theirs.job_id) == []
    assert ProcessedImage.objects.filter(pk=theirs.pk).exists()


def test_managers_erase_and_others_do_not(manager: Browser, operator: Browser, client_a: Client) -> None:
    image = screen(client_a, RED)
    assert "Erase this image" not in text_of(operator.get(url("image", image)))
    assert erase(operator, client_a, image).status_code == 403
    assert "cannot be undone" in text_of(manager.get(url("image", image)))
    answer = manager.post(url("image-erase", image) + "?show=failed", {"for_client": client_a.pk})
    assert answer["Location"].endswith(f"?show=failed&erased={image.number}")
    assert not ProcessedImage.objects.exists() and not image.image.storage.exists(image.image.name or "")
    assert Receipt.objects.get().kind == "screened_image"
    assert erase(manager, client_a, image).status_code == 404


# ---- searching by a face ----------------------------------------------------------------------------------------
def test_a_face_of_an_image_is_found_in_others(operator: Browser, keeping: Client, client_b: Client) -> None:
    Client.objects.filter(pk=client_b.pk).update(keep_screened_embeddings=True)
    screen(Client.objects.get(pk=client_b.pk), RED)
    before, probe = screen(keeping, BLUE, RED, name="monday.png"), screen(keeping, RED, name="friday.png")
    screen(keeping, GREEN, name="nobody.png")
    assert "Find face 1 in other images" in text_of(operator.get(url("image", probe)))
    answer = send(operator, "images-find", keeping, number=probe.number, face=0)
    said = text_of(answer)
    assert answer.status_code == 200
    assert "1 face looks like this one. 4 faces were searched." in said
    assert "monday.png" in said and "nobody.png" not in said
    assert url("image", before) in answer.content.decode()
    record = Record.objects.filter(action="search").get()
    assert (record.results, record.gallery_people, record.actor_kind) == (1, 4, "user")
    assert set(record.objects_named) == {f"processed_image:{image.number}" for image in (before, probe)}


def test_a_photograph_is_found_and_not_stored(operator: Browser, keeping: Client) -> None:
    image, files = screen(keeping, RED, name="monday.png"), ProcessedImage.objects.count()
    answer = send(operator, "images-find", keeping, image=photograph(RED))
    assert "1 face looks like this one. 1 face was searched." in text_of(answer)
    assert url("image", image) in answer.content.decode()
    assert ProcessedImage.objects.count() == files
    for bad, why in ((photograph(), "No face was found"), (photograph(DIM), "The face cannot be recognised")):
        assert why in text_of(send(operator, "images-find", keeping, image=bad))
    assert "0 faces look like this one" in text_of(send(operator, "images-find", keeping, image=photograph(GREEN)))


def test_why_there_is_no_search_and_how_to_have_one(operator: Browser, client_a: Client) -> None:
    image = screen(client_a, RED)
    assert "Find face" not in text_of(operator.get(url("image", image)))
    assert "switch on “Keep screened embeddings”" in text_of(operator.get(reverse("console:images-find")))
    for fields in ({"number": image.number, "face": 0}, {"image": photograph(RED)}):
        answer = send(operator, "images-find", client_a, **fields)
        assert (answer.status_code, answer["X-Problem"]) == (409, "screening.embedding_not_kept")
    Client.objects.update(keep_screened_embeddings=True)
    answer = send(operator, "images-find", client_a, number=image.number, face=0)  # screened before that
    assert (answer.status_code, answer["X-Problem"]) == (409, "screening.embedding_not_kept")


def test_who_may_search_and_what_is_found_nowhere(keeping: Client, client_b: Client, operator: Browser) -> None:
    theirs, own = screen(client_b, RED), screen(keeping, RED)
    theirs.number += 1000
    theirs.save()
    for fields in ({"number": theirs.number, "face": 0}, {"number": own.number, "face": 7}, {"number": "x"}):
        assert send(operator, "images-find", keeping, **fields).status_code == 404
    viewer = browser_of(make_member(keeping, Role.VIEWER))
    assert "Not in your role" in text_of(viewer.get(reverse("console:images-find")))
    assert "Find face" not in text_of(viewer.get(url("image", own)))
    assert send(viewer, "images-find", keeping, number=own.number, face=0).status_code == 403
    stop_searching(client_id=keeping.pk)
    for fields in ({"number": own.number, "face": 0}, {"image": photograph(RED)}):
        assert send(operator, "images-find", keeping, **fields)["X-Problem"] == "searching.stopped"


def test_an_erased_embedding_is_found_no_more(operator: Browser, keeping: Client) -> None:
    screen(keeping, RED)
    probe = screen(keeping, RED)
    ProcessedFace.objects.exclude(image=probe).update(embedding=None)
    assert "0 faces look like this one" in text_of(send(operator, "images-find", keeping, number=probe.number, face=0))


# ---- taking away ------------------------------------------------------------------------------------------------
def test_the_table_has_what_the_filter_shows(
    manager: Browser, client_a: Client, client_b: Client, entry: BlacklistEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "AT_ONCE", 2)
    screen(client_b, RED)
    images = [screen(client_a, RED, name=name) for name in ("=1+1.png", " @SUM(A1)", 'a,"b"\n', "plain", "-2")]
    screen(client_a, BLUE)
    answer = manager.get(reverse("console:images-csv"), {"show": "hits"})
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    table = list(csv.DictReader(io.StringIO(text)))
    assert [int(row["number"]) for row in table] == [image.number for image in reversed(images)]
    assert {row["names"] for row in table} == {ARABIC} and {row["hits"] for row in table} == {"1"}
    assert table[-1]["identifier"] == "'=1+1.png" and table[0]["identifier"] == "'-2"
    assert "attachment" in answer["Content-Disposition"] and answer["Content-Type"].startswith("text/csv")
    record = Record.objects.get(action="export")
    assert (record.results, len(record.objects_named)) == (5, 5)


def test_hits_that_two_persons_judge_are_kept_back_until_both_have_confirmed(
    manager: Browser, client_a: Client, entry: BlacklistEntry
) -> None:
    Gallery.objects.filter(pk=entry.gallery_id).update(two_person_review=True)
    image = screen(client_a, RED)
    match = Match.objects.get()

    def shown() -> tuple[str, bool]:
        answer = manager.get(reverse("console:images-csv"))
        [row] = csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig")))  # type: ignore[attr-defined]
        page = manager.get(reverse("console:image", args=[image.number])).content.decode()
        return row["hits"] + row["distance"], 'class="scale"' in page

    assert shown() == ("0", False)
    Match.objects.filter(pk=match.pk).update(state="confirmed")
    assert shown() == (f"1{match.distance:.4f}", True)


@pytest.mark.parametrize("query", [{"show": "hits"}, {"person": "الله"}])
def test_which_images_are_exported_does_not_tell_of_hits_that_are_kept_back(
    manager: Browser, client_a: Client, entry: BlacklistEntry, query: dict[str, str]
) -> None:
    Gallery.objects.filter(pk=entry.gallery_id).update(two_person_review=True)
    image = screen(client_a, RED)

    def taken() -> tuple[int, list[str]]:
        table, packed = (manager.get(reverse(f"console:{name}"), query) for name in ("images-csv", "images-zip"))
        with zipfile.ZipFile(io.BytesIO(b"".join(packed.streaming_content))) as files:  # type: ignore[attr-defined]
            return len(b"".join(table.streaming_content).splitlines()) - 1, files.namelist()  # type: ignore[attr-defined]

    assert shown(manager, **query) == [image.number]
    assert taken() == (0, ["images.csv"])
    assert not any(record.objects_named for record in Record.objects.filter(action="export"))
    Match.objects.update(state="confirmed")
    assert taken() == (1, [*beside(image), "images.csv"])


def test_files_without_a_recorded_size_count_too(
    manager: Browser, client_a: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were stored before sizes were recorded."""
    images = [screen(client_a, RED), screen(client_a, BLUE)]
    monkeypatch.setattr(archives, "MOST_BYTES", sum(image.stored_bytes for image in images))
    ProcessedImage.objects.update(stored_bytes=0)
    assert manager.get(reverse("console:images-zip")).status_code == 200
    monkeypatch.setattr(archives, "MOST_BYTES", archives.MOST_BYTES - 1)
    assert manager.get(reverse("console:images-zip")).status_code == 422
    images[1].image.storage.delete(images[1].image.name or "")
    assert manager.get(reverse("console:images-zip")).status_code == 200


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\u00a0=1"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert harmless(f"a{text}") == f"a{text}"


def test_the_archive_has_the_files_as_they_were_sent(manager: Browser, client_a: Client) -> None:
    kept, gone = screen(client_a, RED), screen(client_a, BLUE)
    gone.image.storage.delete(gone.image.name or "")
    failed = screen(client_a, data=b"no image")
    answer = manager.get(reverse("console:images-zip"))
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as packed:  # type: ignore[attr-defined]
        assert packed.testzip() is None
        assert set(packed.namelist()) == {*beside(kept), "images.csv", "missing.csv"}
        with kept.image.open("rb") as stored:
            assert packed.read(f"images/{kept.number}.png") == stored.read()
        assert packed.read("missing.csv").decode().splitlines()[1:] == [f"{gone.number},image.gone"]
        assert len(packed.read("images.csv").splitlines()) == 3
    assert f"processed_image:{failed.number}" not in Record.objects.get(action="export").objects_named


def test_the_archive_leaves_out_images_without_a_file(
    manager: Browser, client_a: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST_FILES", 1)
    rows(client_a, 3)
    kept = screen(client_a, RED)
    answer = manager.get(reverse("console:images-zip"))
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as packed:  # type: ignore[attr-defined]
        assert packed.namelist() == [*beside(kept), "images.csv"]
        assert len(packed.read("images.csv").splitlines()) == 2
    record = Record.objects.get(action="export")
    assert (record.results, record.objects_named) == (1, [f"processed_image:{kept.number}"])


def test_too_much_for_one_archive_is_refused(
    manager: Browser, client_a: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        screen(client_a, RED)
    for name in ("MOST_FILES", "MOST_BYTES"):
        with monkeypatch.context() as limited:
            limited.setattr(archives, name, 1)
            answer = manager.get(reverse("console:images-zip"))
        assert (answer.status_code, answer["X-Problem"]) == (422, "console.too_many_for_one_file")
    assert not Record.objects.filter(action="export").exists()


@pytest.mark.parametrize("name", ["images-csv", "images-zip"])
def test_only_managers_take_away(name: str, operator: Browser, manager: Browser, client_a: Client) -> None:
    screen(client_a, RED)
    assert operator.get(reverse(f"console:{name}")).status_code == 403
    assert "Take what is shown away" not in text_of(operator.get(reverse("console:images")))
    assert manager.get(reverse(f"console:{name}"), {"since": "x"}).status_code == 422
    assert not Record.objects.filter(action="export").exists()
