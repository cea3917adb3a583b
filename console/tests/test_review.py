"""The pages of *Review*: who sees and judges which hits, and what one of two persons is not told."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from audit.models import Record
from blacklist.models import BlacklistEntry
from blacklist.services import create_entry
from clients.models import Client, Role
from clients.tests.members import browser_of, make_member
from console.tests.queries import few_queries
from people.models import Gallery
from recognition.models import Match, Verdict
from recognition.services import judge, screening_options, submit_images
from recognition.types import ReviewState
from vision.tests.drawing import RED, picture
from vision.types import Upload
from work.submissions import read_submission

pytestmark = pytest.mark.django_db
NAME = "Mallory <b>& Söhne</b>"


@pytest.fixture
def anna(client_a: Client) -> User:
    return make_member(client_a, Role.OPERATOR, "anna")


@pytest.fixture
def ben(client_a: Client) -> User:
    return make_member(client_a, Role.OPERATOR, "ben")


@pytest.fixture
def entry(client_a: Client) -> BlacklistEntry:
    return create_entry(client=client_a, name=NAME, reason="fraud", uploads=[Upload(picture(RED))]).entry


@pytest.fixture
def hits(client_a: Client, entry: BlacklistEntry) -> list[Match]:
    return screen(client_a, 3)


def screen(client: Client, count: int) -> list[Match]:
    submissions = [read_submission(Upload(picture(RED), f"camera-{n}.png")) for n in range(count)]
    submit_images(client=client, submissions=submissions, options=screening_options(client=client))
    return list(Match.objects.order_by("pk"))


def text_of(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def show(user: User, name: str = "review", *args: int, **query: Any) -> str:
    answer = browser_of(user).get(reverse(f"console:{name}", args=args), query)
    assert answer.status_code == 200, answer.content
    return text_of(answer)


def post(user: User, name: str, *args: int, **fields: Any) -> Any:
    client = user.memberships.get().client
    return browser_of(user).post(reverse(f"console:{name}", args=args), {"for_client": client.pk} | fields)


# ---- the queue --------------------------------------------------------------------------------------------------
def test_an_empty_queue_says_what_it_waits_for(anna: User) -> None:
    assert "Nothing to judge" in show(anna)


def test_hits_of_an_entry_on_a_day_stand_together(anna: User, hits: list[Match]) -> None:
    Match.objects.filter(pk=hits[0].pk).update(found_on=timezone.localdate() - timedelta(days=1))
    said = show(anna)
    assert "Judge 3 hits" in said and "Open 3" in said
    assert said.index("· 2 hits") < said.index("· 1 hit ")
    assert said.count("Mallory &lt;b&gt;&amp; Söhne&lt;/b&gt; ") >= 2 and "fraud" in said


def test_a_page_takes_few_queries(anna: User, hits: list[Match]) -> None:
    judge(match=hits[0], user=anna, said=ReviewState.DISMISSED)
    browser = browser_of(anna)
    for url in (reverse("console:review"), reverse("console:review-hit", args=[hits[1].pk])):
        browser.get(url)
        with few_queries():
            assert browser.get(url).status_code == 200


def test_many_are_dismissed_as_far_as_the_page_has_shown_them(anna: User, client_a: Client, hits: list[Match]) -> None:
    *_, later = screen(client_a, 1)
    day = timezone.localdate().isoformat()
    answer = post(anna, "review-dismiss", entry=hits[0].entry_id, day=day, last=hits[-1].pk, note="His brother.")
    assert answer.status_code == 302
    assert "You have dismissed 3 hits." in text_of(browser_of(anna).get(answer["Location"]))
    assert list(Match.objects.filter(state="open")) == [later]
    assert set(Verdict.objects.values_list("note", flat=True)) == {"His brother."}


def test_where_two_persons_judge_nothing_is_dismissed_unseen(anna: User, hits: list[Match]) -> None:
    Gallery.objects.filter(kind="blacklist").update(two_person_review=True)
    assert "Dismiss them all" not in show(anna)
    day = timezone.localdate().isoformat()
    answer = post(anna, "review-dismiss", entry=hits[0].entry_id, day=day, last=hits[-1].pk)
    assert (answer.status_code, answer["X-Problem"]) == (409, "review.one_by_one")
    assert not Verdict.objects.exists()


def test_the_first_page_leaves_dismissed_hits_out(anna: User, hits: list[Match]) -> None:
    judge(match=hits[0], user=anna, said=ReviewState.DISMISSED)
    Match.objects.filter(pk=hits[1].pk).update(state=ReviewState.REPEATED)
    answer = browser_of(anna).get(reverse("home"), headers={"Accept": "text/html"})
    assert list(answer.context["hits"]) == [hits[2]]


# ---- one hit ----------------------------------------------------------------------------------------------------
def test_a_hit_shows_what_is_needed_to_judge_it(anna: User, client_a: Client, hits: list[Match]) -> None:
    create_entry(client=client_a, name="Twin", uploads=[Upload(picture(RED))])
    judge(match=hits[0], user=anna, said=ReviewState.DISMISSED, note="Too young.")
    said = show(anna, "review-hit", hits[1].pk)
    for part in ("fraud", "In force", "camera-1.png", "Distance 0.000", "2 hits wait for you", "No other entry is near",
                 "Dismissed anna, ", "Too young."):  # fmt: skip
        assert part in said, part
    *_, rivalled = screen(client_a, 1)
    assert "(+0.000)" in show(anna, "review-hit", rivalled.pk)


def test_a_verdict_leads_to_the_next_hit_and_can_be_undone(anna: User, hits: list[Match]) -> None:
    answer = post(anna, "review-hit", hits[0].pk, said="confirmed", note="The scar.")
    verdict = Verdict.objects.get()
    assert answer["Location"] == f"{reverse('console:review-hit', args=[hits[1].pk])}?undo={verdict.pk}"
    assert "Your verdict: Confirmed." in text_of(browser_of(anna).get(answer["Location"]))
    undone = post(anna, "review-undo", verdict.pk)
    assert undone["Location"] == reverse("console:review-hit", args=[hits[0].pk])
    assert Match.objects.get(pk=hits[0].pk).state == "open"
    for hit in hits:
        last = post(anna, "review-hit", hit.pk, said="dismissed")
    assert last["Location"].startswith(reverse("console:review") + "?undo=")
    rows = Record.objects.filter(action="decide", actor_kind="user", actor=str(anna.pk))
    assert rows.count() == 5


def test_the_second_operator_is_told_who_was_faster(anna: User, ben: User, hits: list[Match]) -> None:
    post(anna, "review-hit", hits[0].pk, said="dismissed", note="Too young.")
    answer = post(ben, "review-hit", hits[0].pk, said="confirmed")
    said = text_of(answer)
    assert (answer.status_code, answer["X-Problem"]) == (409, "review.already_decided")
    assert re.search(r"decided already\. Dismissed anna, \d+ seconds? ago Too young\.", said)
    assert Verdict.objects.count() == 1


def test_too_late_to_undo_and_opened_again(anna: User, ben: User, hits: list[Match]) -> None:
    post(anna, "review-hit", hits[0].pk, said="dismissed")
    Verdict.objects.update(given_at=timezone.now() - timedelta(minutes=1))
    verdict = Verdict.objects.get()
    assert post(anna, "review-undo", verdict.pk)["X-Problem"] == "review.too_late"
    assert post(ben, "review-undo", verdict.pk).status_code == 404
    assert post(ben, "review-open", hits[0].pk).status_code == 302
    assert Match.objects.get(pk=hits[0].pk).state == "open"


@pytest.mark.parametrize("fields", [{}, {"said": "open"}, {"said": "confirmed", "note": "x" * 501}, {"said": "\0"}])
def test_a_verdict_that_is_none_changes_nothing(anna: User, hits: list[Match], fields: dict[str, str]) -> None:
    assert post(anna, "review-hit", hits[0].pk, **fields).status_code == 422
    assert not Verdict.objects.exists()


def test_whoever_reads_of_hits_leaves_a_trace(anna: User, entry: BlacklistEntry, hits: list[Match]) -> None:
    rows, whom = Record.objects.filter(action="view", actor=str(anna.pk)), f"person:{entry.number}"
    images = [f"processed_image:{hit.face.image.number}" for hit in hits]
    show(anna)
    assert rows.get().objects_named == [*images, whom]
    show(anna, "review-hit", hits[1].pk)
    assert rows.latest("pk").objects_named == [images[1], whom]


# ---- two persons ------------------------------------------------------------------------------------------------
def test_neither_of_two_sees_the_score_or_the_other_verdict(
    anna: User, ben: User, client_a: Client, hits: list[Match]
) -> None:
    Gallery.objects.filter(kind="blacklist").update(two_person_review=True)
    assert "Distance" not in show(anna, "review-hit", hits[0].pk)
    post(anna, "review-hit", hits[0].pk, said="confirmed", note="The scar.")
    for page in (show(ben, "review-hit", hits[0].pk), show(ben, "review-hit", hits[1].pk), show(ben)):
        assert not re.search(r"Distance|The scar|anna|Confirmed anna|0\.000", page)
    own = show(anna, "review-hit", hits[0].pk)
    assert "Distance" not in own and "Confirmed anna" in own and "It waits for somebody else" in own
    assert "1 more waits for another person" in show(anna)
    post(ben, "review-hit", hits[0].pk, said="dismissed", note="No scar.")
    assert "No scar" not in show(anna, "review-hit", hits[0].pk)
    cleo = make_member(client_a, Role.MANAGER, "cleo")
    assert not re.search(r"Distance|scar", show(cleo, "review-hit", hits[0].pk))
    post(cleo, "review-hit", hits[0].pk, said="confirmed")
    decided = show(ben, "review-hit", hits[0].pk)
    assert all(word in decided for word in ("anna", "ben", "cleo", "The scar.", "No scar."))
    assert Match.objects.get(state=ReviewState.CONFIRMED) == hits[0]


def test_only_the_first_of_two_is_offered_to_undo(anna: User, ben: User, hits: list[Match]) -> None:
    Gallery.objects.filter(kind="blacklist").update(two_person_review=True)
    for user, is_offered in ((anna, True), (ben, False)):
        page = text_of(browser_of(user).get(post(user, "review-hit", hits[0].pk, said="confirmed")["Location"]))
        assert "Your verdict: Confirmed." in page and ("Undo" in page) == is_offered


def test_a_switch_to_one_person_asks_everybody_again(anna: User, hits: list[Match]) -> None:
    galleries = Gallery.objects.filter(kind="blacklist")
    galleries.update(two_person_review=True)
    post(anna, "review-hit", hits[0].pk, said="dismissed", note="The scar.")
    galleries.update(two_person_review=False)
    queue, page = show(anna), show(anna, "review-hit", hits[0].pk)
    assert "Judge 3 hits" in queue and "another person" not in queue
    assert "Confirm c" in page and not re.search(r"The scar|waits for somebody else", page)


def test_before_the_second_confirmation_nothing_is_exported(
    anna: User, client_a: Client, entry: BlacklistEntry, hits: list[Match]
) -> None:
    Gallery.objects.filter(pk=entry.gallery_id).update(two_person_review=True)
    manager = make_member(client_a, Role.MANAGER, "cleo")
    url = reverse("console:review-export", args=[hits[0].pk])
    browser = browser_of(manager)
    post(anna, "review-hit", hits[0].pk, said="confirmed", note="The scar.")
    refused = browser.get(url)
    assert (refused.status_code, refused["X-Problem"]) == (409, "review.not_confirmed")
    assert not Match.objects.get(pk=hits[0].pk).may_leave
    post(manager, "review-hit", hits[0].pk, said="confirmed")
    assert Match.objects.get(pk=hits[0].pk).may_leave
    assert browser_of(anna).get(url).status_code == 403
    body = browser.get(url).json()
    assert (body["entry"]["name"], body["state"]) == (NAME, "confirmed")
    assert [(one["by"], one["note"]) for one in body["verdicts"]] == [("anna", "The scar."), ("cleo", "")]
    assert Record.objects.get(action="export").objects_named[-1] == f"person:{entry.number}"


# ---- walls and roles --------------------------------------------------------------------------------------------
def test_viewers_look_and_do_not_judge(client_a: Client, hits: list[Match]) -> None:
    viewer = make_member(client_a, Role.VIEWER, "victor")
    assert "It may look at hits, but not judge them." in show(viewer, "review-hit", hits[0].pk)
    day = timezone.localdate().isoformat()
    for name, args, fields in (
        ("review-hit", [hits[0].pk], {"said": "confirmed"}),
        ("review-open", [hits[0].pk], {}),
        ("review-dismiss", [], {"entry": hits[0].entry_id, "day": day, "last": hits[-1].pk}),
    ):
        answer = post(viewer, name, *args, **fields)
        assert (answer.status_code, answer["X-Problem"]) == (403, "auth.missing_role")
    assert not Verdict.objects.exists()


def test_hits_of_another_client_do_not_exist(client_b: Client, anna: User, hits: list[Match]) -> None:
    verdict = judge(match=hits[0], user=anna, said=ReviewState.UNSURE)
    bob = make_member(client_b, Role.MANAGER, "bob")
    assert "Mallory" not in show(bob) and "Unsure 0" in show(bob)
    browser = browser_of(bob)
    for name, args in (
        ("review-hit", [hits[0].pk]),
        ("review-picture", [hits[0].pk, "portrait"]),
        ("review-hit", [2**70]),
    ):
        assert browser.get(reverse(f"console:{name}", args=args)).status_code == 404
    for name, args in (("review-hit", [hits[1].pk]), ("review-open", [hits[0].pk]), ("review-undo", [verdict.pk])):
        assert post(bob, name, *args, said="confirmed").status_code == 404
    day = timezone.localdate().isoformat()
    post(bob, "review-dismiss", entry=hits[0].entry_id, day=day, last=hits[-1].pk)
    assert list(Verdict.objects.all()) == [verdict]


def test_pictures_of_both_sides_are_shown_and_noted(anna: User, hits: list[Match]) -> None:
    browser, reference = browser_of(anna), hits[0].reference_image
    assert reference is not None
    urls = [reverse("console:review-picture", args=[hits[0].pk, one]) for one in ("portrait", "face", "large")]
    for url in [*urls, reverse("console:portrait", args=[reference.uuid])]:
        assert browser.get(url)["Content-Type"] == "image/jpeg"
    assert browser.get(reverse("console:review-picture", args=[hits[0].pk, "original"])).status_code == 404
    assert Record.objects.filter(action="view").count() == 4


def test_a_form_of_another_client_is_refused(anna: User, hits: list[Match]) -> None:
    url = reverse("console:review-hit", args=[hits[0].pk])
    answer = browser_of(anna).post(url, {"for_client": 0, "said": "confirmed"})
    assert (answer.status_code, answer["X-Problem"]) == (409, "console.other_client")
