"""Sessions that are passed with the fake engine."""

from __future__ import annotations

from itertools import count

from clients.models import Client
from liveness.services import start_session, submit_frames
from liveness.tests.pictures import frame
from vision.tests.drawing import RED

poses = count()  # no still twice in a test run


def token_for(
    client: Client, *, purpose: str, subject: str, source: str = "", colour: tuple[int, int, int] = RED
) -> str:
    """The token of a session passed by the person of this colour."""
    session = start_session(client=client, purpose=purpose, subject=subject, source=source)
    frames = [frame(colour, turned=action, pose=next(poses)) for action in ("centre", *session.actions)]
    return submit_frames(session=session, nonce=session.nonce, frames=frames).token
