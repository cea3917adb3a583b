"""Writes ONNX models: the few parts of the format that these networks need, in protocol buffers by hand.

Field numbers are those of onnx.proto, IR version 8, operator set 13. Types: 0 is a varint, 2 has a length before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

IR_VERSION, OPSET = 8, 13
TYPES = {np.dtype(np.float32): 1, np.dtype(np.uint8): 2, np.dtype(np.int64): 7}
FLOAT, INTEGER, STRING, INTEGERS = 1, 2, 3, 7  # kinds of attributes


class Graph:
    """A graph under construction; `node` and `constant` return the names of their outputs."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []
        self._borders: list[bytes] = []
        self._count = 0

    def input(self, name: str, kind: type[np.generic], shape: Sequence[int | str]) -> str:
        """An input; a size given as text may be any."""
        return self._border(11, name, kind, shape)

    def output(self, name: str, kind: type[np.generic], shape: Sequence[int | str]) -> None:
        """Name an existing value an output."""
        self._border(12, name, kind, shape)

    def node(self, operator: str, *inputs: str, **attributes: int | str | Sequence[int]) -> str:
        """Add an operation; returns the name of its output."""
        name = self._next(operator)
        parts = [_text(1, value) for value in inputs] + [_text(2, name), _text(4, operator)]
        self._nodes.append(b"".join(parts + [_bytes(5, _attribute(*item)) for item in attributes.items()]))
        return name

    def named(self, operator: str, name: str, *inputs: str) -> str:
        """Add an operation without attributes whose output has this name."""
        parts = [*(_text(1, value) for value in inputs), _text(2, name), _text(4, operator)]
        self._nodes.append(b"".join(parts))
        return name

    def constant(self, values: NDArray[Any]) -> str:
        """Add an array; returns its name."""
        name = self._next("constant")
        dims = b"".join(_number(1, size) for size in values.shape)
        little = values.astype(values.dtype.newbyteorder("<"))
        self._constants.append(dims + _number(2, TYPES[values.dtype]) + _text(8, name) + _bytes(9, little.tobytes()))
        return name

    def encode(self) -> bytes:
        """The model as ONNX."""
        nodes = [_bytes(1, node) for node in self._nodes]
        graph = b"".join([*nodes, _text(2, self._name), *(_bytes(5, c) for c in self._constants), *self._borders])
        return _number(1, IR_VERSION) + _bytes(7, graph) + _bytes(8, _text(1, "") + _number(2, OPSET))

    def _next(self, kind: str) -> str:
        self._count += 1
        return f"{kind}_{self._count}"

    def _border(self, field: int, name: str, kind: type[np.generic], shape: Sequence[int | str]) -> str:
        sizes = (_text(2, size) if isinstance(size, str) else _number(1, size) for size in shape)
        dims = b"".join(_bytes(1, size) for size in sizes)
        tensor = _number(1, TYPES[np.dtype(kind)]) + _bytes(2, dims)
        self._borders.append(_bytes(field, _text(1, name) + _bytes(2, _bytes(1, tensor))))
        return name


def _attribute(name: str, value: int | str | Sequence[int]) -> bytes:
    if isinstance(value, str):
        return _text(1, name) + _text(4, value) + _number(20, STRING)
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, INTEGER)
    return _text(1, name) + b"".join(_number(8, item) for item in value) + _number(20, INTEGERS)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())
