"""Frames that come with a call: whether they show a living person."""

from __future__ import annotations

import math
from collections.abc import Sequence

from calibration.types import Comparison
from clients.models import Client
from errors import InvalidInput
from liveness.exceptions import FRAMES_REQUIRED, NO_FACE, OTHER_FACE, REPEATED, SPOOF
from liveness.faces import compare, find_repeats, fingerprint_of, passive_result, point_of, read_frames
from liveness.policy import policy_of
from liveness.types import Embeddings, FrameResult, FrameRules, FramesResult, Policy
from vision.frames import repeats
from vision.types import DetectedFace

DEFAULT_RULES = FrameRules()


def check_frames(
    *,
    client: Client,
    reference: Embeddings,
    probe: DetectedFace,
    frames: Sequence[bytes],
    rules: FrameRules = DEFAULT_RULES,
) -> FramesResult:
    """Whether `frames` prove a living person, as far as the client's policy demands it. Call it for every request.

    As many frames as `rules` asks for must show the person of `reference`; unreadable frames and repeated stills do not
    count. Where a face is matched too, give the operating point of the match, so that one threshold decides both.
    `probe` is the face of the image taken now, whose own passive score counts. A call without frames passes on passive
    scores alone, unless a policy demands frames.

    Raises `EngineUnavailable` if a passive score is demanded and missing, and `Unavailable` if no worker answers.
    """
    policy = policy_of(client=client)
    passive = passive_result(face=probe) if policy.passive else None
    point = rules.point or point_of(client=client, alias=rules.alias)
    faces = read_frames(frames=frames, alias=rules.alias)
    results = [
        FrameResult([NO_FACE], error=face.code)
        if isinstance(face, InvalidInput)
        else _judge(face, compare(face.embeddings, reference, point, alias=rules.alias), policy, repeated=again)
        for face, again in zip(faces, find_repeats(frames, faces), strict=True)
    ]
    needed = rules.min_frames or math.ceil(3 * len(frames) / 5)
    reasons = [SPOOF] if passive and passive.is_fake else []
    if not frames and policy.frames and policy.demanded:
        reasons.append(FRAMES_REQUIRED)
    if frames and sum(result.counts for result in results) < needed:
        reasons += [reason for result in results for reason in result.reasons]
    elif policy.frames and len(frames) == 1 and repeats([fingerprint_of(face) for face in (probe, *faces)])[1]:
        reasons.append(REPEATED)  # image and frame together are one photograph
    return FramesResult(not reasons, list(dict.fromkeys(reasons)), results, passive, policy)


def _judge(face: DetectedFace, compared: Comparison, policy: Policy, *, repeated: bool) -> FrameResult:
    passive = passive_result(face=face) if policy.passive else None
    found = {
        REPEATED: policy.frames and repeated,
        OTHER_FACE: policy.frames and not compared.matches,
        SPOOF: passive is not None and passive.is_fake,
    }
    reasons = [code for code, applies in found.items() if applies]
    return FrameResult(reasons, compared.matches, round(compared.similarity or 0.0, 4), passive, repeated)
