"""What the pages of *Try it* have in common."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.request import Request

from clients.models import Scope
from console.exceptions import NothingSent
from console.pages import ConsolePage
from console.problems import said
from console.try_it.answers import Answer
from console.try_it.pictures import Picture
from errors import FaceAppError, InvalidInput
from vision.types import Upload
from work.exceptions import TooManyImages

MOST = 20  # files of one form; scripts send each by itself
TOOLS = (
    ("who", gettext_lazy("Who is this?")),
    ("compare", gettext_lazy("Compare")),
    ("detect", gettext_lazy("Detect")),
    ("screen", gettext_lazy("Screen")),
    ("liveness", gettext_lazy("Liveness")),
)


class Tool(ConsolePage):
    """A page that takes photographs and answers below them. `scope_write` is what the API asks for the same call."""

    takes_images = frozenset({"post"})
    section = "try"
    tool = ""
    scope_write: ClassVar[Scope]

    def get(self, request: Request) -> HttpResponse:
        return self.show_tool()

    def post(self, request: Request) -> HttpResponse:
        uploads = self.uploads("image")
        return self.show_answers([self.attempt(upload, alone=len(uploads) == 1) for upload in uploads])

    def attempt(self, upload: Upload, *, alone: bool) -> Answer:
        """A file that cannot be used fails alone. What the service cannot do now fails for a single file altogether."""
        try:
            return self.answer(upload)
        except InvalidInput as error:
            return Answer(upload.name, Picture.if_readable(upload), problem=said(error))
        except FaceAppError as error:
            if alone:
                raise
            return Answer(upload.name, problem=said(error), retry=True)

    def answer(self, upload: Upload) -> Answer:
        """Raises `FaceAppError`."""
        raise NotImplementedError

    def uploads(self, field: str) -> list[Upload]:
        """The files of a field. Raises `NothingSent` or `TooManyImages`."""
        files = self.request.FILES.getlist(field)
        if not files:
            raise NothingSent(_("Choose a photograph first."))
        if len(files) > MOST:
            raise TooManyImages(_("Send at most %(most)s photographs at once.") % {"most": MOST})
        return [Upload(file.read(), file.name or "") for file in files]

    def show_answers(self, answers: list[Answer]) -> HttpResponse:
        if self.request._request.htmx:  # type: ignore[attr-defined]
            return self.show("console/try/answers.html", self.offers() | {"tool": self.tool, "answers": answers})
        return self.show_tool(answers=answers)

    def show_tool(self, **context: Any) -> HttpResponse:
        shown = {"tools": TOOLS, "tool": self.tool, "may_try": self.may(self.scope_write)}
        return self.show(f"console/try/{self.tool}.html", shown | self.offers() | context)

    def offers(self) -> dict[str, bool]:
        """What can be done with a face that was found."""
        return {}
