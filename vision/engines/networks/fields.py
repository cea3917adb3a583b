"""Reads the keys of an entry with a type, and says which one is wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any


class NetworkError(Exception):
    """An entry of the file that FACEAPP_NETWORKS names cannot be used."""

    def __init__(self, name: str, key: str, reason: str) -> None:
        where = f"[{name}] {key}" if key else f"[{name}]"
        super().__init__(f"FACEAPP_NETWORKS, {where}: {reason}.")


class Fields:
    """The keys of the entry `name`, which are taken one after the other; `finish` refuses those that are left.

    Methods raise `NetworkError`. A key without a `default` is required.
    """

    def __init__(self, name: str, values: dict[str, Any]) -> None:
        self._name = name
        self._values = values

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def fill(self, defaults: Mapping[str, Any]) -> None:
        """Add what the entry does not say itself."""
        self._values = {**defaults, **self._values}

    def drop(self, *keys: str) -> None:
        for key in keys:
            self._values.pop(key, None)

    def wrong(self, key: str, reason: str) -> NetworkError:
        return NetworkError(self._name, key, reason)

    def take(self, key: str, *, default: Any = None) -> Any:
        if key not in self._values and default is None:
            raise self.wrong(key, "it is missing")
        return self._values.pop(key, default)

    def finish(self) -> None:
        if self._values:
            raise self.wrong(next(iter(self._values)), "there is no such key")

    def text(self, key: str, *, default: str | None = None) -> str:
        value = self.take(key, default=default)
        if not isinstance(value, str) or (not value.strip() and default is None):
            raise self.wrong(key, "a text is needed")
        return value.strip()

    def texts(self, key: str, *, default: list[str] | None = None) -> list[str]:
        value = self.take(key, default=default)
        if not isinstance(value, list) or not all(isinstance(one, str) and one.strip() for one in value):
            raise self.wrong(key, "a list of texts is needed")
        return [one.strip() for one in value]

    def choice(self, key: str, options: Sequence[str]) -> str:
        value = self.text(key).lower()
        if value not in options:
            raise self.wrong(key, f"use {' or '.join(options)}")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        value = self.take(key, default=default)
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false is needed")
        return value

    def number(
        self,
        key: str,
        *,
        default: float | None = None,
        least: float | None = None,
        above: float | None = None,
        below: float = math.inf,
    ) -> float:
        value = self.take(key, default=default)
        if not _is_number(value) or not value < below:
            raise self.wrong(key, "a number is needed" if not _is_number(value) else f"it must be below {below:g}")
        if (least is not None and value < least) or (above is not None and value <= above):
            raise self.wrong(key, f"it must be {f'{least:g} or more' if least is not None else f'above {above:g}'}")
        return float(value)

    def whole(self, key: str, *, least: int, most: int, default: int | None = None) -> int:
        [value] = self._wholes(key, [self.take(key, default=default)], 1, least, most)
        return value

    def wholes(self, key: str, *, count: int, least: int, most: int) -> list[int]:
        return self._wholes(key, self.take(key), count, least, most)

    def _wholes(self, key: str, values: Any, count: int, least: int, most: int) -> list[int]:
        listed: list[Any] = values if isinstance(values, list) and len(values) == count else [None]
        if not all(type(one) is int and least <= one <= most for one in listed):
            what = "a whole number" if count == 1 else f"a list of {count} whole numbers"
            raise self.wrong(key, f"{what} from {least} to {most} is needed")
        return listed

    def channels(self, key: str) -> tuple[float, float, float]:
        """One number for all three channels, or three."""
        value = self.take(key)
        values = value if isinstance(value, list) else [value] * 3
        if len(values) != 3 or not all(map(_is_number, values)):
            raise self.wrong(key, "a number or a list of three is needed")
        return (float(values[0]), float(values[1]), float(values[2]))

    def points(self, key: str, value: Any, *, within: tuple[int, int]) -> tuple[tuple[float, float], ...]:
        """Five points in pixels of a chip of this width and height."""
        pairs: list[Any] = value if isinstance(value, list) and len(value) == 5 else [None]
        for pair in pairs:
            if not (isinstance(pair, list) and len(pair) == 2 and all(map(_is_number, pair))):
                raise self.wrong(key, "use arcface, eyes, or a list of five points [x, y]")
        if not all(0 <= x < within[0] and 0 <= y < within[1] for x, y in pairs):
            raise self.wrong(key, "the five points lie inside the chip, in its pixels")
        points = tuple((float(x), float(y)) for x, y in pairs)
        if len(set(points)) < 5:
            raise self.wrong(key, "the five points differ")
        return points


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
