"""Reads TensorFlow Lite models and writes them as ONNX: the operators that a float MobileFaceNet needs, no others.

A TensorFlow Lite file is a FlatBuffer with TensorFlow's `schema.fbs`, version 3, whose slots and codes are used here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

FILE_IDENTIFIER = b"TFL3"
DTYPES = {0: np.dtype("<f4"), 2: np.dtype("<i4")}
OPERATORS = {0: "Add", 3: "Conv", 4: "Depthwise", 18: "Mul", 19: "Relu", 22: "Reshape", 41: "Sub", 101: "Abs"}
NO_ACTIVATION = 0
TO_ONNX = (0, 3, 1, 2)  # from batch, height, width, channels

Array = NDArray[Any]


class TfLiteError(Exception):
    """The file is no TensorFlow Lite model, or uses something that is not supported; the message says what."""


class Table:
    """A table of a FlatBuffer. Fields have slots; one that is left out has its default."""

    def __init__(self, data: bytes, position: int) -> None:
        self._data, self._position = data, position

    def byte(self, slot: int) -> int:
        field = self._field(slot)
        return self._read("<b", field) if field else 0

    def integer(self, slot: int, default: int = 0) -> int:
        field = self._field(slot)
        return self._read("<i", field) if field else default

    def table(self, slot: int) -> Table:
        field = self._field(slot)
        if not field:
            raise TfLiteError("a table is missing")
        return Table(self._data, field + self._read("<I", field))

    def tables(self, slot: int) -> Iterator[Table]:
        start, length = self._vector(slot)
        for place in range(start, start + 4 * length, 4):
            yield Table(self._data, place + self._read("<I", place))

    def array(self, slot: int, dtype: np.dtype[Any]) -> Array:
        start, length = self._vector(slot)
        return np.frombuffer(self._data, dtype, length, start)

    def blob(self, slot: int) -> bytes:
        start, length = self._vector(slot)
        return self._data[start : start + length]

    def _vector(self, slot: int) -> tuple[int, int]:
        field = self._field(slot)
        if not field:
            return 0, 0
        start = field + self._read("<I", field)
        return start + 4, self._read("<I", start)

    def _field(self, slot: int) -> int:
        """Where the field lies; 0 where it is left out."""
        layout = self._position - self._read("<i", self._position)
        place = 4 + 2 * slot
        offset = self._read("<H", layout + place) if place < self._read("<H", layout) else 0
        return self._position + offset if offset else 0

    def _read(self, kind: str, place: int) -> int:
        return cast(int, struct.unpack_from(kind, self._data, place)[0])


class Model:
    """The only subgraph of a model."""

    def __init__(self, data: bytes) -> None:
        if data[4:8] != FILE_IDENTIFIER:
            raise TfLiteError("it is no TensorFlow Lite model")
        root = Table(data, struct.unpack_from("<I", data)[0])
        codes = [max(code.byte(0), code.integer(3)) for code in root.tables(1)]
        self._buffers = list(root.tables(4))
        graph = next(root.tables(2))
        self._tensors = list(graph.tables(0))
        self.inputs, self.outputs = (graph.array(slot, DTYPES[2]).tolist() for slot in (1, 2))
        self.operators = [Operator(table, codes) for table in graph.tables(3)]

    def shape(self, tensor: int) -> tuple[int, ...]:
        return tuple(self._tensors[tensor].array(0, DTYPES[2]).tolist())

    def constant(self, tensor: int) -> Array | None:
        """The values of a tensor that is part of the file; None for one that is computed."""
        table = self._tensors[tensor]
        content = self._buffers[table.integer(2)].blob(0)
        if not content:
            return None
        kind = table.byte(1)
        if kind not in DTYPES:
            raise TfLiteError("weights of this type are not supported")
        return np.frombuffer(content, DTYPES[kind]).reshape(self.shape(tensor))


class Operator:
    """One operation: its name in `OPERATORS`, tensors in and out, and its options."""

    def __init__(self, table: Table, codes: list[int]) -> None:
        code = codes[table.integer(0)]
        if code not in OPERATORS:
            raise TfLiteError(f"operator {code} is not supported")
        self.name = OPERATORS[code]
        self.inputs, self.outputs = (table.array(slot, DTYPES[2]).tolist() for slot in (1, 2))
        self._table = table

    @property
    def is_padded(self) -> bool:
        """Whether a convolution keeps the size but for its strides (`SAME`)."""
        return self._table.table(4).byte(0) == 0

    @property
    def strides(self) -> tuple[int, int]:
        options = self._table.table(4)
        return options.integer(2, 1), options.integer(1, 1)

    def require_no_activation(self, slot: int) -> None:
        if self._table.table(4).byte(slot) != NO_ACTIVATION:
            raise TfLiteError("fused activations are not supported")


def to_onnx(data: bytes, *, name: str) -> Any:
    """An `onnx.ModelProto` of the network with a free number of images: `faces` (n, 3, height, width) float32 to
    `embeddings` (n, dimensions). Raises `TfLiteError`.
    """
    try:
        return _Converter(Model(data), name).convert()
    except (struct.error, ValueError, IndexError, StopIteration) as error:
        raise TfLiteError("it is damaged") from error


class _Converter:
    def __init__(self, model: Model, name: str) -> None:
        self._model, self._name = model, name
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def convert(self) -> Any:
        from onnx import TensorProto, helper

        [faces], [embeddings] = self._model.inputs, self._model.outputs
        _, height, width, channels = self._model.shape(faces)
        for operator in self._model.operators:
            getattr(self, f"_write_{operator.name.lower()}")(operator)
        shape: list[str | int | None] = ["n", channels, height, width]
        graph = helper.make_graph(
            self._nodes,
            self._name,
            [helper.make_tensor_value_info(_value(faces), TensorProto.FLOAT, shape)],
            [
                helper.make_tensor_value_info(
                    _value(embeddings), TensorProto.FLOAT, ["n", self._model.shape(embeddings)[1]]
                )
            ],
            self._constants,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)

    def _write_conv(self, operator: Operator) -> None:
        self._convolve(operator, filters=self._weights(operator, 1).transpose(TO_ONNX), activation_slot=3)

    def _write_depthwise(self, operator: Operator) -> None:
        self._convolve(operator, filters=self._weights(operator, 1).transpose(3, 0, 1, 2), activation_slot=4)

    def _convolve(self, operator: Operator, *, filters: Array, activation_slot: int) -> None:
        operator.require_no_activation(activation_slot)
        rows, columns = filters.shape[2:]
        channels = self._model.shape(operator.inputs[0])[3]
        self._add(
            "Conv", operator,
            _value(operator.inputs[0]), self._constant(filters), self._constant(self._weights(operator, 2)),
            kernel_shape=[rows, columns], strides=list(operator.strides), pads=self._padding(operator, rows, columns),
            group=channels // filters.shape[1],
        )  # fmt: skip

    def _padding(self, operator: Operator, rows: int, columns: int) -> list[int]:
        """TensorFlow puts the odd pixel of its padding at the end, and less padding where strides leave none over."""
        if not operator.is_padded:
            return [0, 0, 0, 0]
        size, out = self._model.shape(operator.inputs[0])[1:3], self._model.shape(operator.outputs[0])[1:3]
        steps = zip(out, operator.strides, (rows, columns), size, strict=True)
        whole = [max((o - 1) * stride + kernel - s, 0) for o, stride, kernel, s in steps]
        return [*(w // 2 for w in whole), *(w - w // 2 for w in whole)]

    def _write_add(self, operator: Operator) -> None:
        operator.require_no_activation(0)
        self._add("Add", operator, *(self._operand(tensor) for tensor in operator.inputs))

    def _write_mul(self, operator: Operator) -> None:
        operator.require_no_activation(0)
        self._add("Mul", operator, *(self._operand(tensor) for tensor in operator.inputs))

    def _write_sub(self, operator: Operator) -> None:
        operator.require_no_activation(0)
        self._add("Sub", operator, *(self._operand(tensor) for tensor in operator.inputs))

    def _write_relu(self, operator: Operator) -> None:
        self._add("Relu", operator, _value(operator.inputs[0]))

    def _write_abs(self, operator: Operator) -> None:
        self._add("Abs", operator, _value(operator.inputs[0]))

    def _write_reshape(self, operator: Operator) -> None:
        """The only one comes last and takes two sides of one pixel away."""
        self._add("Flatten", operator, _value(operator.inputs[0]), axis=1)

    def _add(self, kind: str, operator: Operator, *inputs: str, **attributes: Any) -> None:
        from onnx import helper

        self._nodes.append(helper.make_node(kind, list(inputs), [_value(operator.outputs[0])], **attributes))

    def _operand(self, tensor: int) -> str:
        values = self._model.constant(tensor)
        return _value(tensor) if values is None else self._constant(values.reshape(-1, 1, 1))

    def _weights(self, operator: Operator, place: int) -> Array:
        values = self._model.constant(operator.inputs[place])
        if values is None:
            raise TfLiteError("weights are computed")
        return values

    def _constant(self, values: Array) -> str:
        from onnx import numpy_helper

        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name


def _value(tensor: int) -> str:
    return f"value_{tensor}"
