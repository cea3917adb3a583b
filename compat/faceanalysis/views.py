"""`/api/v1/register_user`, `token`, `upload_image`, `process_image`, `image_matches` and `images`."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from clients.authentication import client_of
from clients.models import Scope
from compat.faceanalysis import accounts, errors, payloads, services
from compat.faceanalysis.authentication import AccountAuthentication, read_basic
from compat.faceanalysis.models import Account
from compat.faceanalysis.throttling import RegistrationThrottle
from compat.views import DialectView
from rest.multipart import MultiPartParser
from rest.parsers import FormParser, JSONParser


class FaceAnalysisView(DialectView):
    """The caller has an account."""

    authentication_classes = [AccountAuthentication]
    parser_classes = [JSONParser, FormParser, MultiPartParser]
    scope_read = scope_write = Scope.ALBUMS
    refusals = errors.REFUSALS

    def answer_error(self, exc: Exception, context: dict[str, Any]) -> Response | HttpResponse | None:
        unauthenticated = isinstance(exc, errors.UNAUTHENTICATED)
        return errors.challenge() if unauthenticated else super().answer_error(exc, context)

    def write_error(self, exc: Exception, response: Response, word: str) -> dict[str, Any]:
        return errors.write_error(exc, response.data["detail"])


class RegisterView(FaceAnalysisView):
    """A new account, if the administrator lets people register themselves."""

    authentication_classes = []
    permission_classes = []

    def post(self, request: Request) -> Response:
        accounts.check_open()  # before anything is read for a caller whom nobody knows
        RegistrationThrottle().count(request)  # each costs the hash of a password
        username, password = (payloads.read_text(request, name) for name in ("username", "password"))
        account = accounts.register(username=username, password=password)
        return Response({"username": account.username}, status=201)


class TokenView(FaceAnalysisView):
    """A token for the caller's account. One that is sent is answered as it is: only a password gives a later one."""

    def get(self, request: Request) -> Response:
        if not isinstance(request.auth, Account):
            raise NotAuthenticated
        sent, _ = read_basic(request) or ("", "")
        is_token = accounts.account_of_token(sent) is not None
        return Response({"token": sent if is_token else accounts.token_of(request.auth)})


class UploadView(FaceAnalysisView):
    """Store an image."""

    takes_images = frozenset({"post"})

    def post(self, request: Request) -> Response:
        file, content_type = payloads.read_file(request)
        image = services.upload(client=client_of(request), file=file, content_type=content_type)
        return Response({"img_id": image.external_id})


class ProcessView(FaceAnalysisView):
    """Queue an image for the workers."""

    def post(self, request: Request) -> Response:
        image_id = payloads.read_text(request, "img_id")
        services.process(client=client_of(request), image_id=image_id)
        return Response({"img_id": image_id})


class StatusView(FaceAnalysisView):
    """The state of an image."""

    def get(self, request: Request, img_id: str) -> Response:
        return Response(payloads.write_status(services.get_image(client=client_of(request), image_id=img_id)))


class MatchesView(FaceAnalysisView):
    """Other images that show a person of this one."""

    def get(self, request: Request, img_id: str) -> Response:
        client = client_of(request)
        matches = services.matches_of(client=client, image_id=img_id)
        return Response(payloads.write_matches(matches, threshold=services.one_to_one(client)))


class ImagesView(FaceAnalysisView):
    """Every image whose processing has ended."""

    def get(self, request: Request) -> Response:
        return Response({"imgs": services.finished_images(client=client_of(request))})
