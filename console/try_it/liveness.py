"""Is somebody alive in front of the camera? A challenge with the webcam, or the passive score of one photograph."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from clients.authentication import client_of
from clients.models import Scope
from console.exceptions import NothingSent
from console.pages import ConsolePage
from console.problems import said
from console.try_it.answers import Answer
from console.try_it.pictures import Picture
from console.try_it.snippets import file_name, snippets
from console.try_it.tool import Tool
from liveness.exceptions import NotLive, SessionClosed
from liveness.models import Action
from liveness.services import get_session, passive_check, start_session, submit_frames
from vision.types import Upload

PURPOSE = "console"  # no call accepts a token that was made for it


class LivenessPage(Tool):
    tool, scope_write = "liveness", Scope.LIVENESS

    def answer(self, upload: Upload) -> Answer:
        found = passive_check(data=upload.data)
        name = file_name(upload.name)
        code = snippets(
            self.request._request,
            path="/api/v1/anti-spoof/",
            fields=[f"image=@{name}"],
            python=f'print(faces.liveness.check("{name}").is_fake)',
            answer={"status": "SUCCESS", **vars(found)},
        )
        outcome = _("A picture of a face, not a living person") if found.is_fake else _("Looks like a living person")
        share = _("%(share)s %% likely to be a fake; %(limit)s %% or more counts as one.") % {
            "share": round(found.fake_prob),
            "limit": round(100 * settings.ANTISPOOF_THRESHOLD),
        }
        return Answer(upload.name, Picture.of(upload), f"{outcome}. {share}", snippets=code)


class LivenessStart(ConsolePage):
    """A new challenge, as JSON for the script of the page: what to do, and where the frames go."""

    section, scope_write = "try", Scope.LIVENESS

    def post(self, request: Request) -> HttpResponse:
        session = start_session(client=client_of(request), purpose=PURPOSE, subject=f"user {request.user.pk}")
        steps = [{"action": action, "words": instruction(action)} for action in session.actions]
        frames = reverse("console:try-liveness-frames", args=[session.pk])
        response = JsonResponse({"frames": frames, "nonce": session.nonce, "steps": steps})
        response["Cache-Control"] = "private, no-store"
        return response


class LivenessFrames(ConsolePage):
    """The verdict on one attempt."""

    takes_images = frozenset({"post"})
    section, scope_write = "try", Scope.LIVENESS

    def post(self, request: Request, session_id: UUID) -> HttpResponse:
        session = get_session(client=client_of(request), session_id=session_id)
        frames = [file.read() for file in request.FILES.getlist("frames")]
        if not frames:
            raise NothingSent(_("The camera delivered no pictures."))
        problem = ""
        try:
            submit_frames(session=session, nonce=request.data.get("nonce", ""), frames=frames)
        except (NotLive, SessionClosed) as error:
            problem = said(error)
        return self.show("console/try/verdict.html", {"problem": problem, "frames": len(frames)})


def instruction(action: str) -> str:
    return {
        Action.TURN_LEFT: _("Turn your head to your left"),
        Action.TURN_RIGHT: _("Turn your head to your right"),
        Action.CENTRE: _("Look straight ahead"),
        Action.BLINK: _("Close your eyes for a moment"),
        Action.MOUTH_OPEN: _("Open your mouth"),
    }[Action(action)]
