"""Evidence of a living person, wherever a face is enrolled or decides who somebody is.

Evidence is frames that come with the call, or the token of a liveness session. A token is good for one purpose, subject
and source, as its session was started for: `ENROL` and `VERIFY` for the external id (or, without one, the number) and
the gallery of the person, `COMPARE` for the subject that the caller names. A token replaces the frames only: whether
the image itself shows a picture of a face is still checked.

What a client's policy demands is due in every interface (`proof_due`). Only an administrator's import is exempt.
"""

from __future__ import annotations

from collections.abc import Sequence

from clients.models import Client
from liveness.exceptions import FRAMES_REQUIRED, OTHER_FACE, REQUIRED, SPOOF, NotLive
from liveness.services import check_frames, forget_subject, passive_result, policy_of, redeem_token
from liveness.types import Binding, Embeddings, FrameRules, FramesResult
from people.models import GalleryKind, Person
from people.querysets import DEFAULT_NAMES
from people.types import Portrait, Proof
from vision.types import DetectedFace

ENROL, VERIFY, COMPARE = "enrol", "verify", "compare"
NOT_CERTAIN = "It is not certain that a living person stands behind this image."


def demands_liveness(*, client: Client) -> bool:
    """Whether an administrator has set a policy, for the client or the deployment."""
    return policy_of(client=client).demanded


def proof_due(*, client: Client, proof: Proof | None) -> Proof | None:
    """The evidence to be checked: the caller's; without one, an empty one where a policy demands it, else None."""
    return proof or (Proof(asked=False) if demands_liveness(client=client) else None)


def proof_demanded(*, client: Client, proof: Proof | None) -> Proof | None:
    """The evidence that a policy demands; None where none does.

    Raises `NotLive` (`liveness.frames_required`) if frames and token are both missing, before the image is looked at:
    nobody learns without evidence whether faces match.
    """
    policy = policy_of(client=client)
    if not policy.demanded:
        return None
    if policy.frames and not (proof and (proof.frames or proof.token)):
        message = "The client's policy demands frames, or the token of a liveness session."
        raise NotLive(message, code=FRAMES_REQUIRED)
    return proof or Proof(asked=False)


def require_no_policy(*, client: Client) -> None:
    """Raise `NotLive` (`liveness.required`) where a policy demands evidence that this way to enrol cannot give."""
    if demands_liveness(client=client):
        raise NotLive("The client's policy demands liveness, which stored faces do not prove.", code=REQUIRED)


def require_live_series(*, client: Client, portraits: Sequence[Portrait], min_frames: int = 0) -> None:
    """Where a policy demands liveness: photographs taken one after the other must prove it as image and frames do.

    Each must show the person of the first. Raises `NotLive`.
    """
    if not demands_liveness(client=client):
        return
    first, *others = portraits
    proof = Proof([portrait.upload.data for portrait in others], asked=False, min_frames=min_frames)
    result = check_proof(
        client=client, proof=proof, reference=first.face.embeddings, probe=first.face, rules=FrameRules(min_frames)
    )
    if result is None:
        return
    reasons = result.reasons or [OTHER_FACE for frame in result.frames if not frame.same_person]
    if reasons:
        raise NotLive(NOT_CERTAIN, code=reasons[0])


def check_proof(
    *, client: Client, proof: Proof, reference: Embeddings, probe: DetectedFace, rules: FrameRules
) -> FramesResult | None:
    """Check the frames, `probe` being the image that was taken now. None if nothing had to be checked.

    Liveness is checked if the caller asks for it or the client's policy demands it, and the image's passive score
    whenever it is available; if neither asks, frames do not count. Raises as `check_frames` does.
    """
    policy = policy_of(client=client)
    if not (proof.asked or policy.demanded or policy.passive):
        return None
    frames = proof.frames if proof.asked or policy.demanded else ()
    return check_frames(client=client, reference=reference, frames=frames, probe=probe, rules=rules)


def require_live(*, client: Client, proof: Proof, face: DetectedFace, rules: FrameRules | None = None) -> None:
    """`check_proof` for a face that is enrolled or has matched. Raises `NotLive` with the code of what is wrong."""
    if proof.token:
        require_no_picture(client=client, face=face)
        return
    rules = rules or FrameRules(proof.min_frames)
    result = check_proof(client=client, proof=proof, reference=face.embeddings, probe=face, rules=rules)
    if result is not None and not result.is_live:
        raise NotLive(NOT_CERTAIN, code=result.reasons[0])


def require_no_picture(*, client: Client, face: DetectedFace) -> None:
    """The passive part of the client's policy, for calls with a token. Raises `NotLive` (`liveness.spoof`)."""
    if policy_of(client=client).passive and passive_result(face=face).is_fake:
        raise NotLive("The image looks like a picture of a face.", code=SPOOF)


def redeem_for(*, person: Person, token: str, purpose: str, face: Embeddings) -> None:
    """Use up a session's token for a person, in the transaction that stores. Raises as `redeem_token` does."""
    subject = person.external_id or str(person.number)
    binding = Binding(purpose, subject, _sources(person))
    redeem_token(client=person.client, token=token, binding=binding, face=face)


def forget_sessions(*, person: Person) -> int:
    """Erase the liveness sessions that name the person, by the external id or the number. Returns how many."""
    subjects = {person.external_id or "", str(person.number)} - {""}
    return forget_subject(client=person.client, subjects=subjects, sources=_sources(person))


def _sources(person: Person) -> list[str]:
    """What sessions may call the person's gallery."""
    gallery = person.gallery
    return [gallery.name, *(["", DEFAULT_NAMES[GalleryKind.PEOPLE]] if gallery.is_default else [])]
