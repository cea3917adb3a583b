"""How the OpenAPI document describes the ways to authenticate, and `Idempotency-Key`."""

from __future__ import annotations

from typing import Any

from drf_spectacular.authentication import SessionScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

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


class ApiSchema(AutoSchema):
    """Spectacular's, with the idempotency key of the views that take one (`clients.api.idempotency`)."""

    @property
    def _takes_key(self) -> bool:
        return self.method == "POST" and getattr(self.view, "takes_idempotency_key", False)

    def get_override_parameters(self) -> list[Any]:
        inherited: list[Any] = super().get_override_parameters()
        return [*inherited, IDEMPOTENCY_KEY] if self._takes_key else inherited

    def get_operation(self, *arguments: Any) -> Any:
        operation = super().get_operation(*arguments)
        if operation and self._takes_key:
            for status, description in REFUSALS.items():
                operation["responses"].setdefault(status, {"description": description})
        return operation


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
