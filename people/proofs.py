"""Whether somebody who is alive stands behind an image: frames with the call, or the token of a liveness session.

A token is good for one purpose, person and source, as its session was started for: `ENROL` and `VERIFY` for the
external id (where there is none, the id) and the source of the person, `COMPARE` for the subject that the caller names.
It stands in for frames only: whether the image itself is a presented picture is looked at all the same.
"""

from __future__ import annotations

from clients.models import Client
from liveness.exceptions import SPOOF, NotLive
from liveness.services import check_frames, passive_result, policy_of, redeem_token
from liveness.types import Binding, Embeddings, FramesResult
from people.models import Person
from people.types import Proof
from vision.types import DetectedFace

ENROL, VERIFY, COMPARE = "enrol", "verify", "compare"


def check_proof(*, client: Client, proof: Proof, reference: Embeddings, probe: DetectedFace) -> FramesResult | None:
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
    if proof.token:
        require_no_picture(client=client, face=face)
        return
    result = check_proof(client=client, proof=proof, reference=face.embeddings, probe=face)
    if result is not None and not result.is_live:
        raise NotLive("It is not certain that a living person stands behind this image.", code=result.reasons[0])


def require_no_picture(*, client: Client, face: DetectedFace) -> None:
    """The passive part of the client's policy, for calls with a token. Raises `NotLive` (`liveness.spoof`)."""
    if policy_of(client=client).passive and passive_result(face=face).is_fake:
        raise NotLive("The image looks like a picture of a face.", code=SPOOF)


def redeem_for(*, person: Person, token: str, purpose: str, face: Embeddings) -> None:
    """Use a session's token up for a person. In the transaction that stores; raises as `redeem_token` does."""
    subject = person.external_id or str(person.pk)
    redeem_token(client=person.client, token=token, binding=Binding(purpose, subject, [person.source]), face=face)
