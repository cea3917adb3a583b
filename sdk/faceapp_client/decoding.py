"""From an answer's JSON to typed results, by the types of the dataclasses' fields.

Fields of an answer that this version does not know are ignored, so that a newer service does no harm.
"""

from __future__ import annotations

import dataclasses
import functools
import types
from datetime import date, datetime
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")


def decode(kind: type[T], value: object) -> T:
    """`value` as `kind`: a dataclass or a list of them. Raises `TypeError` or `ValueError` where it is none."""
    return cast(T, _decode(kind, value))


def _decode(kind: Any, value: Any) -> Any:
    """Also a date, something or None, or a plain value as it is."""
    if value is None:
        return None
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        (kind,) = [option for option in get_args(kind) if option is not type(None)]
        return _decode(kind, value)
    if origin is list:
        if not isinstance(value, list):
            raise TypeError("not a list")
        return [_decode(get_args(kind)[0], item) for item in value]
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise TypeError("not an object")
        return kind(**{name: _decode(hint, value[name]) for name, hint in types_of(kind).items() if name in value})
    return kind.fromisoformat(value) if kind in (datetime, date) else value


@functools.cache
def types_of(kind: Any) -> dict[str, Any]:
    """Names and types of a dataclass's fields."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}
