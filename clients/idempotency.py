"""Calls that can be sent again and are carried out once: the client and its `Idempotency-Key` name the call.

`begin` commits a row before the work, and `finish` stores the answer after it. The transaction that stores something
notes that in the row (`note_stored`), so that a process that dies at any moment leaves either a call that the next
caller carries out, or one whose answer is lost. That a process has died is seen at once where it ran, and elsewhere
when its lease is over.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from clients.exceptions import AnswerGone, CallRunning, IdempotencyKeyReused
from clients.models import Client, DueErasure, IdempotentCall
from clients.processes import has_ended, this_process

SALT = "clients.idempotency"
LOCK = 0x6B65_7074  # of an advisory lock for each client
TEMPORARY = frozenset({401, 403, 429})  # and 5xx: answers that a repetition may well change
RUNS = "The first call with this idempotency key is still being carried out."


@dataclass(frozen=True)
class Attempt:
    """A call that is being carried out; `finish` ends it."""

    call: int
    id: UUID


@dataclass(frozen=True)
class Answer:
    """What the first call was answered. `body`: JSON, or empty."""

    status: int
    headers: dict[str, str]
    body: str


current: ContextVar[Attempt | None] = ContextVar("current", default=None)  # set by the view that carries it out


def begin(*, client: Client, key: str, fingerprint: str) -> Attempt | Answer:
    """The attempt to carry the call out, or the answer that it has had. Of simultaneous calls one gets an attempt.

    Raises `IdempotencyKeyReused` if the fingerprint is that of another call, `CallRunning` or `AnswerGone`.
    """
    now, hashed = timezone.now(), salted_hmac(SALT, key, algorithm="sha256").hexdigest()
    fresh = IdempotentCall(
        client=client, key=hashed, fingerprint=fingerprint, attempt=uuid4(), process=this_process(), created_at=now,
        leased_until=now + lease(),
    )  # fmt: skip
    anew = {one.name: getattr(fresh, one.name) for one in IdempotentCall._meta.fields if not one.primary_key}
    calls = IdempotentCall.objects.filter(client=client, key=hashed)
    IdempotentCall.objects.bulk_create([fresh], ignore_conflicts=True)
    found = calls.first()
    if found and found.attempt != fresh.attempt:
        free = calls.abandoned()
        if has_ended(found.process):
            free |= calls.without_outcome().filter(attempt=found.attempt)
        (calls.past() | free.filter(fingerprint=fingerprint)).update(**anew)
        found = calls.first()
    if found is None:  # it has just ended with an answer that is not kept
        raise CallRunning(RUNS)
    return Attempt(found.pk, found.attempt) if found.attempt == fresh.attempt else _answer_of(found, fingerprint)


def _answer_of(call: IdempotentCall, fingerprint: str) -> Answer:
    if call.fingerprint != fingerprint:
        raise IdempotencyKeyReused("This idempotency key was used for another call. Use a new key for each call.")
    if call.status is None and call.leased_until > timezone.now() and not has_ended(call.process):
        raise CallRunning(RUNS)
    if call.status is None or not call.keeps_answer or DueErasure.objects.filter(client=call.client_id).exists():
        gone = AnswerGone("This call was carried out, but its answer is no longer kept.")
        gone.job = call.job
        raise gone
    return Answer(call.status, call.headers, call.body)


def note_stored(stored: bool = True, *, job: UUID | None = None) -> None:
    """Note in the current transaction that it stores what the current call is to store, or that it removes it again.

    `job`: whose progress is the answer to a repetition if this process dies.
    Raises `CallRunning` if the call was taken over by another process, because it had taken too long.
    """
    if attempt := current.get():
        call = IdempotentCall.objects.filter(pk=attempt.call, attempt=attempt.id)
        if not call.update(has_stored=stored, job=job):
            raise CallRunning(RUNS)


def finish(*, attempt: Attempt, answer: Answer) -> None:
    """End the call, and keep its answer unless a repetition may well get another one or data was erased meanwhile."""
    calls = IdempotentCall.objects.filter(pk=attempt.call, attempt=attempt.id)
    if answer.status >= 500 or answer.status in TEMPORARY:
        calls.filter(has_stored=False).delete()
        calls.update(status=answer.status, keeps_answer=False)
    elif not calls.filter(keeps_answer=True).update(status=answer.status, headers=answer.headers, body=answer.body):
        calls.update(status=answer.status)


def forget_answers(*, client_id: int) -> None:
    """Erase what is kept of the client's answers, any of which may name whoever is erased now.

    Call it in the transaction that erases. Its end decides: what is kept then is erased, and calls that run then, which
    may have read what is erased, will keep no answer. Keys are remembered, so that no call is carried out twice.
    """
    DueErasure.objects.create(client_id=client_id)
    transaction.on_commit(partial(_erase_answers, client_id), robust=True)


def _erase_answers(client_id: int) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, client_id])  # one at a time: many rows are locked
        due = list(DueErasure.objects.filter(client_id=client_id).values_list("pk", flat=True))
        calls = IdempotentCall.objects.filter(client_id=client_id, keeps_answer=True)
        calls.update(keeps_answer=False, headers={}, body="")
        DueErasure.objects.filter(pk__in=due).delete()


def purge() -> int:
    """Delete calls whose answers are no longer kept, and erase answers where a process died first. Returns how many."""
    for client_id in DueErasure.objects.values_list("client_id", flat=True).distinct():
        _erase_answers(client_id)
    return IdempotentCall.objects.past().delete()[0]


def lease() -> timedelta:
    """Longer than any call takes once its body has been read: images are fetched, then a worker is waited for."""
    return timedelta(seconds=60 + 2 * settings.FACEAPP_WAIT_SECONDS)
