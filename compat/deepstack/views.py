"""`/v1/vision/face` and the routes below it."""

from __future__ import annotations

import time
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from clients.authentication import client_of
from clients.models import Scope
from compat.deepstack import errors, payloads, services
from compat.deepstack.authentication import DeepStackKeyAuthentication
from compat.similarity import decided_similarity
from compat.views import DialectView
from rest.multipart import MultiPartParser
from rest.parsers import FormParser, JSONParser


class DeepStackView(DialectView):
    """Answers are objects with `success`, and say how long they took."""

    authentication_classes = [DeepStackKeyAuthentication]
    parser_classes = [MultiPartParser, FormParser, JSONParser]
    refusals = errors.REFUSALS
    began = 0.0

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.began = time.monotonic()
        super().initial(request, *args, **kwargs)

    def answer(self, **members: Any) -> Response:
        seconds = time.monotonic() - self.began
        milliseconds = {"inferenceMs": int(seconds * 1000), "processMs": int(seconds * 1000)}
        return Response({"success": True, **members, "code": 200, "duration": round(seconds, 3), **milliseconds})

    def write_error(self, exc: Exception, response: Response, word: str) -> dict[str, Any]:
        return errors.write_error(response, word)


class DetectView(DeepStackView):
    """Where the faces of an image are."""

    scope_write = Scope.DETECT
    takes_images = frozenset({"post"})

    def post(self, request: Request) -> Response:
        least = payloads.read_confidence(request)
        return self.answer(**payloads.write_faces(services.detect(data=payloads.read_image(request), least=least)))


class RecogniseView(DeepStackView):
    """Whose they are."""

    scope_write = Scope.PEOPLE_SEARCH
    takes_images = frozenset({"post"})

    def post(self, request: Request) -> Response:
        least, data = payloads.read_confidence(request), payloads.read_image(request)
        found = services.recognise(client=client_of(request), data=data)
        return self.answer(**payloads.write_known(found, least=least))


class RegisterView(DeepStackView):
    """Photographs of a person, who may be new."""

    scope_write = Scope.PEOPLE_WRITE
    takes_images = frozenset({"post"})

    def post(self, request: Request) -> Response:
        user, uploads = payloads.read_user(request), payloads.read_images(request)
        is_new, refused = services.register(client=client_of(request), user=user, uploads=uploads)
        skipped = {"skipped": [refusal.message for refusal in refused]} if refused else {}
        return self.answer(message="face added" if is_new else "face updated", **skipped)


class ListView(DeepStackView):
    """Who is known."""

    scope_read = scope_write = Scope.PEOPLE_READ

    def post(self, request: Request) -> Response:
        return self.answer(faces=services.users(client=client_of(request)))

    get = post


class DeleteView(DeepStackView):
    """Erase a person."""

    scope_write = Scope.PEOPLE_WRITE
    for_managers = to_confirm = frozenset({"post"})

    def post(self, request: Request) -> Response:
        services.forget(client=client_of(request), user=payloads.read_user(request))
        return self.answer()


class MatchView(DeepStackView):
    """Two images."""

    scope_write = Scope.PEOPLE_MATCH
    takes_images = frozenset({"post"})

    def post(self, request: Request) -> Response:
        first, second = payloads.read_pair(request)
        compared = services.match(client=client_of(request), first=first, second=second)
        return self.answer(similarity=decided_similarity(compared))
