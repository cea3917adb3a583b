"""Calls with an `Idempotency-Key`, for tests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from rest_framework.test import APIClient

from clients.models import Client, IdempotentCall
from clients.services import create_api_key

PEOPLE, ALBUMS, LIST = "/api/v1/people/", "/api/v1/albums/", "/api/v1/blacklist/"
KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"


def api_of(client: Client, *scopes: str) -> APIClient:
    _, key = create_api_key(client_name=client.name, scopes=scopes or ["all"])
    return APIClient(headers={"X-API-Key": key}, raise_request_exception=False)


def post(api: APIClient, path: str = PEOPLE, body: Any = None, key: str = KEY, **options: Any) -> Any:
    body = {"name": "Jane", "external_id": "u1"} if body is None else body
    return api.post(path, body, headers={"Idempotency-Key": key}, **options)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def end_without_answer(call: IdempotentCall, **changes: Any) -> None:
    """As if the process had died before it answered."""
    over = timezone.now() - timedelta(seconds=1)
    IdempotentCall.objects.filter(pk=call.pk).update(**{"status": None, "body": "", "leased_until": over} | changes)
