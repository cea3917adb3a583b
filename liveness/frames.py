"""Frames that come with a call: whether they show a living person."""

from __future__ import annotations

import math
from collections.abc import Sequence

from calibration.types import OperatingPoint
from clients.models import Client
from errors import InvalidInput
from liveness.exceptions import FRAMES_REQUIRED, NO_FACE, OTHER_FACE, REPEATED, SPOOF
from liveness.faces import compare, default_point, find_repeats, fingerprint_of, passive_result, read_frames
from liveness.policy import policy_of
from liveness.types import Embeddings, FrameResult, FramesResult, Policy
from vision.frames import repeats
from vision.types import DetectedFace


def check_frames(
    *, client: Client, reference: Embeddings, probe: DetectedFace, frames: Sequence[bytes], min_frames: int = 0
) -> FramesResult:
    """Whether `frames` prove a living person, as far as the client's policy demands it. Call it for every request.

    Three of five frames must show the person of `reference` at the client's operating point, or `min_frames` of them
    if that is above 0; unreadable frames and repeated stills do not count. `probe` is the face of the image taken now,
    whose own passive score counts. A call without frames passes on passive scores alone, unless a policy demands
    frames.

    Raises `EngineUnavailable` if a passive score is demanded and missing, and `Unavailable` if no worker answers.
    """
    policy = policy_of(client=client)
    passive = passive_result(face=probe) if policy.passive else None
    faces = read_frames(frames=frames)
    repeated, point = find_repeats(frames, faces), default_point(client=client)
    results = [_judge(face, again, reference, policy, point) for face, again in zip(faces, repeated, strict=True)]
    needed = min_frames or math.ceil(3 * len(frames) / 5)
    reasons = [SPOOF] if passive and passive.is_fake else []
    if not frames and policy.frames and policy.demanded:
        reasons.append(FRAMES_REQUIRED)
    if frames and sum(result.counts for result in results) < needed:
        reasons += [reason for result in results for reason in result.reasons]
    elif policy.frames and len(frames) == 1 and repeats([fingerprint_of(face) for face in (probe, *faces)])[1]:
        reasons.append(REPEATED)  # image and frame together are one photograph
    return FramesResult(not reasons, list(dict.fromkeys(reasons)), results, passive, policy)


def _judge(
    face: DetectedFace | InvalidInput, repeated: bool, reference: Embeddings, policy: Policy, point: OperatingPoint
) -> FrameResult:
    if isinstance(face, InvalidInput):
        return FrameResult([NO_FACE], error=face.code)
    compared = compare(face.embeddings, reference, point)
    passive = passive_result(face=face) if policy.passive else None
    found = {
        REPEATED: policy.frames and repeated,
        OTHER_FACE: policy.frames and not compared.matches,
        SPOOF: passive is not None and passive.is_fake,
    }
    reasons = [code for code, applies in found.items() if applies]
    return FrameResult(reasons, compared.matches, round(compared.similarity, 4), passive, repeated)
