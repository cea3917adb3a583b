"""The API as pages: the browsable API of Django REST framework with forms that post what they show."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from drf_spectacular.drainage import get_override
from rest_framework.renderers import BrowsableAPIRenderer
from rest_framework.request import Request, override_method
from rest_framework.serializers import JSONField, Serializer

FORM_STYLE = {"style": {"template_pack": "api/form"}}


class JsonText(str):
    """What was typed into the field of a JSON value: shown as it is, not as a string of JSON."""

    is_json_string = True


class PageRenderer(BrowsableAPIRenderer):
    """Under each answer stands the form of the request, with what was typed and what was wrong with it."""

    def get_rendered_html_form(self, data: Any, view: Any, method: str, request: Request) -> Any:
        is_sent = request.method == method  # then `data` is the answer, whose fields are others
        self._answer = data if is_sent else None
        self._sent = request.data if is_sent and isinstance(request.data, Mapping) else {}
        return super().get_rendered_html_form(None if is_sent else data, view, method, request)

    def render_form_for_serializer(self, serializer: Any) -> Any:
        if not isinstance(serializer, Serializer):
            return None
        for name, field in serializer.fields.items():
            if isinstance(text := self._sent.get(name), str):
                field.initial = JsonText(text) if isinstance(field, JSONField) else text
        serializer._errors = errors_of(self._answer)  # type: ignore[attr-defined]  # its own form reads it
        return self.form_renderer_class().render(serializer.data, "text/html", FORM_STYLE)

    def get_raw_data_form(self, data: Any, view: Any, method: str, request: Request) -> Any:
        form = super().get_raw_data_form(None if request.method == method else data, view, method, request)
        if form and method == "POST" and hasattr(view, "get_serializer_class"):
            with override_method(view, request, method):
                examples = get_override(view.get_serializer_class(), "examples")
            if examples:
                form.initial["_content"] = json.dumps(examples[0].value, indent=4)
        return form

    def get_context(self, data: Any, accepted_media_type: str | None, renderer_context: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(data, accepted_media_type, renderer_context)
        request, response = renderer_context["request"], renderer_context["response"]
        return context | {"is_form_only": request.method == "GET" and response.status_code == 405}


def errors_of(answer: Any) -> dict[str, list[str]]:
    """What is wrong with each field, of an answer as `rest.errors` makes it."""
    found: dict[str, list[str]] = {}
    detail = answer.get("detail") if isinstance(answer, dict) else None
    for mistake in detail if isinstance(detail, list) else ():
        if len(mistake["loc"]) > 1:
            found.setdefault(str(mistake["loc"][1]), []).append(mistake["msg"])
    return found
