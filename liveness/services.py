"""Passive scores and frames: whether images show a living person, under the policy of the client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.conf import settings

from clients.models import Client, LivenessPolicy
from faceapp.exceptions import InvalidInput
from liveness.exceptions import FaceNotFound
from liveness.types import FrameResult, FramesResult, PassiveResult, Policy
from vision import inference
from vision.engines import DEFAULT, engines
from vision.exceptions import EngineUnavailable
from vision.frames import repeats
from vision.similarity import AT_THRESHOLD, distance, similarity
from vision.types import DetectedFace, Embedding

Face = DetectedFace | Mapping[str, Embedding]  # or the embeddings of one, by space
MIN_FRACTION = 0.6  # of the frames that must count
FRAMES_REQUIRED, SPOOF, REPEATED, OTHER_FACE, NO_FACE = (
    f"liveness.{reason}" for reason in ("frames_required", "spoof", "repeated", "other_face", "no_face")
)


def policy_of(*, client: Client) -> Policy:
    """The client's own policy, else the deployment's; where nobody has set one: what can be checked here."""
    if chosen := client.liveness_policy or settings.LIVENESS_POLICY:
        return Policy(LivenessPolicy(chosen), demanded=True)
    return Policy(LivenessPolicy.BOTH if can_assess() else LivenessPolicy.FRAMES, demanded=False)


def can_assess() -> bool:
    """Whether passive scores can be had in this deployment."""
    return engines[DEFAULT].assesses_liveness()


def read_face(*, data: bytes) -> DetectedFace:
    """The largest face of an encoded image with embedding, passive score and what frames are compared by.

    Raises `InvalidImage`, `FaceNotFound` (`face.none`) or `EngineUnavailable`.
    """
    analysis = inference.analyse(data, aliases=[DEFAULT], liveness=True, frame=True)
    if not analysis.faces:
        raise FaceNotFound("No face was found in this image.", code="face.none")
    return max(analysis.faces, key=lambda face: face.box.area)


def passive_check(*, data: bytes) -> PassiveResult:
    """How much the largest face of an image looks presented. Raises as `read_face` and `assess` do."""
    return assess(face=read_face(data=data))


def assess(*, face: DetectedFace) -> PassiveResult:
    """The passive score of a face. Raises `EngineUnavailable` (`engine.weights_missing`) where there is none."""
    if face.liveness is None:
        message = "Passive scores need weights: run `python manage.py fetch_models --liveness`, restart the workers."
        raise EngineUnavailable(message, code="engine.weights_missing")
    fake = 1 - face.liveness
    return PassiveResult(fake_prob=round(100 * fake, 5), is_fake=fake >= settings.ANTISPOOF_THRESHOLD)


def alike(*, one: DetectedFace, other: Face) -> float:
    """Similarity of two faces on the service's scale, 0 to 1; 0.7 is the threshold of the default space."""
    space = engines[DEFAULT].space
    known = other.embeddings if isinstance(other, DetectedFace) else other
    apart = distance(one.embeddings[space.name], known[space.name], metric=space.metric)
    return similarity(distance=apart, metric=space.metric, threshold=space.thresholds[space.metric])


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
    seen = [_read_frame(data) for data in frames]
    looked_at = _look_at(frames, seen, known, policy, min_similarity)
    needed = min_frames or min_fraction * len(frames)
    reasons = [SPOOF] if passive and passive.is_fake else []
    if not frames and policy.frames and policy.demanded:
        reasons.append(FRAMES_REQUIRED)
    if frames and sum(result.counts for result in looked_at) < max(needed, 1):
        reasons += _lacking(looked_at)
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


def _read_frame(data: bytes) -> DetectedFace | str:
    """The face of a frame, or the code of the reason why it has none."""
    try:
        return read_face(data=data)
    except InvalidInput as error:
        return error.code


def _look_at(
    frames: Sequence[bytes], seen: Sequence[DetectedFace | str], known: Face, policy: Policy, least: float
) -> list[FrameResult]:
    repeated = [near or again for near, again in zip(repeats(_fingerprints(seen)), _again(frames), strict=True)]
    return [
        FrameResult(error=face) if isinstance(face, str) else _judge(face, again, known, policy, least)
        for face, again in zip(seen, repeated, strict=True)
    ]


def _judge(face: DetectedFace, repeated: bool, known: Face, policy: Policy, least: float) -> FrameResult:
    alikeness = alike(one=face, other=known)
    passive = assess(face=face) if policy.passive else None
    same = alikeness >= least
    of_person = not policy.frames or (same and not repeated)
    counts = of_person and not (passive and passive.is_fake)
    return FrameResult(counts, same, round(alikeness, 4), passive, repeated)


def _fingerprints(seen: Sequence[DetectedFace | str]) -> list[bytes]:
    return [face.frame.fingerprint if isinstance(face, DetectedFace) and face.frame else b"" for face in seen]


def _again(frames: Sequence[bytes]) -> list[bool]:
    return [data in frames[:index] for index, data in enumerate(frames)]


def _one_still(taken: DetectedFace, frames: Sequence[bytes], seen: Sequence[DetectedFace | str]) -> bool:
    """Whether frames and image together are one photograph: a single frame that is the image once more."""
    prints = _fingerprints([taken, *seen])
    return len(frames) == 1 and repeats(prints)[1]


def _lacking(results: Sequence[FrameResult]) -> list[str]:
    """What the frames that do not count lack."""
    return [code for result in results if not result.counts for code in _faults(result)]


def _faults(result: FrameResult) -> list[str]:
    if result.error:
        return [NO_FACE]
    fake = result.passive is not None and result.passive.is_fake
    faults = {REPEATED: result.repeated, OTHER_FACE: not result.same_person, SPOOF: fake}
    return [code for code, found in faults.items() if found]
