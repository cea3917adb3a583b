"""How the OpenAPI document describes operations, the ways to authenticate, and `Idempotency-Key`."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

from drf_spectacular.authentication import SessionScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import force_instance
from drf_spectacular.utils import OpenApiParameter
from rest_framework.serializers import Serializer

from rest.fields import ImageField

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x20-\\x7e]+$"},
    OpenApiParameter.HEADER,
    description="Of your choice, new for each call. A call that is sent again with its key is carried out only once.",
)
REFUSALS = {
    "409": "`idempotency.running` or `idempotency.answer_gone`, or a conflict with what is stored.",
    "422": "`idempotency.key_reused`, or values that fail validation.",
}


FORM, JSON = "multipart/form-data", "application/json"
FIRST_SENTENCE = re.compile(r"(.+?)\.?(?:(?<=\.)\s+(.+))?", re.DOTALL)


class ApiSchema(AutoSchema):
    """Spectacular's, with the idempotency key of the views that take one (`clients.api.idempotency`).

    The first sentence of a description is the summary. Where a call takes images, a form with files comes first.
    """

    @property
    def _takes_key(self) -> bool:
        return self.method == "POST" and getattr(self.view, "takes_idempotency_key", False)

    def get_override_parameters(self) -> list[Any]:
        inherited: list[Any] = super().get_override_parameters()
        return [*inherited, IDEMPOTENCY_KEY] if self._takes_key else inherited

    def get_operation(self, *arguments: Any) -> Any:
        operation = super().get_operation(*arguments)
        if not operation:
            return operation
        if self._takes_key:
            for status, description in REFUSALS.items():
                operation["responses"].setdefault(status, {"description": description})
        if sentences := FIRST_SENTENCE.fullmatch(operation.pop("description", "")):
            summary, more = sentences.groups()
            described = {"summary": " ".join(summary.split())} | ({"description": more} if more else {})
            operation = {"operationId": operation["operationId"]} | described | operation
        return operation

    def _get_request_body(self, direction: Any = "request") -> Any:
        body: Any = super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        serializer: Any = force_instance(self.get_request_serializer()) if body else None  # type: ignore[no-untyped-call]
        images = image_fields(serializer) if isinstance(serializer, Serializer) else []
        if images:
            schema = deepcopy(self.resolve_serializer(serializer, direction).schema)
            for name in images:
                described = schema["properties"][name]
                described.get("items", described)["format"] = "binary"
            schema["properties"] = {name: schema["properties"][name] for name in images} | schema["properties"]
            form = body["content"].pop(FORM) | {"schema": schema}
            body["content"] = {FORM: form, JSON: body["content"][JSON]}
        return body


def image_fields(serializer: Serializer[Any]) -> list[str]:
    """The names of the fields that take an image or several, as text or as file parts."""
    fields = serializer.fields.items()
    return [name for name, field in fields if isinstance(getattr(field, "child", field), ImageField)]


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "clients.authentication.ApiKeyAuthentication"
    name = ["ApiKey", "ApiKeyAuthorization"]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, Any]]:
        authorization = "The same key as `Authorization: Api-Key <key>`."
        return [
            {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            {"type": "apiKey", "in": "header", "name": "Authorization", "description": authorization},
        ]

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[Any]]]:
        return [{name: []} for name in self.name]


class ClientSessionScheme(SessionScheme):  # type: ignore[no-untyped-call]
    target_class = "clients.authentication.ClientSessionAuthentication"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        about = "A login. Members of several clients choose one at `/choose-client/`, or name it in `X-Client`."
        of_django: dict[str, Any] = super().get_security_definition(auto_schema)  # type: ignore[no-untyped-call]
        return of_django | {"description": about}


class AnonymousClientScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Not described: it is off by default and needs nothing from the caller."""

    target_class = "clients.authentication.AnonymousClientAuthentication"
    name: list[str] = []

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, Any]]:
        return []

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[Any]]]:
        return []
