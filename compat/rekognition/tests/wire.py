"""Unmodified boto3, whose requests go to Django's test client or to a running service."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.model import OperationModel, Shape
from django.test import Client as Browser

from clients.models import ApiKey
from clients.services import create_api_key
from compat.rekognition.secrets import make_secret
from compat.rekognition.shapes import service

REGION = "us-east-1"
ENDPOINT = "http://testserver"
PROTOCOL_ERRORS = {  # of every AWS service, and therefore in none of their models
    "IncompleteSignatureException", "InvalidSignatureException", "MissingAuthenticationTokenException",
    "SerializationException", "UnknownOperationException", "UnrecognizedClientException",
}  # fmt: skip
Change = Callable[[dict[str, Any], bytes], bytes]  # of headers, in place, and body, after they were signed
QUICK = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=120)


class _Raw(io.BytesIO):
    def stream(self, **_: Any) -> Any:
        yield self.read()


def client_for(endpoint: str, access_key: str, secret: str, *, region: str = REGION, config: Config = QUICK) -> Any:
    """A boto3 client as any program makes one, which looks at each answer before boto3 reads it."""
    found = boto3.client(
        "rekognition",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret,
        config=config,
    )
    found.meta.events.register("before-parse.rekognition", check_answer)
    return found


def signing_key(client_name: str, *scopes: str) -> tuple[ApiKey, str]:
    """A key that may sign, and its secret."""
    key, _ = create_api_key(client_name=client_name, scopes=scopes or ("all",))
    return key, make_secret(key=key)


def in_process(access_key: str, secret: str, *, change: Change | None = None, **options: Any) -> Any:
    """boto3, whose signed requests are answered by Django's test client. `change`: what happens to them on the way."""
    found = client_for(options.pop("endpoint", ENDPOINT), access_key, secret, **options)
    found.meta.events.register("before-send.rekognition", lambda request, **_: answer(request, change))
    return found


def answer(request: AWSPreparedRequest, change: Change | None = None) -> AWSResponse:
    headers = {name: text(value) for name, value in request.headers.items()}
    body = request.body if isinstance(request.body, bytes) else (request.body or "").encode()
    if change:
        body = change(headers, body)
    kind = headers.pop("Content-Type", "application/octet-stream")
    headers.pop("Content-Length", None)
    path = request.url.split("/", 3)[3]
    host = headers.pop("Host", request.url.split("/")[2])
    response = Browser(raise_request_exception=False).generic(
        request.method, f"/{path}", body, content_type=kind, headers=headers | {"Host": host}
    )
    return AWSResponse(request.url, response.status_code, dict(response.headers), _Raw(response.content))


def text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def check_answer(operation_model: OperationModel, response_dict: dict[str, Any], **_: Any) -> None:
    """Fails unless an answer has the shape of botocore's own model, and no member that the model lacks."""
    operation, status, body = operation_model.name, response_dict["status_code"], json.loads(response_dict["body"])
    if status != 200:
        assert status in {400, 500} and set(body) == {"__type", "Message"}, body
        assert body["__type"] in {shape.name for shape in service().error_shapes} | PROTOCOL_ERRORS, body
        return
    shape = service().operation_model(operation).output_shape
    assert shape is not None
    check_shape(shape, body, operation)


def check_shape(shape: Shape | Any, value: Any, where: str) -> None:
    kind = shape.type_name
    if kind == "structure":
        assert isinstance(value, dict) and not set(value) - set(shape.members), (where, sorted(value))
        assert not set(shape.required_members) - set(value), where
        for name, one in value.items():
            check_shape(shape.members[name], one, f"{where}.{name}")
    elif kind == "list":
        assert isinstance(value, list), where
        for one in value:
            check_shape(shape.member, one, where)
    else:
        kinds: dict[str, Any] = {"string": str, "boolean": bool, "integer": int, "long": int}
        assert isinstance(value, kinds.get(kind, (int, float))), (where, kind, value)
        size = len(value) if isinstance(value, str) else value
        assert size >= shape.metadata.get("min", size) and size <= shape.metadata.get("max", size), (where, value)
        pattern = shape.metadata.get("pattern")
        assert not pattern or where.endswith("Arn") or re.fullmatch(pattern, value), (where, value)
        assert not shape.metadata.get("enum") or value in shape.metadata["enum"], (where, value)
