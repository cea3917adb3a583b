"""Whether frames show a living person: a handful with a call, or a session with a challenge and its result token."""

from __future__ import annotations

import math
import secrets
from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import numpy as np
from django.conf import settings
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from clients.models import Client
from errors import FaceAppError, InvalidInput, Unavailable, Unprocessable
from liveness import challenge, tokens
from liveness.exceptions import FaceNotFound, NotLive, SessionClosed, SessionNotFound, TokenRefused
from liveness.models import Action, LivenessSession, SeenFrame, Status
from liveness.presence import Face, alike, assess, can_assess, passive_check, policy_of, read_face, read_frames
from liveness.types import FrameResult, FramesResult, Policy, SessionResult
from vision.engines import DEFAULT, engines
from vision.frames import repeats
from calibration.similarity import AT_THRESHOLD
from vision.types import DetectedFace, Embedding

__all__ = [
    "SPOOF",
    "alike",
    "assess",
    "can_assess",
    "cancel_session",
    "check_frames",
    "get_session",
    "passive_check",
    "policy_of",
    "purge",
    "read_face",
    "read_frames",
    "redeem_token",
    "start_session",
    "submit_frames",
]  # fmt: skip

MIN_FRACTION = 0.6  # of the frames that must count
ROUNDING = 1e-9  # 0.6 has no exact binary form
FRAMES_REQUIRED, SPOOF, REPEATED, OTHER_FACE, NO_FACE = (
    f"liveness.{reason}" for reason in ("frames_required", "spoof", "repeated", "other_face", "no_face")
)
TURNED_SIMILARITY = 0.6  # of one person's faces of which one is turned away
CLOSED = {  # why a session takes no frames, by its state
    "open": ("liveness.too_many_attempts", "All attempts are in use."),
    "failed": ("liveness.too_many_attempts", "All attempts are used up. Start a new session."),
    "expired": ("liveness.expired", "The session has expired. Start a new one."),
    "passed": ("liveness.used", "The session has been passed. Start a new one."),
    "cancelled": ("liveness.cancelled", "The session was cancelled. Start a new one."),
}


def check_frames(
    *,
    client: Client,
    reference: Face | bytes,
    frames: Sequence[bytes],
    probe: DetectedFace | bytes | None = None,
    min_fraction: float = MIN_FRACTION,
    min_frames: int = 0,
    min_similarity: float = AT_THRESHOLD,
) -> FramesResult:
    """Whether `frames` vouch for a living person, as far as the client's policy demands it. Call it for every request.

    `frames` must show the person of `reference` (an image, its face, or stored embeddings by space): `min_fraction` of
    them or, when `min_frames` is above 0, at least so many. A repeated still counts as a frame that shows nobody.
    `probe` is the image that was taken now, whose own passive score counts; the reference where none is given. A call
    without frames passes on passive scores alone, unless somebody has set a policy that demands frames. An unreadable
    frame shows nobody; an unreadable reference or probe raises as `read_face` does, and a missing passive score that
    is demanded as `assess` does.
    """
    policy = policy_of(client=client)
    known = _face_of(reference) if isinstance(reference, bytes) else reference
    taken = _taken(known, probe)
    passive = assess(face=taken) if policy.passive and taken else None
    seen = read_frames(frames=frames)
    looked_at = _look_at(frames, seen, known, policy, min_similarity)
    needed = min_frames or max(1, math.ceil(min_fraction * len(frames) - ROUNDING))
    reasons = [SPOOF] if passive and passive.is_fake else []
    if not frames and policy.frames and policy.demanded:
        reasons.append(FRAMES_REQUIRED)
    if frames and sum(result.counts for result in looked_at) < needed:
        reasons += _lacking(looked_at, policy)
    elif policy.frames and _one_still(taken, frames, seen):
        reasons.append(REPEATED)
    return FramesResult(not reasons, list(dict.fromkeys(reasons)), looked_at, passive, policy)


def _face_of(image: DetectedFace | bytes) -> DetectedFace:
    return read_face(data=image) if isinstance(image, bytes) else image


def _taken(known: Face, probe: DetectedFace | bytes | None) -> DetectedFace:
    if probe is not None:
        return _face_of(probe)
    if not isinstance(known, DetectedFace):
        raise TypeError("Stored embeddings have no passive score: give the probe that was compared with them.")
    return known


def _look_at(
    frames: Sequence[bytes], seen: Sequence[DetectedFace | InvalidInput], known: Face, policy: Policy, least: float
) -> list[FrameResult]:
    repeated = [near or again for near, again in zip(repeats(_fingerprints(seen)), _again(frames), strict=True)]
    return [
        FrameResult(error=face.code) if isinstance(face, InvalidInput) else _judge(face, again, known, policy, least)
        for face, again in zip(seen, repeated, strict=True)
    ]


def _judge(face: DetectedFace, repeated: bool, known: Face, policy: Policy, least: float) -> FrameResult:
    alikeness = alike(one=face, other=known)
    passive = assess(face=face) if policy.passive else None
    same = alikeness >= least
    of_person = not policy.frames or (same and not repeated)
    counts = of_person and not (passive and passive.is_fake)
    return FrameResult(counts, same, round(alikeness, 4), passive, repeated)


def _fingerprints(seen: Sequence[DetectedFace | InvalidInput]) -> list[bytes]:
    return [face.frame.fingerprint if isinstance(face, DetectedFace) and face.frame else b"" for face in seen]


def _again(frames: Sequence[bytes]) -> list[bool]:
    return [data in frames[:index] for index, data in enumerate(frames)]


def _one_still(taken: DetectedFace, frames: Sequence[bytes], seen: Sequence[DetectedFace | InvalidInput]) -> bool:
    """Whether frames and image together are one photograph: a single frame that is the image once more."""
    prints = _fingerprints([taken, *seen])
    return len(frames) == 1 and repeats(prints)[1]


def _lacking(results: Sequence[FrameResult], policy: Policy) -> list[str]:
    """What the frames that do not count lack."""
    return [code for result in results if not result.counts for code in _faults(result, policy)]


def _faults(result: FrameResult, policy: Policy) -> list[str]:
    if result.error:
        return [NO_FACE]
    fake = result.passive is not None and result.passive.is_fake
    of_frames = {REPEATED: result.repeated, OTHER_FACE: not result.same_person} if policy.frames else {}
    return [code for code, found in {**of_frames, SPOOF: fake}.items() if found]


# ---- sessions ---------------------------------------------------------------------------------------------------
def start_session(*, client: Client, purpose: str, subject: str, source: str = "") -> LivenessSession:
    """A new challenge for one person (`subject`, such as an external id) and one purpose."""
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


def get_session(*, client: Client, session_id: UUID) -> LivenessSession:
    """Raises `SessionNotFound`, also for another client's."""
    try:
        session: LivenessSession = LivenessSession.objects.of_client(client).get(pk=session_id)
    except LivenessSession.DoesNotExist as error:
        raise SessionNotFound("Liveness session not found") from error
    return session


def submit_frames(
    *, session: LivenessSession, nonce: str, frames: Sequence[bytes], image: bytes | None = None
) -> SessionResult:
    """Judge the frames of one attempt, in the order in which they were taken; `image` is to show the same person.

    Answers the result token. Raises `SessionClosed` (`liveness.expired`, `.used`, `.cancelled`, `.too_many_attempts`),
    `NotLive` with a code for each way to fail, what `read_face` raises for `image`, or `Unavailable`, which costs no
    attempt. No frame is stored.
    """
    _check_number(len(frames))
    if not LivenessSession.objects.take_attempt(session.pk):
        raise _closed(session)
    try:
        return _judge_attempt(session, nonce, frames, image)
    except NotLive as error:
        _note_failure(session, error.code)
        raise
    except FaceAppError as error:
        _note_failure(session, error.code, counts=not isinstance(error, Unavailable))
        raise
    except BaseException:
        LivenessSession.objects.give_attempt_back(session.pk)
        raise


def cancel_session(*, session: LivenessSession) -> None:
    """End an open session. Raises `SessionClosed` when it has ended already."""
    if not LivenessSession.objects.filter(pk=session.pk, status=Status.OPEN).update(status=Status.CANCELLED):
        raise _closed(session)


def redeem_token(
    *, client: Client, token: str, purpose: str, subject: str, face: Face, sources: Collection[str] = ("",)
) -> None:
    """Use up a result token for `face`, the face that is registered or compared now (or its embeddings by space).

    `sources` are the names of the subject's gallery, one of which the session was started for.

    Call it in the transaction that stores what the token permits: when that fails, the token is good again. Raises
    `TokenRefused` (`liveness.token_invalid`, `.token_expired`, `.token_used`, `.token_wrong_purpose`,
    `.token_wrong_subject`, `.token_other_face`) or `SessionNotFound` for a token of another client.
    """
    read = tokens.read(text=token)
    session = get_session(client=client, session_id=read.session_id)
    _check_binding(session, purpose, subject, sources)
    if session.redeemed_at is None and alike(one=_kept_face(session), other=face) < AT_THRESHOLD:
        raise TokenRefused("The liveness token was made for another face.", code="liveness.token_other_face")
    if not LivenessSession.objects.redeem(session.pk, read.token_id):
        raise TokenRefused("The liveness token has been used.", code="liveness.token_used")


def purge() -> int:
    """Forget faces whose token is useless, ended sessions and frames past their time. Returns how many rows went."""
    LivenessSession.objects.with_useless_embedding().update(embedding=None)
    ended = LivenessSession.objects.ended().delete()[0]
    return ended + SeenFrame.objects.forgotten().delete()[0]


def _check_number(count: int) -> None:
    if not count:
        raise InvalidInput("No frames provided.", code="images.none")
    if count > settings.MAX_BATCH_IMAGES:
        message = f"{count} frames in one call; at most {settings.MAX_BATCH_IMAGES} are taken."
        raise Unprocessable(message, code="images.too_many")


def _closed(session: LivenessSession) -> SessionClosed:
    """Why a session takes no frames, by its row as it is now."""
    session.refresh_from_db()
    code, message = CLOSED[session.state]
    return SessionClosed(message, code=code)


def _judge_attempt(session: LivenessSession, nonce: str, frames: Sequence[bytes], image: bytes | None) -> SessionResult:
    if not constant_time_compare(nonce, session.nonce):
        raise NotLive("The nonce is not this session's.", code="liveness.wrong_nonce")
    faces = [_session_face(found) for found in read_frames(frames=frames, alone=True)]
    compared = read_face(data=image) if image is not None else None
    passive = [assess(face=face) for face in faces] if policy_of(client=session.client).passive else []
    _remember(session, frames, faces)
    if any(result.is_fake for result in passive):
        raise NotLive("A frame looks like a picture of a face.", code=SPOOF)
    front = challenge.most_frontal(faces)
    _require_one_person(front, faces, compared)
    repeated = [near or again for near, again in zip(repeats(_fingerprints(faces)), _again(frames), strict=True)]
    challenge.require_movement(faces=faces, repeated=repeated)
    challenge.require_order(actions=session.actions, faces=faces)
    return _pass(session, front)


def _session_face(found: DetectedFace | InvalidInput) -> DetectedFace:
    if isinstance(found, FaceNotFound):
        code = "liveness.several_faces" if found.code == "face.several" else NO_FACE
        raise NotLive("Every frame must show exactly one face.", code=code) from found
    if isinstance(found, InvalidInput):
        raise found
    return found


def _remember(session: LivenessSession, frames: Sequence[bytes], faces: Sequence[DetectedFace]) -> None:
    """Write the frames down as seen. Raises `NotLive` (`liveness.replayed`) when the client has shown one before."""
    attempt = uuid4()
    salt = f"liveness.frame.{session.client_id}"
    content = (face.frame.fingerprint if face.frame else b"" for face in faces)
    values = (fingerprint or data for fingerprint, data in zip(content, frames, strict=True))
    digests = sorted({salted_hmac(salt, value, algorithm="sha256").hexdigest() for value in values})
    rows = [SeenFrame(client_id=session.client_id, digest=digest, attempt=attempt) for digest in digests]
    SeenFrame.objects.bulk_create(rows, ignore_conflicts=True)
    if SeenFrame.objects.filter(attempt=attempt).count() < len(digests):
        raise NotLive("Frames that were shown before are of no use.", code="liveness.replayed")


def _require_one_person(front: DetectedFace, faces: Sequence[DetectedFace], compared: DetectedFace | None) -> None:
    """Faces that are turned away are less alike, hence the other limit for them."""
    if compared and alike(one=front, other=compared) < AT_THRESHOLD:
        raise NotLive("The frames show somebody else than the image.", code=OTHER_FACE)
    limits = (AT_THRESHOLD if Action.CENTRE in challenge.shown(face) else TURNED_SIMILARITY for face in faces)
    if any(alike(one=front, other=face) < least for face, least in zip(faces, limits, strict=True)):
        raise NotLive("The frames show more than one person.", code=OTHER_FACE)


def _pass(session: LivenessSession, front: DetectedFace) -> SessionResult:
    """One attempt of a session passes, and its face is kept until the token is used or useless.

    An attempt counts that was begun in time, even when another one has failed meanwhile.
    """
    token = tokens.Token(session.pk, secrets.token_urlsafe(18))
    now, space = timezone.now(), engines[DEFAULT].space.name
    undecided = LivenessSession.objects.filter(pk=session.pk, status__in=[Status.OPEN, Status.FAILED])
    passed = undecided.update(
        status=Status.PASSED,
        passed_at=now,
        token_id=token.token_id,
        space=space,
        embedding=front.embeddings[space].astype(np.float32).tobytes(),
    )
    if not passed:
        raise _closed(session)
    return SessionResult(tokens.sign(token=token), now + timedelta(seconds=settings.LIVENESS_TOKEN_SECONDS))


def _note_failure(session: LivenessSession, code: str, *, counts: bool = True) -> None:
    """Say why in the row; the last attempt's failure ends the session."""
    if not counts:
        LivenessSession.objects.give_attempt_back(session.pk)
        return
    still_open = LivenessSession.objects.filter(pk=session.pk, status=Status.OPEN)
    still_open.update(last_code=code)
    still_open.filter(attempts_left=0).update(status=Status.FAILED)


def _kept_face(session: LivenessSession) -> dict[str, Embedding]:
    if session.embedding is None or session.space != engines[DEFAULT].space.name:
        raise TokenRefused("The liveness token has expired.", code="liveness.token_expired")
    return {session.space: np.frombuffer(bytes(session.embedding), np.float32)}


def _check_binding(session: LivenessSession, purpose: str, subject: str, sources: Collection[str]) -> None:
    if session.purpose != purpose:
        raise TokenRefused("The liveness token was made for another purpose.", code="liveness.token_wrong_purpose")
    if session.subject != subject or session.source not in sources:
        raise TokenRefused("The liveness token was made for somebody else.", code="liveness.token_wrong_subject")
