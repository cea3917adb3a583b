"""The admin of screened images and jobs: what was found is shown as it was stored, and nothing can be changed."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from blacklist.services import create_entry
from clients.models import Role
from clients.tests.members import browser_of, make_member
from recognition.models import Job, Match, ProcessedImage, Status
from recognition.services import screening_options, submit_images
from vision.tests.drawing import BLUE, GREEN, RED, picture
from vision.types import Upload
from work.submissions import read_submission

if TYPE_CHECKING:
    from blacklist.models import BlacklistEntry
    from clients.models import Client

LIST = "admin:recognition_processedimage_changelist"
DETAIL = "admin:recognition_processedimage_change"
JOBS = "admin:recognition_job_changelist"


@pytest.fixture
def operator(admin_client: Browser) -> Browser:
    return admin_client


@pytest.fixture
def entry(client_a: Client) -> BlacklistEntry:
    uploads = [Upload(picture(RED, side=80), "red.png")]
    return create_entry(client=client_a, name="Mallory", reason="fraud", uploads=uploads).entry


def screen(client: Client, *pictures: bytes) -> Job:
    submissions = [read_submission(Upload(data, f"camera-{n}.png")) for n, data in enumerate(pictures)]
    return submit_images(client=client, submissions=submissions, options=screening_options(client=client))


@pytest.fixture
def matched(client_a: Client, entry: BlacklistEntry) -> ProcessedImage:
    return screen(client_a, picture(GREEN, RED, side=80)).images.get()


def page(browser: Browser, url: str) -> str:
    response = browser.get(url)
    assert response.status_code == 200
    return str(response.content.decode())


def test_a_match_is_shown_beside_its_reference(
    operator: Browser, matched: ProcessedImage, entry: BlacklistEntry
) -> None:
    html = page(operator, reverse(DETAIL, args=[matched.pk]))
    reference = reverse("admin:blacklist_photograph", args=[entry.reference_images.get().pk, "face"])
    probe = reverse("admin:recognition_face", args=[matched.pk, "face", 1])
    assert reference in html
    assert probe in html
    assert "Distance 0.000; up to 0.200 counts" in html
    assert reverse("admin:blacklist_blacklistentry_change", args=[entry.pk]) in html
    assert "Face 1: no match on the blacklist" in html


def test_boxes_are_drawn_over_the_picture_in_percent(operator: Browser, matched: ProcessedImage) -> None:
    html = page(operator, reverse(DETAIL, args=[matched.pk]))
    assert '<rect x="12.50%" y="25.00%" width="25.31%" height="50.62%" rx="3" class="fa-face"/>' in html
    assert '<rect x="62.50%" y="25.00%" width="25.31%" height="50.62%" rx="3" class="fa-match"/>' in html


def test_an_unreadable_image_says_why(operator: Browser, client_a: Client) -> None:
    image = screen(client_a, b"not a picture").images.get()
    assert "This is not an image" in page(operator, reverse(DETAIL, args=[image.pk]))
    assert "image.not_an_image" in page(operator, reverse(LIST))


def test_an_image_without_faces_says_so(operator: Browser, client_a: Client) -> None:
    image = screen(client_a, picture()).images.get()
    assert "No face was found" in page(operator, reverse(DETAIL, args=[image.pk]))


@pytest.mark.parametrize("query", ["match=yes", "q=camera-1", "status__exact=done&match=yes", "entry={entry}"])
def test_filters_and_search_find_the_match(
    operator: Browser, client_a: Client, entry: BlacklistEntry, query: str
) -> None:
    screen(client_a, picture(BLUE), picture(RED))
    html = page(operator, f"{reverse(LIST)}?{query.format(entry=entry.pk)}")
    assert "camera-1.png" in html
    assert "camera-0.png" not in html


@pytest.mark.parametrize("value", ["x", "-1", "99999999999999999999", "%00"])
def test_a_filter_by_an_impossible_entry_does_not_fail(operator: Browser, matched: ProcessedImage, value: str) -> None:
    assert operator.get(f"{reverse(LIST)}?entry={value}", follow=True).status_code == 200


def queries_of(browser: Browser, url: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        page(browser, url)
    return len(queries)


@pytest.mark.parametrize("name", [LIST, JOBS, "admin:index"])
def test_lists_take_as_many_queries_for_one_row_as_for_many(
    operator: Browser, matched: ProcessedImage, client_a: Client, client_b: Client, name: str
) -> None:
    page(operator, reverse(name))
    few = queries_of(operator, reverse(name))
    uploads = [Upload(picture(GREEN, side=80))]
    create_entry(client=client_b, name="Trudy", uploads=uploads)
    for client in (client_a, client_b):
        for _ in range(3):
            screen(client, picture(GREEN, RED, BLUE), picture(RED))
    assert queries_of(operator, reverse(name)) <= few


def test_a_group_takes_as_many_queries_as_a_single_face(operator: Browser, client_a: Client) -> None:
    for name, colour in (("Mallory", RED), ("Trudy", GREEN)):
        create_entry(client=client_a, name=name, uploads=[Upload(picture(colour, side=80))])
    single, group = screen(client_a, picture(RED), picture(RED, GREEN, RED, GREEN, BLUE)).images.order_by("position")
    urls = [reverse(DETAIL, args=[image.pk]) for image in (single, group)]
    page(operator, urls[0])
    assert queries_of(operator, urls[1]) <= queries_of(operator, urls[0])


def test_nothing_can_be_added_or_changed(operator: Browser, matched: ProcessedImage) -> None:
    assert operator.get(reverse("admin:recognition_processedimage_add")).status_code == 403
    assert operator.post(reverse(DETAIL, args=[matched.pk]), {"status": "failed"}).status_code == 403
    assert operator.get(reverse("admin:recognition_job_add")).status_code == 403


def test_erasing_the_last_image_removes_file_matches_and_job(operator: Browser, matched: ProcessedImage) -> None:
    url = reverse("admin:recognition_processedimage_delete", args=[matched.pk])
    assert "Matches: 1" in page(operator, url)
    operator.post(url, {"post": "yes"})
    assert not ProcessedImage.objects.exists()
    assert not Match.objects.exists()
    assert not Job.objects.exists()


def test_pictures_are_private(client: Browser, matched: ProcessedImage, client_b: Client) -> None:
    urls = [
        reverse("admin:recognition_picture", args=[matched.pk, "large"]),
        reverse("admin:recognition_face", args=[matched.pk, "face", 0]),
    ]
    assert [client.get(url).status_code for url in urls] == [302, 302]
    foreign = browser_of(make_member(client_b, Role.MANAGER))
    assert [foreign.get(url).status_code for url in urls] == [404, 404]
    client.force_login(make_member(matched.client, Role.VIEWER))
    assert [client.get(url).status_code for url in urls] == [200, 200]
    assert client.get(reverse("admin:recognition_picture", args=[matched.pk, "face"])).status_code == 404
    assert client.get(reverse("admin:recognition_picture", args=[matched.pk, "../etc"[:2]])).status_code == 404
    assert client.get(reverse("admin:recognition_face", args=[matched.pk, "face", 7])).status_code == 404


def test_without_leave_to_see_entries_the_reference_stays_hidden(client: Browser, matched: ProcessedImage) -> None:
    reviewer = make_member(matched.client, Role.VIEWER)
    Group.objects.get(name="Viewer").permissions.remove(Permission.objects.get(codename="view_blacklistentry"))
    client.force_login(reviewer)
    html = page(client, reverse(DETAIL, args=[matched.pk]))
    assert "not for your account" in html
    assert "fraud" not in html
    assert "/photograph/" not in html
    assert "Latest matches" in page(client, reverse("admin:index"))


def test_a_job_shows_its_progress_and_can_be_cancelled(
    operator: Browser, client_a: Client, entry: BlacklistEntry
) -> None:
    job = screen(client_a, picture(RED), picture(BLUE))
    job.images.filter(position=1).update(status=Status.PENDING)
    assert "1 of 2" in page(operator, reverse(JOBS))
    assert "Cancel this job" in page(operator, reverse("admin:recognition_job_change", args=[job.pk]))
    action = {"action": "cancel", "_selected_action": [str(job.pk)]}
    assert "Results that exist stay" in operator.post(reverse(JOBS), action).content.decode()
    assert job.images.filter(status=Status.PENDING).exists()
    operator.post(reverse(JOBS), action | {"confirmed": "yes"})
    assert list(job.images.order_by("position").values_list("status", flat=True)) == ["done", "cancelled"]
    done = operator.post(reverse(JOBS), action | {"confirmed": "yes"}, follow=True)
    assert "finished already: 1" in done.content.decode()
    html = page(operator, reverse("admin:recognition_job_change", args=[job.pk]))
    assert "Cancel this job" not in html
    assert re.search(r">\s*cancelled\s*<", html)


def test_images_are_found_by_the_name_of_who_was_found(
    operator: Browser, client_a: Client, matched: ProcessedImage
) -> None:
    other = screen(client_a, picture(BLUE)).images.get()
    assert shown(operator, "?q=mallo") == {matched.pk}
    assert shown(operator, "?q=camera") == {matched.pk, other.pk}
    assert shown(operator, "?q=nobody") == set()
    assert "Nothing matches." in page(operator, f"{reverse(LIST)}?q=nobody")


def test_images_are_found_by_day(operator: Browser, client_a: Client, entry: BlacklistEntry) -> None:
    rows = [screen(client_a, picture(RED)).images.get() for _ in range(3)]
    for image, day in zip(rows, (1, 2, 3), strict=True):
        at = datetime(2026, 3, day, 23, 59, tzinfo=UTC)
        ProcessedImage.objects.filter(pk=image.pk).update(created_at=at)
    first, second, third = (image.pk for image in rows)
    assert shown(operator, "?created_at_from=2026-03-02") == {second, third}
    assert shown(operator, "?created_at_to=2026-03-02") == {first, second}
    assert shown(operator, "?created_at_from=2026-03-02&created_at_to=2026-03-02") == {second}
    assert shown(operator, "?created_at_from=soon") == {first, second, third}
    assert 'value="2026-03-02"' in page(operator, f"{reverse(LIST)}?created_at_from=2026-03-02")


def shown(browser: Browser, query: str) -> set[int]:
    """The images of a list."""
    return {image.pk for image in browser.get(reverse(LIST) + query).context["cl"].result_list}


def test_an_empty_list_says_what_fills_it(operator: Browser, db: None) -> None:
    html = page(operator, reverse(LIST))
    assert "Images appear here when they are screened through the API." in html
    assert "Screened images" in html and "Processed" not in html


def test_the_dashboard_of_a_new_server_says_what_to_do_first(operator: Browser, db: None) -> None:
    html = page(operator, reverse("admin:index"))
    assert "Start here" in html
    assert reverse("admin:blacklist_blacklistentry_add") in html


def test_the_dashboard_counts_and_shows_the_latest_matches(
    operator: Browser, matched: ProcessedImage, client_a: Client
) -> None:
    screen(client_a, b"broken")
    counts = {count["label"]: count["value"] for count in operator.get(reverse("admin:index")).context["counts"]}
    assert counts == {
        "entries in force": 1, "images screened today": 1, "matches today": 1, "failed today": 1, "waiting": 0,
    }  # fmt: skip
    assert "Face in the screened image" in page(operator, reverse("admin:index"))


def test_the_sidebar_offers_only_what_the_user_may_see(client: Browser, client_a: Client) -> None:
    client.force_login(make_member(client_a, Role.OPERATOR))
    html = page(client, reverse("admin:index"))
    assert reverse(JOBS) in html
    assert reverse("admin:clients_apikey_changelist") not in html
