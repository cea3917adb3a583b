"""Calls that can be sent again and are carried out once: the client and its `Idempotency-Key` name the call.

`begin` commits a row before the work, `finish` stores the answer after it. A process that dies in between leaves a row
without an answer; when its lease is over, the next caller carries the call out again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from clients.exceptions import AnswerErased, CallRunning, IdempotencyKeyReused
from clients.models import Client, IdempotentCall

SALT = "clients.idempotency"
LOCK = 0x6B65_7074  # of an advisory lock for each client
CHANGES = frozenset({401, 403, 429})  # answers that are not kept, because a repetition may well get another one


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


def begin(*, client: Client, key: str, fingerprint: str) -> Attempt | Answer:
    """The attempt to carry the call out, or the answer that it has had. Of simultaneous calls one gets an attempt.

    Raises `IdempotencyKeyReused` if the fingerprint is that of another call, `CallRunning` or `AnswerErased`.
    """
    now, hashed = timezone.now(), salted_hmac(SALT, key, algorithm="sha256").hexdigest()
    fresh = IdempotentCall(
        client=client, key=hashed, fingerprint=fingerprint, attempt=uuid4(), created_at=now, leased_until=now + lease()
    )
    anew = {
        field: getattr(fresh, field)
        for field in ("fingerprint", "attempt", "created_at", "leased_until", "status", "headers", "body", "is_erased")
    }
    calls = IdempotentCall.objects.filter(client=client, key=hashed)
    with transaction.atomic(durable=True):
        _lock(client.pk, shared=True)
        IdempotentCall.objects.bulk_create([fresh], ignore_conflicts=True)
        (calls.past() | calls.abandoned().filter(fingerprint=fingerprint)).update(**anew)
        found = calls.first()
    if found and found.fingerprint != fingerprint:
        raise IdempotencyKeyReused("This idempotency key was used for another call. Use a new key for each call.")
    if found and found.attempt == fresh.attempt:
        return Attempt(found.pk, found.attempt)
    if found is None or found.status is None:  # None: it has just ended with an answer that is not kept
        raise CallRunning("The first call with this idempotency key is still being carried out.")
    if found.is_erased:
        raise AnswerErased("This call was carried out. Its answer has been erased, because other data was.")
    return Answer(found.status, found.headers, found.body)


def finish(*, attempt: Attempt, answer: Answer) -> None:
    """Keep the answer, unless a repetition may well get another one, the attempt was taken over, or data was erased."""
    calls = IdempotentCall.objects.filter(pk=attempt.call, attempt=attempt.id)
    if answer.status >= 500 or answer.status in CHANGES:
        calls.delete()
        return
    kept = calls.filter(is_erased=False).update(status=answer.status, headers=answer.headers, body=answer.body)
    if not kept:
        calls.update(status=answer.status)


def forget_answers(*, client_id: int) -> None:
    """Erase what is kept of the client's answers, any of which may name whoever is erased now.

    Call it in the transaction that erases, after its other locks. Calls that run now will keep no answer, and others
    wait until the transaction has ended. Keys are remembered, so that no call is carried out twice.
    """
    with transaction.atomic():
        _lock(client_id, shared=False)
        calls = IdempotentCall.objects.filter(client_id=client_id, is_erased=False)
        calls.update(is_erased=True, headers={}, body="")


def purge() -> int:
    """Delete calls whose answers are no longer kept. Returns how many."""
    return IdempotentCall.objects.past().delete()[0]


def lease() -> timedelta:
    """Longer than any call takes once its body has been read: images are fetched, then a worker is waited for."""
    return timedelta(seconds=60 + 2 * settings.FACEAPP_WAIT_SECONDS)


def _lock(client_id: int, *, shared: bool) -> None:
    function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s, %s)", [LOCK, client_id])
