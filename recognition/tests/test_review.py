"""Judging hits: who decides, what two persons make of one hit, and which later hits were dismissed earlier."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import Record
from blacklist.models import BlacklistEntry
from blacklist.services import create_entry, delete_entry
from calibration.types import Decision
from clients.models import Client, Role
from clients.tests.members import make_member
from faceapp.tests.rivals import Rival, wait_until_blocked
from notifications.models import Delivery, Subscription
from notifications.types import Event
from people.models import Gallery
from recognition.exceptions import AlreadyDecided, JudgedOneByOne, NotDecided, RecordNotFound, TooLateToUndo
from recognition.face_search import erase_found
from recognition.models import Match, ProcessedImage, Verdict
from recognition.review import UNDO, outcome
from recognition.services import (
    delete_images,
    judge,
    judge_all,
    open_again,
    screening_options,
    submit_images,
    take_back,
)
from recognition.types import ReviewState
from vision.tests.drawing import BLUE, RED, picture
from vision.types import Upload
from work.submissions import read_submission

pytestmark = pytest.mark.django_db
C, D, U = ReviewState.CONFIRMED, ReviewState.DISMISSED, ReviewState.UNSURE


@pytest.fixture
def entry(client_a: Client) -> BlacklistEntry:
    return create_entry(client=client_a, name="Mallory", reason="fraud", uploads=[Upload(picture(RED))]).entry


@pytest.fixture
def people(client_a: Client) -> list[User]:
    return [make_member(client_a, Role.OPERATOR, name) for name in ("anna", "ben", "cleo")]


@pytest.fixture
def match(client_a: Client, entry: BlacklistEntry) -> Match:
    return screen(client_a, picture(RED))


def screen(client: Client, *pictures: bytes) -> Match:
    """The newest match, after pictures were screened."""
    submissions = [read_submission(Upload(data, f"camera-{n}.png")) for n, data in enumerate(pictures)]
    submit_images(client=client, submissions=submissions, options=screening_options(client=client))
    return Match.objects.latest("pk")


def want_two(entry: BlacklistEntry, *, wanted: bool = True) -> None:
    Gallery.objects.filter(pk=entry.gallery_id).update(two_person_review=wanted)


def state(match: Match) -> str:
    return str(Match.objects.get(pk=match.pk).state)


# ---- one person, or two -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("said", "persons", "expected"),
    [
        ([], 1, "open"), ([C], 1, "confirmed"), ([D], 1, "dismissed"), ([U], 1, "unsure"), ([D, C], 1, "confirmed"),
        ([C], 2, "open"), ([C, C], 2, "confirmed"), ([D, D], 2, "dismissed"), ([U, U], 2, "unsure"),
        ([C, D], 2, "open"), ([C, U], 2, "open"),
        ([C, D, C], 2, "confirmed"), ([C, D, D], 2, "dismissed"), ([C, D, U], 2, "unsure"), ([C, U, D], 2, "dismissed"),
    ],
)  # fmt: skip
def test_what_verdicts_make_of_a_hit(said: list[str], persons: int, expected: str) -> None:
    assert outcome(said, persons=persons) == expected


def test_a_hit_begins_open_and_is_decided_once(match: Match, people: list[User], entry: BlacklistEntry) -> None:
    anna, ben, _ = people
    assert (match.state, match.found_on, match.decided_at) == ("open", timezone.localdate(), None)
    judge(match=match, user=anna, said=C, note="The scar.")
    match.refresh_from_db()
    assert match.state == "confirmed" and match.decided_at is not None
    with pytest.raises(AlreadyDecided):
        judge(match=match, user=ben, said=D)
    assert Verdict.objects.get().note == "The scar."


def test_the_audit_tells_the_story_by_numbers(match: Match, people: list[User], entry: BlacklistEntry) -> None:
    verdict = judge(match=match, user=people[0], said=D, note="A secret note.")
    take_back(verdict=verdict, user=people[0])
    judge(match=match, user=people[0], said=C)
    open_again(match=match)
    image = match.face.image
    whom = [f"processed_image:{image.number}", "face:0", f"person:{entry.number}"]
    rows = Record.objects.filter(action="decide").order_by("pk")
    assert [row.objects_named for row in rows] == [
        [*whom, "verdict:dismissed", "state:dismissed"],
        [*whom, "verdict:taken_back", "state:open"],
        [*whom, "verdict:confirmed", "state:confirmed"],
        [*whom, "state:open"],
    ]


def test_two_persons_have_to_agree(match: Match, people: list[User], entry: BlacklistEntry) -> None:
    anna, ben, _ = people
    want_two(entry)
    judge(match=match, user=anna, said=C)
    assert state(match) == "open"
    with pytest.raises(AlreadyDecided):
        judge(match=match, user=anna, said=C)
    assert match not in Match.objects.waiting_for(anna.pk)
    assert match in Match.objects.waiting_for(ben.pk)
    judge(match=match, user=ben, said=C)
    assert state(match) == "confirmed"


def test_a_disagreement_goes_to_a_third(match: Match, people: list[User], entry: BlacklistEntry) -> None:
    want_two(entry)
    for user, said, expected in zip(people, (C, D, D), ("open", "open", "dismissed"), strict=True):
        judge(match=match, user=user, said=said)
        assert state(match) == expected


def test_the_audit_keeps_the_first_of_two_verdicts_back(
    match: Match, people: list[User], entry: BlacklistEntry
) -> None:
    want_two(entry)
    for user, said in zip(people, (C, D, D), strict=True):
        judge(match=match, user=user, said=said)
    rows = Record.objects.filter(action="decide").order_by("pk")
    assert [row.objects_named[3:] for row in rows] == [
        ["verdict:given", "state:open"],
        ["verdict:given", "state:open"],
        ["verdict:confirmed", "verdict:dismissed", "state:dismissed"],
    ]


def test_after_a_switch_to_one_person_a_verdict_given_before_decides_nothing(
    match: Match, people: list[User], entry: BlacklistEntry
) -> None:
    anna, ben, _ = people
    want_two(entry)
    judge(match=match, user=anna, said=D)
    want_two(entry, wanted=False)
    assert match in Match.objects.waiting_for(anna.pk)
    verdict = judge(match=match, user=ben, said=C)
    assert state(match) == "confirmed"
    take_back(verdict=verdict, user=ben)
    assert state(match) == "open"
    judge(match=match, user=anna, said=U)
    assert state(match) == "unsure"


# ---- taking back ------------------------------------------------------------------------------------------------
def test_a_verdict_is_taken_back_shortly_after(match: Match, people: list[User]) -> None:
    anna, ben, _ = people
    verdict = judge(match=match, user=anna, said=C)
    with pytest.raises(TooLateToUndo):
        take_back(verdict=verdict, user=ben)
    take_back(verdict=verdict, user=anna)
    assert state(match) == "open"
    judge(match=match, user=ben, said=D)
    with pytest.raises(TooLateToUndo):
        take_back(verdict=verdict, user=anna)


def test_later_the_hit_is_opened_again(match: Match, people: list[User]) -> None:
    verdict = judge(match=match, user=people[0], said=C)
    Verdict.objects.update(given_at=timezone.now() - UNDO - timedelta(seconds=1))
    with pytest.raises(TooLateToUndo):
        take_back(verdict=verdict, user=people[0])
    open_again(match=match)
    with pytest.raises(NotDecided):
        open_again(match=match)
    judge(match=match, user=people[0], said=D)
    assert state(match) == "dismissed"
    assert list(Verdict.objects.values_list("said", "counts")) == [("confirmed", False), ("dismissed", True)]


@pytest.mark.parametrize("second", [C, D])
def test_of_two_persons_nobody_takes_back_what_the_other_has_followed(
    match: Match, people: list[User], entry: BlacklistEntry, second: ReviewState
) -> None:
    """Whoever comes second sees the first verdict, or that it was another one, and could then say something else."""
    want_two(entry)
    verdicts = [judge(match=match, user=user, said=said) for user, said in zip(people, (C, second), strict=False)]
    before = state(match)
    for verdict, user in zip(verdicts, people, strict=False):
        with pytest.raises(TooLateToUndo):
            take_back(verdict=verdict, user=user)
    assert state(match) == before


def test_the_first_of_two_persons_takes_back(match: Match, people: list[User], entry: BlacklistEntry) -> None:
    want_two(entry)
    take_back(verdict=judge(match=match, user=people[0], said=C), user=people[0])
    assert match in Match.objects.waiting_for(people[0].pk)


# ---- many, gone, and at once ------------------------------------------------------------------------------------
def test_many_are_judged_and_decided_ones_left(client_a: Client, entry: BlacklistEntry, people: list[User]) -> None:
    screen(client_a, *[picture(RED)] * 3)
    first, *_ = matches = list(Match.objects.all())
    judge(match=first, user=people[0], said=C)
    with CaptureQueriesContext(connection) as queries:
        assert judge_all(matches=matches, user=people[1], said=D) == 2
    assert sum("FOR NO KEY UPDATE" in one["sql"] for one in queries) == 3  # for all of them together
    assert sorted(Match.objects.values_list("state", flat=True)) == ["confirmed", "dismissed", "dismissed"]
    assert Record.objects.filter(action="decide").count() == 3


def test_as_many_statements_judge_one_and_many(client_a: Client, entry: BlacklistEntry, people: list[User]) -> None:
    """And each hit has a verdict, a message and a row of the audit of its own."""
    Subscription.objects.create(
        client=client_a, name="a", target="http://a.example/", events=[Event.HIT_CONFIRMED.value]
    )
    screen(client_a, *[picture(RED)] * 5)
    first, *others = Match.objects.order_by("pk")
    counts = []
    for matches in ([first], others):
        with CaptureQueriesContext(connection) as queries:
            assert judge_all(matches=matches, user=people[0], said=C) == len(matches)
        counts.append(len(queries))
    assert counts[0] == counts[1]
    hits = [f"{match.face.image.audit_name}:0:{entry.number}" for match in (first, *others)]
    assert sorted(Delivery.objects.filter(event=Event.HIT_CONFIRMED).values_list("key", flat=True)) == sorted(hits)
    assert Verdict.objects.filter(said=C, user=people[0], counts=True).count() == 5
    named = [record.objects_named for record in Record.objects.filter(action="decide").order_by("pk")]
    assert [names[0] for names in named] == [match.face.image.audit_name for match in (first, *others)]
    assert all(names[1:] == ["face:0", entry.audit_name, "verdict:confirmed", "state:confirmed"] for names in named)


def test_where_two_persons_judge_none_is_judged_with_many(
    match: Match, entry: BlacklistEntry, people: list[User]
) -> None:
    want_two(entry)
    with pytest.raises(JudgedOneByOne):
        judge_all(matches=[match], user=people[0], said=D)
    assert not Verdict.objects.exists()


ERASURES: dict[str, Callable[[Match], object]] = {
    "entry": lambda match: delete_entry(entry=match.entry),
    "image": lambda match: delete_images(images_to_delete=[match.face.image]),
    "face": lambda match: erase_found([match.face_id]),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("erase", ERASURES.values(), ids=ERASURES)
def test_an_erasure_waits_for_a_verdict_and_takes_it_along(
    match: Match, people: list[User], erase: Callable[[Match], object]
) -> None:
    match = Match.objects.with_context().get(pk=match.pk)
    with transaction.atomic():
        judge(match=match, user=people[0], said=C)
        other = Rival(transaction.atomic(lambda: erase(match)))
        wait_until_blocked()
    other.finish()
    assert not Match.objects.exists() and not Verdict.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("erase", ERASURES.values(), ids=ERASURES)
def test_a_verdict_waits_for_an_erasure(match: Match, people: list[User], erase: Callable[[Match], object]) -> None:
    match = Match.objects.with_context().get(pk=match.pk)
    with transaction.atomic():
        erase(match)
        other = Rival(lambda: judge(match=match, user=people[0], said=C))
        wait_until_blocked()
    with pytest.raises(RecordNotFound):
        other.finish()


def test_a_hit_that_was_erased_is_not_found(match: Match, people: list[User]) -> None:
    judge(match=match, user=people[0], said=C, note="goes with the hit")
    delete_images(images_to_delete=ProcessedImage.objects.all())
    assert not Verdict.objects.exists()
    with pytest.raises(RecordNotFound):
        judge(match=match, user=people[1], said=C)


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_decides(match: Match, people: list[User]) -> None:
    refused: list[AlreadyDecided] = []
    together = threading.Barrier(2)

    def decide(user: User, said: ReviewState) -> None:
        together.wait(60)
        try:
            judge(match=match, user=user, said=said)
        except AlreadyDecided as error:
            refused.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=pair) for pair in zip(people[:2], (C, D), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(refused) == 1
    assert state(match) == Verdict.objects.get().said


# ---- what is remembered -----------------------------------------------------------------------------------------
LIKE_RED, NEARER_TO_IT, NEARER_TO_RED = (220, 70, 20), (220, 65, 20), (220, 30, 20)


def test_a_face_nearer_to_a_dismissed_one_is_not_asked_about_again(
    client_a: Client, entry: BlacklistEntry, people: list[User]
) -> None:
    Client.objects.update(keep_screened_embeddings=True)
    client_a.refresh_from_db()
    dismissed = screen(client_a, picture(LIKE_RED))
    assert dismissed.state == "open"
    verdict = judge(match=dismissed, user=people[0], said=D)
    repeated = screen(client_a, picture(NEARER_TO_IT), picture(BLUE, NEARER_TO_IT))
    assert (repeated.state, repeated.decision) == ("repeated", Decision.MATCH)
    assert screen(client_a, picture(NEARER_TO_RED)).state == "open"
    take_back(verdict=verdict, user=people[0])
    assert screen(client_a, picture(NEARER_TO_IT)).state == "open"
    open_again(match=repeated)
    assert state(repeated) == "open"


def test_without_kept_embeddings_every_hit_is_asked_about(
    client_a: Client, entry: BlacklistEntry, people: list[User]
) -> None:
    judge(match=screen(client_a, picture(RED)), user=people[0], said=D)
    assert screen(client_a, picture(RED)).state == "open"
