"""Whether somebody who is alive stands behind an image: frames with the call, or the token of a liveness session.

A token is good for one purpose, person and source, as its session was started for: `ENROL` and `VERIFY` for the
external id (where there is none, the id) and the source of the person, `COMPARE` for the subject that the caller names.
"""

from __future__ import annotations

from clients.models import Client
from liveness.exceptions import NotLive
from liveness.services import check_frames, policy_of, redeem_token
from liveness.types import FramesResult
from people.models import Person
from people.types import Proof
from vision.types import DetectedFace, Embedding

ENROL, VERIFY, COMPARE = "enrol", "verify", "compare"
Face = DetectedFace | dict[str, Embedding]


def check_proof(*, client: Client, proof: Proof, reference: Face, probe: DetectedFace) -> FramesResult | None:
    """What the frames are worth, `probe` being the image that was taken now; None where nothing had to be checked.

    Who does not ask is checked all the same where the client's policy demands it, and so is the image's passive score
    where it can be had; the frames of such a call count only if they are demanded. Raises as `check_frames` does.
    """
    policy = policy_of(client=client)
    if not (proof.asked or policy.demanded or policy.passive):
        return None
    frames = proof.frames if proof.asked or policy.demanded else ()
    return check_frames(client=client, reference=reference, frames=frames, probe=probe, min_frames=proof.min_frames)


def require_live(*, client: Client, proof: Proof, face: DetectedFace) -> None:
    """`check_proof` for the face that is enrolled. Raises `NotLive` with the code of what is wrong."""
    result = check_proof(client=client, proof=proof, reference=face, probe=face)
    if result is not None and not result.is_live:
        raise NotLive("It is not certain that a living person stands behind this image.", code=result.reasons[0])


def redeem_for(*, person: Person, token: str, purpose: str, face: Face) -> None:
    """Use a session's token up for a person. In the transaction that stores; raises as `redeem_token` does."""
    subject = person.external_id or str(person.pk)
    redeem_token(client=person.client, token=token, purpose=purpose, subject=subject, source=person.source, face=face)
