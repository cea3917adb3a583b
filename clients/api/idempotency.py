"""`Idempotency-Key`: a POST that stores can be sent again, and is carried out once."""

from __future__ import annotations

import json
import logging
import re
from typing import Any, ClassVar, Protocol
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.db import Error
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.crypto import salted_hmac
from django.utils.datastructures import MultiValueDict
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from clients import idempotency
from clients.authentication import client_of
from clients.exceptions import AnswerGone, UnusableIdempotencyKey

logger = logging.getLogger(__name__)

HEADER, REPLAYED = "Idempotency-Key", "Idempotent-Replayed"
KEY = re.compile(r"[\x20-\x7e]{1,255}")
KEPT_HEADERS = ("Location", "Preference-Applied", "Retry-After")
CHUNK = 64 * 1024  # bytes


class Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


class Replayed(Exception):
    """The call has been answered before."""

    def __init__(self, answer: idempotency.Answer) -> None:
        super().__init__()
        self.answer = answer


class IdempotentView(APIView):
    """A viewset whose POSTs take an `Idempotency-Key`, after authentication, permissions and throttles.

    `stores_nothing`: actions that ignore it.
    """

    stores_nothing: ClassVar[frozenset[str]] = frozenset()
    _attempt: idempotency.Attempt | None = None

    @property
    def takes_idempotency_key(self) -> bool:
        """Whether the current action, as a POST, does."""
        action = getattr(self, "action", None)
        return action is not None and action not in self.stores_nothing

    def get_parser_context(self, http_request: HttpRequest) -> dict[str, Any]:
        self._digest: Digest = salted_hmac(idempotency.SALT, b"", algorithm="sha256")
        context: dict[str, Any] = super().get_parser_context(http_request)
        return context | ({"digest": self._digest} if self.wants_digest(http_request) else {})

    def wants_digest(self, http_request: HttpRequest) -> bool:
        """Whether the body has to be told from others."""
        return HEADER in http_request.headers

    def idempotency_key(self, request: Request) -> str | None:
        """What names the call; None if the caller gave nothing. Raises `UnusableIdempotencyKey`."""
        return read_key(request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        key = self.idempotency_key(request) if request.method == "POST" and self.takes_idempotency_key else None
        if key is None:
            return
        begun = idempotency.begin(client=client_of(request), key=key, fingerprint=_fingerprint(request, self._digest))
        if isinstance(begun, idempotency.Answer):
            raise Replayed(begun)
        self._attempt = begun
        idempotency.current.set(begun)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, Replayed):
            answer = exc.answer
            body = json.loads(answer.body) if answer.body else None
            return Response(body, status=answer.status, headers=answer.headers | {REPLAYED: "true"})
        if isinstance(exc, AnswerGone) and exc.job and (response := self.answer_with_job(exc.job)):
            response.headers[REPLAYED] = "true"
            return response
        return super().handle_exception(exc)

    def answer_with_job(self, job: UUID) -> Response | None:
        """What a repetition is answered whose first call stored this job, and was not answered itself."""
        return None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = None
        try:
            response = super().dispatch(request, *args, **kwargs)
        finally:
            idempotency.current.set(None)
            if self._attempt:
                self._finish(self._attempt, response)
        return response

    def _finish(self, attempt: idempotency.Attempt, response: Any) -> None:
        answer = idempotency.Answer(500, {}, "")  # unless there is one
        if response is not None:
            headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
            answer = idempotency.Answer(response.status_code, headers, JSONRenderer().render(response.data).decode())
        try:
            idempotency.finish(attempt=attempt, answer=answer)
        except Error as error:  # the work is done: the caller gets the answer all the same
            logger.warning("The answer of an idempotent call is not kept: %s", type(error).__name__)


def read_key(request: Request) -> str | None:
    """The idempotency key as sent; None if none was sent. Raises `UnusableIdempotencyKey`."""
    key: str | None = request.headers.get(HEADER)
    if key is not None and not KEY.fullmatch(key):
        raise UnusableIdempotencyKey("An idempotency key has 1 to 255 printable ASCII characters.")
    return key


def _fingerprint(request: Request, digest: Digest) -> str:
    """Of method, path, query and body. JSON counts as it was sent, which the parser has seen; a form by its parts,
    because programs draw a new boundary each time."""
    data = request.data
    if isinstance(data, MultiValueDict):
        _digest_form(digest, data)
    call = [request.method, request.path_info, request.META.get("QUERY_STRING", ""), digest.hexdigest()]
    return salted_hmac(idempotency.SALT, json.dumps(call), algorithm="sha256").hexdigest()


def _digest_form(digest: Digest, form: MultiValueDict[str, Any]) -> None:
    for name, value in ((name, value) for name, values in form.lists() for value in values):
        if not isinstance(value, UploadedFile):
            digest.update(json.dumps([name, value]).encode())
            continue
        digest.update(json.dumps([name, value.name, value.content_type, value.size]).encode())
        value.seek(0)
        while piece := value.read(CHUNK):
            digest.update(piece)
        value.seek(0)
