"""Is a person in front of the camera? `/api/v1/liveness/sessions/` and `/anti-spoof/`."""

from __future__ import annotations

from collections.abc import Iterable

from faceapp_client.endpoints import D, Resource, call, form, given
from faceapp_client.results import LivenessSession, PassedSession, SpoofScore
from faceapp_client.retries import Flow, Request
from faceapp_client.uploads import ImageSource, part, parts

SESSIONS = "/api/v1/liveness/sessions/"


class Liveness(Resource[D]):
    """Challenges that a person answers in front of a camera, and the passive score of one image."""

    @call
    def start(
        self, purpose: str, subject: str, *, source: str | None = None, idempotency_key: str | None = None
    ) -> Flow[LivenessSession]:
        """A challenge. The token of the passed session is good for exactly this purpose and subject."""
        body = given(purpose=purpose, subject=subject, source=source)
        return self._answer(LivenessSession, Request("POST", SESSIONS, json=body).once(idempotency_key))

    @call
    def session(self, session_id: str) -> Flow[LivenessSession]:
        """A session as it stands."""
        return self._answer(LivenessSession, Request("GET", f"{SESSIONS}{session_id}/", idempotent=True))

    @call
    def submit(
        self,
        session: LivenessSession,
        frames: Iterable[ImageSource],
        *,
        image: ImageSource | None = None,
        idempotency_key: str | None = None,
    ) -> Flow[PassedSession]:
        """One attempt: frames in the order in which they were taken. Raises `InvalidInput` with what is wrong."""
        files = parts("frames", frames) + ([] if image is None else [part("image", image)])
        request = Request("POST", f"{SESSIONS}{session.id}/frames/", form=form(nonce=session.nonce), files=files)
        return self._answer(PassedSession, request.once(idempotency_key))

    @call
    def cancel(self, session_id: str) -> Flow[None]:
        """Cancel an open session."""
        return self._no_answer(Request("DELETE", f"{SESSIONS}{session_id}/"))

    @call
    def check(self, image: ImageSource) -> Flow[SpoofScore]:
        """How much the largest face looks like a print or a screen. Nothing is stored."""
        request = Request("POST", "/api/v1/anti-spoof/", files=[part("image", image)], idempotent=True)
        return self._answer(SpoofScore, request)
