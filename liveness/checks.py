"""System checks of the liveness settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, register
from django.core.checks import Warning as CheckWarning

from clients.models import LivenessPolicy
from liveness.policy import has_passive_scores
from vision.engines.liveness import NAMES

POSITIVE = ("LIVENESS_SESSION_SECONDS", "LIVENESS_TOKEN_SECONDS", "LIVENESS_ATTEMPTS")
FETCH = "Run `python manage.py fetch_models --liveness` and restart the workers."


@register()
def check_policy(**_: Any) -> list[CheckMessage]:
    """The policy exists, and what it demands can be checked in this deployment."""
    policy = settings.LIVENESS_POLICY
    if policy and policy not in LivenessPolicy.values:
        hint = f"Choose one of {', '.join(LivenessPolicy.values)}, or leave it empty."
        return [Error("FACEAPP_LIVENESS_POLICY is not a policy.", hint=hint, id="liveness.E001")]
    if policy not in (LivenessPolicy.PASSIVE, LivenessPolicy.BOTH) or _has_passive_scores():
        return []
    message = "FACEAPP_LIVENESS_POLICY demands passive scores, but their weights are missing."
    return [CheckWarning(message, hint=f"{FETCH} Until then such checks answer 503.", id="liveness.W001")]


@register(deploy=True)
def check_passive_scores(**_: Any) -> list[CheckMessage]:
    """Reports that liveness means frames only in this deployment."""
    if settings.LIVENESS_POLICY or _has_passive_scores():
        return []
    message = "Liveness checks look at frames only, because the weights for passive scores are missing."
    return [Info(message, hint=FETCH, id="liveness.I001")]


def _has_passive_scores() -> bool:
    try:
        return has_passive_scores()
    except Exception:  # the engine cannot be built, which vision.E002 reports
        return True


@register()
def check_model(**_: Any) -> list[CheckMessage]:
    """The network that is named exists, and so does the file of a network trained here."""
    problems: list[CheckMessage] = []
    if settings.ANTISPOOF and settings.ANTISPOOF not in NAMES:
        hint = f"Choose one of {', '.join(NAMES)}, or leave it empty."
        problems.append(Error("FACEAPP_ANTISPOOF is not a network.", hint=hint, id="liveness.E004"))
    if settings.ANTISPOOF_MODEL and not Path(settings.ANTISPOOF_MODEL).is_file():
        hint = "Create one with `python manage.py train_antispoof`, or leave it empty."
        problems.append(Error("FACEAPP_ANTISPOOF_MODEL does not name a file.", hint=hint, id="liveness.E002"))
    return problems


@register()
def check_numbers(**_: Any) -> list[CheckMessage]:
    """Times and attempts are positive, the threshold is a probability."""
    wrong = [name for name in POSITIVE if getattr(settings, name) < 1]
    wrong += ["LIVENESS_REPLAY_DAYS"] if settings.LIVENESS_REPLAY_DAYS < 0 else []
    wrong += [] if 0 < settings.ANTISPOOF_THRESHOLD <= 1 else ["ANTISPOOF_THRESHOLD"]
    hint = "Unset it for the default."
    return [Error(f"FACEAPP_{name} is out of range.", hint=hint, id="liveness.E003") for name in wrong]
