"""What a client's liveness checks demand."""

from __future__ import annotations

from django.conf import settings

from clients.models import Client, LivenessPolicy
from liveness.types import Policy
from vision.engines import DEFAULT, engines


def policy_of(*, client: Client) -> Policy:
    """The client's own policy, else the deployment's; if neither is set, whatever can be checked here."""
    if chosen := client.liveness_policy or settings.LIVENESS_POLICY:
        return Policy(LivenessPolicy(chosen), demanded=True)
    return Policy(LivenessPolicy.BOTH if has_passive_scores() else LivenessPolicy.FRAMES, demanded=False)


def has_passive_scores() -> bool:
    """Whether this deployment can tell living faces from presented pictures."""
    return engines[DEFAULT].assesses_liveness()
