"""The base of every view of a dialect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from compat.negotiation import JsonAnswers
from compat.refusals import Refusal, refusal_of
from rest.errors import handle_exception


class DialectView(APIView):
    """Answers JSON, stays out of the OpenAPI document, and answers errors by the table `refusals`."""

    schema = None
    renderer_classes = [JSONRenderer]
    content_negotiation_class = JsonAnswers
    refusals: ClassVar[Sequence[Refusal]] = ()

    def get_view_description(self, html: bool = False) -> str:
        return ""  # docstrings are for developers, and OPTIONS is answered to everybody

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | HttpResponse | None]:
        return self.answer_error

    def answer_error(self, exc: Exception, context: dict[str, Any]) -> Response | HttpResponse | None:
        """The service's own answer with the status of the table, and the body that `write_error` makes of it."""
        response = handle_exception(exc, context)
        if response is not None:
            row = refusal_of(exc, self.refusals)
            response.status_code = row.status or response.status_code
            response.data = self.write_error(exc, response, row.word)
        return response

    def write_error(self, exc: Exception, response: Response, word: str) -> Any:
        """The body of an answer without success; `response` is the service's own, `word` what the table calls it."""
        return response.data
