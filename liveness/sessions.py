"""Sessions: a challenge in front of a camera, the attempts to pass it, and the token for a passed one."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from datetime import timedelta
from math import ceil
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from audit.services import record
from audit.types import Action as Audited
from clients.idempotency import note_stored
from clients.models import Client
from errors import Busy, FaceAppError, InvalidInput, Unavailable
from liveness import challenge, tokens
from liveness.exceptions import (
    NO_FACE,
    OTHER_FACE,
    SPOOF,
    NotLive,
    SessionClosed,
    SessionNotFound,
    TokenRefused,
    TooManySessions,
)
from liveness.faces import compare, find_repeats, fingerprint_of, passive_result, point_of, read_face, read_frames
from liveness.models import Action, LivenessSession, SeenFrame, Status
from liveness.policy import policy_of
from liveness.querysets import SessionQuerySet
from liveness.types import Binding, Embeddings, SessionResult
from vectors.stored import from_store, to_store
from vision.engines import DEFAULT, engines
from vision.exceptions import UnusableFace
from vision.types import DetectedFace
from work.exceptions import NoImages, TooManyImages

TURNED_SIMILARITY = 0.6  # is enough for faces that are turned away, which are less similar
CLOSED = {  # why a session accepts no frames, by its state
    "open": ("liveness.too_many_attempts", "All attempts are in use."),
    "failed": ("liveness.too_many_attempts", "All attempts are used up. Start a new session."),
    "expired": ("liveness.expired", "The session has expired. Start a new one."),
    "passed": ("liveness.used", "The session has been passed. Start a new one."),
    "cancelled": ("liveness.cancelled", "The session was cancelled. Start a new one."),
}


@transaction.atomic
def start_session(*, client: Client, purpose: str, subject: str, source: str = "") -> LivenessSession:
    """A new challenge for one person (`subject`, such as an external id) and one purpose. Raises `TooManySessions`."""
    note_stored()
    Client.objects.select_for_update(no_key=True).get(pk=client.pk)  # no two share the last place
    sessions = LivenessSession.objects.of_client(client)
    _require_place(sessions.filter(subject=subject, source=source), settings.LIVENESS_SESSIONS_PER_SUBJECT)
    _require_place(sessions, settings.LIVENESS_SESSIONS_PER_CLIENT)
    return LivenessSession.objects.create(
        client=client,
        purpose=purpose,
        subject=subject,
        source=source,
        nonce=secrets.token_urlsafe(24),
        actions=challenge.new_challenge(expressions=settings.LIVENESS_68_POINTS),
        attempts_left=settings.LIVENESS_ATTEMPTS,
        expires_at=timezone.now() + timedelta(seconds=settings.LIVENESS_SESSION_SECONDS),
    )


def _require_place(sessions: SessionQuerySet, most: int) -> None:
    """Raise `TooManySessions` if so many of these are open; 0: no limit."""
    ends = list(sessions.open().values_list("expires_at", flat=True)[:most])
    if most and len(ends) == most:
        message = f"{most} sessions are open, which is the limit. Finish or cancel one, or wait until one expires."
        raise TooManySessions(message, retry_after=max(ceil((ends[0] - timezone.now()).total_seconds()), 1))


def get_session(*, client: Client, session_id: UUID) -> LivenessSession:
    """Raises `SessionNotFound`, also for another client's."""
    try:
        session: LivenessSession = LivenessSession.objects.of_client(client).get(pk=session_id)
    except LivenessSession.DoesNotExist as error:
        raise SessionNotFound("Liveness session not found") from error
    return session


def cancel_session(*, session: LivenessSession) -> None:
    """End an open session. Raises `SessionClosed` if it has ended already."""
    if not LivenessSession.objects.filter(pk=session.pk, status=Status.OPEN).update(status=Status.CANCELLED):
        raise _closed(session)


def submit_frames(
    *, session: LivenessSession, nonce: str, frames: Sequence[bytes], image: bytes | None = None
) -> SessionResult:
    """Judge the frames of one attempt, in the order in which they were taken; `image` must show the same person.

    Returns the result token. Raises `SessionClosed` (`liveness.expired`, `.used`, `.cancelled`, `.too_many_attempts`),
    `NotLive` with a code for each way to fail, what `read_face` raises for `image`, or `Busy` or `Unavailable`, which
    cost no attempt. No frame is stored.
    """
    if not frames:
        raise NoImages("No frames provided.")
    if len(frames) > settings.MAX_BATCH_IMAGES:
        message = f"{len(frames)} frames in one call; at most {settings.MAX_BATCH_IMAGES} are taken."
        raise TooManyImages(message)
    with transaction.atomic():
        note_stored()  # an attempt that its process did not survive is not made again
        if not LivenessSession.objects.take_attempt(session.pk):
            raise _closed(session)
    try:
        result = _judge_attempt(session, nonce, frames, image)
        _record(session, results=1)
        return result
    except FaceAppError as error:
        if isinstance(error, Busy | Unavailable):
            _give_back(session)
        else:
            LivenessSession.objects.note_failure(session.pk, error.code)
            _record(session, results=0)
        raise
    except BaseException:
        _give_back(session)
        raise


@transaction.atomic
def _give_back(session: LivenessSession) -> None:
    """As if the attempt had not been made."""
    LivenessSession.objects.give_attempt_back(session.pk)
    note_stored(False)


def _record(session: LivenessSession, *, results: int) -> None:
    """How many attempts passed: one or none."""
    record(Audited.LIVENESS, client_id=session.client_id, objects=[f"liveness_session:{session.pk}"], results=results)


def forget_subject(*, client: Client, subjects: Collection[str], sources: Collection[str]) -> int:
    """Erase the sessions about somebody who is being erased, with the faces that they hold. Returns how many."""
    found = LivenessSession.objects.filter(client=client, subject__in=subjects, source__in=sources)
    return found.delete()[0]


def redeem_token(*, client: Client, token: str, binding: Binding, face: Embeddings) -> None:
    """Use up a result token for `face`, the face that is enrolled or compared now.

    Call it in the transaction that stores what the token permits: if that fails, the token is valid again. Raises
    `TokenRefused` (`liveness.token_invalid`, `.token_expired`, `.token_used`, `.token_wrong_purpose`,
    `.token_wrong_subject`, `.token_other_face`) or `SessionNotFound` for a token of another client.
    """
    read = tokens.read(text=token)
    session = get_session(client=client, session_id=read.session_id)
    if session.purpose != binding.purpose:
        raise TokenRefused("The liveness token was made for another purpose.", code="liveness.token_wrong_purpose")
    if session.subject != binding.subject or session.source not in binding.sources:
        raise TokenRefused("The liveness token was made for another person.", code="liveness.token_wrong_subject")
    if session.redeemed_at is None:
        if session.embedding is None or session.space != engines[DEFAULT].space.name:
            raise TokenRefused("The liveness token has expired.", code="liveness.token_expired")
        kept = {session.space: from_store(session.embedding, client_id=client.pk, space=session.space)}
        if not compare(kept, face, point_of(client=client)).matches:
            raise TokenRefused("The liveness token was made for another face.", code="liveness.token_other_face")
    if not LivenessSession.objects.redeem(session.pk, read.token_id):
        raise TokenRefused("The liveness token has been used.", code="liveness.token_used")


def purge() -> int:
    """Forget faces whose token is useless, and old sessions and frames. Returns how many rows were deleted."""
    LivenessSession.objects.with_useless_embedding().update(embedding=None)
    ended = LivenessSession.objects.ended().delete()[0]
    return ended + SeenFrame.objects.forgotten().delete()[0]


def _closed(session: LivenessSession) -> SessionClosed:
    """Why a session accepts no frames, according to its current row."""
    session.refresh_from_db()
    code, message = CLOSED[session.state]
    return SessionClosed(message, code=code)


def _judge_attempt(session: LivenessSession, nonce: str, frames: Sequence[bytes], image: bytes | None) -> SessionResult:
    if not constant_time_compare(nonce, session.nonce):
        raise NotLive("The nonce is not that of this session.", code="liveness.wrong_nonce")
    faces: list[DetectedFace] = []
    for found in read_frames(frames=frames, alone=True, only_recognisable=False):
        if isinstance(found, UnusableFace):
            code = "liveness.several_faces" if found.code == "face.several" else NO_FACE
            raise NotLive("Every frame must show exactly one face.", code=code) from found
        if isinstance(found, InvalidInput):
            raise found
        faces.append(found)
    compared = read_face(data=image) if image is not None else None
    passive = [passive_result(face=face) for face in faces] if policy_of(client=session.client).passive else []
    _remember(session, frames, faces)
    if any(result.is_fake for result in passive):
        raise NotLive("A frame looks like a picture of a face.", code=SPOOF)
    front, point = challenge.most_frontal(faces), point_of(client=session.client)
    if compared and not compare(front.embeddings, compared.embeddings, point).matches:
        raise NotLive("The frames show another person than the image.", code=OTHER_FACE)
    for face in faces:
        same = compare(front.embeddings, face.embeddings, point)
        turned_away = Action.CENTRE not in challenge.shown(face)
        if not (face.is_recognisable or turned_away):
            raise NotLive("A frame shows a face that cannot be recognised.", code=NO_FACE)
        if not (same.matches or (turned_away and (same.similarity or 0.0) >= TURNED_SIMILARITY)):
            raise NotLive("The frames show more than one person.", code=OTHER_FACE)
    challenge.require_movement(faces=faces, repeated=find_repeats(frames, faces))
    challenge.require_order(actions=session.actions, faces=faces)
    return _pass(session, front)


def _remember(session: LivenessSession, frames: Sequence[bytes], faces: Sequence[DetectedFace]) -> None:
    """Store digests of the frames. Raises `NotLive` (`liveness.replayed`) if the client has shown one before."""
    attempt = uuid4()
    salt = f"liveness.frame.{session.client_id}"
    values = [fingerprint_of(face) or data for face, data in zip(faces, frames, strict=True)]
    digests = sorted({salted_hmac(salt, value, algorithm="sha256").hexdigest() for value in values})
    rows = [SeenFrame(client_id=session.client_id, digest=digest, attempt=attempt) for digest in digests]
    SeenFrame.objects.bulk_create(rows, ignore_conflicts=True)
    if SeenFrame.objects.filter(attempt=attempt).count() < len(digests):
        raise NotLive("Frames cannot be used a second time.", code="liveness.replayed")


def _pass(session: LivenessSession, front: DetectedFace) -> SessionResult:
    """One attempt of a session passes, and its face is kept until the token is used or useless.

    An attempt that began in time counts, even if another one has failed meanwhile.
    """
    token = tokens.Token(session.pk, secrets.token_urlsafe(18))
    now, space = timezone.now(), engines[DEFAULT].space.name
    undecided = LivenessSession.objects.filter(pk=session.pk, status__in=[Status.OPEN, Status.FAILED])
    passed = undecided.update(
        status=Status.PASSED,
        passed_at=now,
        token_id=token.token_id,
        space=space,
        embedding=to_store(front.embeddings[space], client_id=session.client_id, space=space),
    )
    if not passed:
        raise _closed(session)
    return SessionResult(tokens.sign(token=token), now + timedelta(seconds=settings.LIVENESS_TOKEN_SECONDS))
