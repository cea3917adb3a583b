"""The input of an operation, checked against botocore's own model of the service, which carries AWS's constraints."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape

from compat.rekognition.exceptions import BadParameter, ImageTooLarge
from errors.text import is_storable

Body = dict[str, Any]
NUMBERS: dict[str, tuple[type, ...]] = {
    "integer": (int,), "long": (int,), "float": (int, float), "double": (int, float),
}  # fmt: skip


@cache
def service() -> ServiceModel:
    """Rekognition as botocore knows it; some 400 kB of JSON are read the first time."""
    loader: Any = Loader()
    return ServiceModel(loader.load_service_model("rekognition", "service-2"), "rekognition")


def read_input(operation: str, body: Any) -> Body:
    """The members that were sent and are known, with blobs as bytes; null counts as absent, as AWS has it.

    Raises `BadParameter`, or `ImageTooLarge` for too long a blob.
    """
    read: Body = _read(service().operation_model(operation).input_shape, body, "request")
    return read


def _read(shape: Any, value: Any, name: str) -> Any:
    reader: Callable[[Any, Any, str], Any] = READERS.get(shape.type_name, _number)
    return reader(shape, value, name)


def _structure(shape: Any, value: Any, name: str) -> Body:
    if not isinstance(value, dict):
        raise _bad(name, "Member must be an object")
    given = {key: one for key, one in value.items() if one is not None and key in shape.members}
    if missing := sorted(set(shape.required_members) - set(given)):
        raise _bad(missing[0], "Member must not be null")
    return {key: _read(shape.members[key], one, key) for key, one in given.items()}


def _list(shape: Any, value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise _bad(name, "Member must be a list")
    _limit(shape, len(value), name, "length")
    return [_read(shape.member, one, name) for one in value]


def _map(shape: Any, value: Any, name: str) -> Body:
    if not isinstance(value, dict):
        raise _bad(name, "Member must be an object")
    _limit(shape, len(value), name, "length")
    return {_read(shape.key, key, name): _read(shape.value, one, name) for key, one in value.items()}


def _string(shape: Any, value: Any, name: str) -> str:
    if not isinstance(value, str) or not is_storable(value):
        raise _bad(name, "Member must be text")
    _limit(shape, len(value), name, "length")
    if shape.enum and value not in shape.enum:
        raise _bad(name, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
    pattern = shape.metadata.get("pattern", "")
    if (compiled := _compiled(pattern)) and not compiled.fullmatch(value):
        raise _bad(name, f"Member must satisfy regular expression pattern: {pattern}")
    return value


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """None for no pattern, and for those of tags, in a syntax that Python lacks: tags are refused in any case."""
    try:
        return re.compile(pattern) if pattern else None
    except re.error:
        return None


def _blob(shape: Any, value: Any, name: str) -> bytes:
    if not isinstance(value, str):
        raise _bad(name, "Member must be base64 text")
    most = shape.metadata.get("max", 0)
    if len(value) > 4 * (most + 2) // 3 + 4:
        raise ImageTooLarge(f"The image has more than {most} bytes.")
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise _bad(name, "Member must be base64 text") from None
    if len(data) > most:
        raise ImageTooLarge(f"The image has more than {most} bytes.")
    _limit(shape, len(data), name, "length")
    return data


def _boolean(shape: Any, value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise _bad(name, "Member must be a boolean")
    return value


def _number(shape: Any, value: Any, name: str) -> Any:
    is_number = isinstance(value, NUMBERS[shape.type_name]) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value):
        raise _bad(name, "Member must be a number")
    _limit(shape, value, name, "value")
    return value


READERS: dict[str, Callable[[Any, Any, str], Any]] = {
    "structure": _structure, "list": _list, "map": _map, "string": _string, "blob": _blob, "boolean": _boolean,
}  # fmt: skip


def _limit(shape: Shape, size: float, name: str, what: str) -> None:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        raise _bad(name, f"Member must have {what} greater than or equal to {least}")
    if most is not None and size > most:
        raise _bad(name, f"Member must have {what} less than or equal to {most}")


def _bad(name: str, text: str) -> BadParameter:
    """In AWS's words; what was sent is not repeated."""
    member = name[:1].lower() + name[1:]
    return BadParameter(f"1 validation error detected: Value at '{member}' failed to satisfy constraint: {text}")
