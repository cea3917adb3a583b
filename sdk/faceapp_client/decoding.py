"""From an answer's JSON to typed results, by the types of the dataclasses' fields.

Fields of an answer that this version does not know are passed over, so that a newer service does no harm.
"""

from __future__ import annotations

import dataclasses
import functools
import types
from datetime import date, datetime
from typing import Any, Union, get_args, get_origin, get_type_hints


def decoded(kind: Any, value: Any) -> Any:
    """`value` as `kind`: a dataclass, a list of something, a date, something or None, or a plain value as it is."""
    if value is None:
        return None
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        (kind,) = [option for option in get_args(kind) if option is not type(None)]
        return decoded(kind, value)
    if origin is list:
        if not isinstance(value, list):
            raise TypeError("a list is wanted")
        return [decoded(get_args(kind)[0], item) for item in value]
    if dataclasses.is_dataclass(kind):
        return _record(kind, value)
    if kind in (datetime, date):
        return kind.fromisoformat(value)
    return value


def _record(kind: Any, value: Any) -> Any:
    if not isinstance(value, dict):
        raise TypeError(f"{kind.__name__} is written as an object")
    fields = {name: decoded(hint, value[name]) for name, hint in hints_of(kind).items() if name in value}
    return kind(**fields)


@functools.cache
def hints_of(kind: Any) -> dict[str, Any]:
    """Names and types of a dataclass's fields."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}
