"""What other apps ask of liveness: frames that come with a call, sessions with a challenge, passive scores."""

from liveness.actions import check_actions
from liveness.faces import passive_check, passive_result, read_face, read_frames
from liveness.frames import check_frames
from liveness.policy import policy_of
from liveness.sessions import (
    cancel_session,
    forget_subject,
    get_session,
    purge,
    redeem_token,
    start_session,
    submit_frames,
)

__all__ = [
    "cancel_session",
    "check_actions",
    "check_frames",
    "forget_subject",
    "get_session",
    "passive_check",
    "passive_result",
    "policy_of",
    "purge",
    "read_face",
    "read_frames",
    "redeem_token",
    "start_session",
    "submit_frames",
]  # fmt: skip
