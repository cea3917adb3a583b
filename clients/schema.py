"""How the OpenAPI document describes the ways to authenticate."""

from __future__ import annotations

from typing import Any

from drf_spectacular.authentication import SessionScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema


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


class AnonymousClientScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Not described: it is off by default and needs nothing from the caller."""

    target_class = "clients.authentication.AnonymousClientAuthentication"
    name: list[str] = []

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, Any]]:
        return []

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[Any]]]:
        return []
