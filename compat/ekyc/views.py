"""`/check-2-face`, `/face-otp`, `/register-face`, `/search`, `/api/v2/search`, `/remove`, and their neighbours."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from clients.authentication import client_of
from clients.models import Scope
from compat.ekyc import errors, payloads
from compat.ekyc.exceptions import BadArguments
from compat.views import DialectView
from liveness.services import check_actions, passive_check
from people import services
from people.types import EnrolmentRules, Gate, Probe, SearchOptions, Whom
from recognition.services import detect_faces
from rest.parsers import JSONParser
from vision.types import Upload
from work.types import Submission


class EkycView(DialectView):
    """`nothing` is what an answer has in addition to `status` when a call fails, for callers that read every key."""

    takes_images = frozenset({"post"})
    parser_classes = [JSONParser]
    refusals = errors.REFUSALS
    nothing: ClassVar[dict[str, Any]] = {}

    def answer_error(self, exc: Exception, context: dict[str, Any]) -> Response | HttpResponse | None:
        unreadable = isinstance(exc, errors.UNREADABLE_BODY)
        return super().answer_error(BadArguments({"body": errors.BODY}) if unreadable else exc, context)

    def write_error(self, exc: Exception, response: Response, word: str) -> dict[str, Any]:
        code, text = response.data["code"], str(response.data["detail"])
        return self.nothing | payloads.write_failure(word or "ERROR", exc, text) | {"code": code}


class CompareView(EkycView):
    """Two images."""

    scope_write = Scope.PEOPLE_SEARCH
    nothing: ClassVar[dict[str, Any]] = {
        "compare_result": None, "similator_percent": None, "feature_vector": [], "is_live": None,
    }  # fmt: skip

    def post(self, request: Request) -> Response:
        pair = payloads.read_pair(request.data)
        result = services.compare_live(client=client_of(request), known=pair.known, data=pair.taken, proof=pair.proof)
        return Response(payloads.write_comparison(result))


class OtpView(CompareView):
    """An image against a registered person, or against another image."""

    def post(self, request: Request) -> Response:
        given, client = payloads.read_pair_or_claim(request.data), client_of(request)
        if isinstance(given, payloads.Claim):
            person = services.find_person(client=client, external_id=given.people_id, source=given.source)
            result = services.verify_live(person=person, data=given.taken, proof=given.proof)
        else:
            result = services.compare_live(client=client, known=given.known, data=given.taken, proof=given.proof)
        return Response(payloads.write_comparison(result))


class RegisterView(EkycView):
    """One face for an id and a source. It replaces an earlier one."""

    scope_write = Scope.PEOPLE_WRITE
    refusals = errors.OF_REGISTRATION

    def post(self, request: Request) -> Response:
        new = payloads.read_registration(request.data)
        whom = Whom(external_id=new.people_id, source=new.source, metadata=new.metadata)
        rules = EnrolmentRules(replace=True, face_choice="largest", gate=Gate(settings.EKYC_QUALITY_GATE))
        enrolment = services.enrol_face(
            client=client_of(request), upload=Upload(new.image), whom=whom, rules=rules, proof=new.proof
        )
        return Response(payloads.write_registration(enrolment.person))


class SearchView(EkycView):
    """Whose face is it?"""

    scope_write = Scope.PEOPLE_SEARCH
    nothing: ClassVar[dict[str, Any]] = {"data": []}

    def post(self, request: Request) -> Response:
        image, source = payloads.read_search(request.data)
        options = SearchOptions(sources=[source], faces="largest")
        found = services.search_people(client=client_of(request), probe=Probe(image), options=options)
        return Response(payloads.write_search(found.faces[0]))


class BatchView(SearchView):
    """The same for several images. A bad one fails alone."""

    def post(self, request: Request) -> Response:
        batch = payloads.read_batch(request.data)
        results = services.search_each(client=client_of(request), images=batch.images)
        return Response(payloads.write_batch(batch.names, results))


class RemoveView(EkycView):
    """Erase a person with face and image."""

    scope_write = Scope.PEOPLE_WRITE
    for_managers = to_confirm = frozenset({"post"})

    def post(self, request: Request) -> Response:
        people_id, source = payloads.read_removal(request.data)
        person = services.find_person(client=client_of(request), external_id=people_id, source=source)
        services.erase_person(person=person, everywhere=settings.EKYC_ERASE_EVERYWHERE)
        return Response(payloads.write_person(people_id, person.gallery.name))


class DetectView(EkycView):
    """Where the faces of an image are. Nothing is stored."""

    scope_write = Scope.DETECT
    nothing: ClassVar[dict[str, Any]] = {"data": []}

    def post(self, request: Request) -> Response:
        image = payloads.read_image_alone(request.data)
        return Response(payloads.write_detection(detect_faces(submission=Submission("", image)).faces))


class AntiSpoofView(EkycView):
    """How much an image looks like a picture of a face."""

    scope_write = Scope.LIVENESS
    refusals = errors.OF_REGISTRATION
    nothing: ClassVar[dict[str, Any]] = {"fake_prob": None, "is_fake": None}

    def post(self, request: Request) -> Response:
        return Response(payloads.write_passive(passive_check(data=payloads.read_image_alone(request.data))))


class ActionsView(EkycView):
    """Whether frames show what a person was asked to do, and the person of an image."""

    scope_write = Scope.LIVENESS
    nothing: ClassVar[dict[str, Any]] = {"cmds": []}

    def post(self, request: Request) -> Response:
        image, commands = payloads.read_commands(request.data)
        asked = [(payloads.COMMANDS[name.upper()], frames) for name, frames in commands]
        results = check_actions(client=client_of(request), image=image, asked=asked)
        named = zip((name for name, _ in commands), results, strict=True)
        return Response(payloads.write_commands(list(named)))
