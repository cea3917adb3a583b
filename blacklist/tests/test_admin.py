"""The blacklist's admin: each photograph is answered for, lists do not slow down, pictures stay private."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from PIL import Image

from blacklist import services
from blacklist.exceptions import EntryNotFound
from blacklist.models import BlacklistEntry
from blacklist.services import create_entry
from blacklist.types import Validity
from clients.models import Role
from clients.tests.members import browser_of, make_member
from people.models import ReferenceImage
from vision import inference
from vision.exceptions import EngineUnavailable
from vision.tests.drawing import GREEN, RED, picture
from vision.types import Upload

if TYPE_CHECKING:
    from clients.models import Client

ADD = "admin:blacklist_blacklistentry_add"
Form = dict[str, object]
LIST = "admin:blacklist_blacklistentry_changelist"


def drawing(*colours: tuple[int, int, int]) -> bytes:
    return picture(*colours, side=80)


def photograph(name: str, *colours: tuple[int, int, int]) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, drawing(*colours), "image/png")


@pytest.fixture
def operator(admin_client: Browser) -> Browser:
    return admin_client


@pytest.fixture
def entry(client_a: Client) -> BlacklistEntry:
    return create_entry(client=client_a, name="Mallory", uploads=[Upload(drawing(RED), "red.png")]).entry


def add_form(client: Client, *files: SimpleUploadedFile, **fields: str) -> Form:
    return {
        "client": client.pk,
        "name": "Mallory",
        "reason": "fraud",
        "is_active": "on",
        "photographs": list(files),
    } | fields


def change_form(
    entry: BlacklistEntry, *files: SimpleUploadedFile, remove: int | None = None, **fields: str
) -> dict[str, object]:
    images = list(entry.reference_images.all())
    form: Form = {
        "name": entry.name, "is_active": "on", "photographs": list(files),
        "reference_images-TOTAL_FORMS": len(images), "reference_images-INITIAL_FORMS": len(images),
    }  # fmt: skip
    for index, image in enumerate(images):
        form |= {f"reference_images-{index}-id": image.pk, f"reference_images-{index}-person": entry.pk}
        if remove == index:
            form[f"reference_images-{index}-DELETE"] = "on"
    return form | fields


def messages_of(response: object) -> list[str]:
    return [str(message) for message in response.context["messages"]]  # type: ignore[attr-defined]


def test_adding_an_entry_answers_for_every_file(operator: Browser, client_a: Client) -> None:
    files = [photograph("good.png", RED), photograph("empty-room.png"), photograph("pair.png", RED, GREEN)]
    response = operator.post(reverse(ADD), add_form(client_a, *files), follow=True)
    entry = BlacklistEntry.objects.get()
    assert (entry.name, entry.reason, entry.client) == ("Mallory", "fraud", client_a)
    assert entry.reference_images.count() == 1
    said = " | ".join(messages_of(response))
    assert "good.png: taken. Face: large enough (81 px)" in said
    assert "empty-room.png: No face was found" in said
    assert "pair.png: This image shows 2 faces" in said


def test_without_a_usable_photograph_nothing_is_stored_and_the_form_keeps_what_was_typed(
    operator: Browser, client_a: Client
) -> None:
    files = [photograph("room.png"), SimpleUploadedFile("notes.txt", b"hello"), SimpleUploadedFile("void.png", b"")]
    response = operator.post(reverse(ADD), add_form(client_a, *files, reason="known thief"))
    errors = " ".join(response.context["adminform"].form.errors["photographs"])
    assert "room.png: No face" in errors
    assert "notes.txt: This is not an image" in errors
    assert "void.png: The image is empty" in errors
    assert b"known thief" in response.content
    assert not BlacklistEntry.objects.exists()
    assert not ReferenceImage.objects.exists()


def test_an_entry_needs_a_photograph(operator: Browser, client_a: Client) -> None:
    response = operator.post(reverse(ADD), add_form(client_a))
    assert "Choose at least one photograph" in str(response.context["adminform"].form.errors["photographs"])


def test_a_name_that_is_taken_is_an_error_of_the_name(
    operator: Browser, entry: BlacklistEntry, client_a: Client
) -> None:
    response = operator.post(reverse(ADD), add_form(client_a, photograph("red.png", RED)))
    assert "exists already" in str(response.context["adminform"].form.errors["name"])
    assert BlacklistEntry.objects.count() == 1


def test_dates_in_the_wrong_order_are_refused_before_any_work(operator: Browser, client_a: Client) -> None:
    dates = {"valid_from": "2030-02-01", "valid_until": "2030-01-01"}
    response = operator.post(reverse(ADD), add_form(client_a, photograph("red.png", RED), **dates))
    assert "ends before it begins" in str(response.context["adminform"].form.errors)


def test_a_worker_that_does_not_answer_is_reported_and_nothing_is_lost(
    operator: Browser, client_a: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_worker(*args: object, **kwargs: object) -> None:
        raise EngineUnavailable("No worker answered within 60 seconds.")

    monkeypatch.setattr(inference, "run_engines", no_worker)  # what a deployment without workers answers
    response = operator.post(reverse(ADD), add_form(client_a, photograph("red.png", RED), reason="typed"))
    assert response.status_code == 200
    assert "No worker answered" in str(response.context["adminform"].form.non_field_errors())
    assert b"typed" in response.content
    assert not BlacklistEntry.objects.exists()


def test_changing_an_entry_adds_and_removes_photographs_at_once(operator: Browser, entry: BlacklistEntry) -> None:
    url = reverse("admin:blacklist_blacklistentry_change", args=[entry.pk])
    old = entry.reference_images.get()
    operator.post(url, change_form(entry, photograph("new.png", RED), remove=0, reason="updated"))
    entry.refresh_from_db()
    assert entry.reason == "updated"
    assert entry.reference_images.get().pk != old.pk


def test_the_last_photograph_stays(operator: Browser, entry: BlacklistEntry) -> None:
    url = reverse("admin:blacklist_blacklistentry_change", args=[entry.pk])
    response = operator.post(url, change_form(entry, remove=0, reason="lost?"))
    assert "only image" in str(response.context["adminform"].form.non_field_errors())
    entry.refresh_from_db()
    assert entry.reason is None
    assert entry.reference_images.count() == 1


def test_refused_photographs_leave_the_entry_as_it_was(operator: Browser, entry: BlacklistEntry) -> None:
    url = reverse("admin:blacklist_blacklistentry_change", args=[entry.pk])
    response = operator.post(url, change_form(entry, photograph("room.png"), name="Renamed"))
    assert "room.png" in str(response.context["adminform"].form.errors["photographs"])
    entry.refresh_from_db()
    assert entry.name == "Mallory"
    assert len(list((settings.MEDIA_ROOT / "references").rglob("*.png"))) == 1


def test_a_chosen_file_is_checked_without_being_stored(operator: Browser, db: None) -> None:
    url = reverse("admin:blacklist_check")
    good = operator.post(url, {"photograph": photograph("red.png", RED)})
    assert good.json()["box"] == {"x": "25.00%", "y": "25.00%", "width": "50.62%", "height": "50.62%"}
    assert good.json()["picture"].startswith("data:image/jpeg;base64,")
    bad = operator.post(url, {"photograph": photograph("room.png")})
    assert (bad.status_code, bad.json()["code"]) == (400, "face.none")
    assert operator.get(url).status_code == 405
    assert not ReferenceImage.objects.exists()


def test_bulk_actions_switch_entries(operator: Browser, entry: BlacklistEntry) -> None:
    for action, active in (("deactivate", False), ("activate", True)):
        operator.post(reverse(LIST), {"action": action, "_selected_action": [entry.pk]})
        entry.refresh_from_db()
        assert entry.is_active is active


def test_deleting_names_what_goes_and_removes_the_files(
    operator: Browser, entry: BlacklistEntry, django_capture_on_commit_callbacks: Callable[..., object]
) -> None:
    url = reverse("admin:blacklist_blacklistentry_delete", args=[entry.pk])
    assert b"Mallory (1 photograph)" in operator.get(url).content
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        operator.post(url, {"post": "yes"})
    assert not BlacklistEntry.objects.exists()
    assert not list((settings.MEDIA_ROOT / "references").rglob("*.png"))


@pytest.mark.parametrize("query", ["q=fraud", "q=Mall", "in_force=yes", "is_active__exact=1"])
def test_search_and_filters_find_an_entry(operator: Browser, client_a: Client, query: str) -> None:
    create_entry(client=client_a, name="Mallory", reason="fraud", uploads=[Upload(drawing(RED))])
    create_entry(client=client_a, name="Trudy", uploads=[Upload(drawing(GREEN))], validity=Validity(is_active=False))
    page = operator.get(f"{reverse(LIST)}?{query}").content
    assert b"Mallory" in page
    assert b"Trudy" not in page


def queries_of(browser: Browser, url: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert browser.get(url).status_code == 200
    return len(queries)


def test_the_list_takes_as_many_queries_for_one_entry_as_for_many(
    operator: Browser, entry: BlacklistEntry, client_b: Client
) -> None:
    few = queries_of(operator, reverse(LIST))
    for index in range(6):
        files = [Upload(drawing(RED)), Upload(drawing(GREEN))]
        create_entry(client=client_b, name=f"Name {index}", uploads=files)
    assert queries_of(operator, reverse(LIST)) <= few


def test_an_entry_takes_as_many_queries_with_one_photograph_as_with_many(
    operator: Browser, entry: BlacklistEntry, client_a: Client
) -> None:
    many = create_entry(client=client_a, name="Many", uploads=[Upload(drawing(RED))] * 8).entry
    one, eight = (reverse("admin:blacklist_blacklistentry_change", args=[row.pk]) for row in (entry, many))
    operator.get(one)
    assert queries_of(operator, eight) <= queries_of(operator, one)


def test_photographs_are_private(client: Browser, entry: BlacklistEntry, client_b: Client) -> None:
    url = reverse("admin:blacklist_photograph", args=[entry.reference_images.get().pk, "face"])
    assert client.get(url).status_code == 302
    assert browser_of(make_member(entry.client, Role.VIEWER)).get(url).status_code == 200
    assert browser_of(make_member(client_b, Role.MANAGER)).get(url).status_code == 404


@pytest.mark.parametrize(("variant", "size"), [("thumbnail", (160, 160)), ("face", (137, 137)), ("large", (160, 160))])
def test_renderings_are_small_and_cached_by_the_browser_alone(
    operator: Browser, entry: BlacklistEntry, variant: str, size: tuple[int, int]
) -> None:
    response = operator.get(reverse("admin:blacklist_photograph", args=[entry.reference_images.get().pk, variant]))
    assert Image.open(BytesIO(response.content)).size == size
    assert response["Cache-Control"] == "private, max-age=3600" and "Cookie" in response["Vary"]


def test_the_stored_file_is_served_unchanged(operator: Browser, entry: BlacklistEntry) -> None:
    response = operator.get(reverse("admin:blacklist_photograph", args=[entry.reference_images.get().pk, "original"]))
    assert b"".join(response.streaming_content) == drawing(RED)  # type: ignore[arg-type]


def test_a_viewer_sees_an_entry_and_can_change_nothing(entry: BlacklistEntry) -> None:
    viewer = browser_of(make_member(entry.client, Role.VIEWER))
    page = viewer.get(reverse("admin:blacklist_blacklistentry_change", args=[entry.pk])).content
    assert b"Photograph 1 of Mallory" in page
    assert b"Remove this photograph" not in page
    assert b'type="file"' not in page


def test_an_operator_adds_photographs_and_removes_none(entry: BlacklistEntry) -> None:
    url = reverse("admin:blacklist_blacklistentry_change", args=[entry.pk])
    browser = browser_of(make_member(entry.client, Role.OPERATOR))
    assert b"Remove this photograph" not in browser.get(url).content
    browser.post(url, change_form(entry, photograph("more.png", RED), remove=0))
    assert entry.reference_images.count() == 2


def test_history_of_a_deleted_entry_contains_no_name(operator: Browser, client_a: Client) -> None:
    for name in ("Mallory", "Trudy"):
        operator.post(reverse(ADD), add_form(client_a, photograph("red.png", RED), name=name))
    mallory, trudy = BlacklistEntry.objects.order_by("id")
    url = reverse("admin:blacklist_blacklistentry_change", args=[mallory.pk])
    operator.post(url, change_form(mallory, reason="theft"))
    operator.post(reverse("admin:blacklist_blacklistentry_delete", args=[mallory.pk]), {"post": "yes"})
    chosen = {"action": "delete_selected", "_selected_action": [trudy.pk], "post": "yes"}
    operator.post(reverse(LIST), chosen)
    assert not BlacklistEntry.objects.exists()
    lines = [line.object_repr for line in LogEntry.objects.order_by("id")]
    numbers = [mallory.pk, trudy.pk, mallory.pk, mallory.pk, trudy.pk]
    assert lines == [f"blacklist entry {number}" for number in numbers]
    text = str(list(LogEntry.objects.values()))
    assert not any(word in text for word in ("Mallory", "Trudy", "theft"))


def test_photograph_of_a_form_that_fails_later_leaves_no_file(
    operator: Browser, entry: BlacklistEntry, monkeypatch: pytest.MonkeyPatch, media_root: Path
) -> None:
    """Someone else deleted the other photograph while this form was being saved."""

    def gone(**_: object) -> None:
        raise EntryNotFound("Reference image not found")

    monkeypatch.setattr(services, "delete_image", gone)
    kept = {path for path in media_root.rglob("*") if path.is_file()}
    url = reverse("admin:blacklist_blacklistentry_change", args=[entry.pk])
    response = operator.post(url, change_form(entry, photograph("more.png", RED), remove=0))
    assert response.status_code == 200
    assert ReferenceImage.objects.count() == 1
    assert {path for path in media_root.rglob("*") if path.is_file()} == kept
