"""Every operation that is exported to TensorFlow, beside ONNX Runtime. Imports TensorFlow."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import tensorflow as tf
from numpy.typing import NDArray
from onnx import TensorProto, helper, load_model_from_string, numpy_helper

from vision.engines.serving import operations

Constants = list[NDArray[Any]]
PLANES = (2, 6, 7, 7)
_draw = np.random.default_rng(3)


def _numbers(*shape: int) -> NDArray[np.float32]:
    return _draw.normal(size=shape).astype(np.float32)


def _whole(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


# operation, shape of its first input, its other inputs, attributes
CASES: list[tuple[str, tuple[int, ...], Constants, dict[str, Any]]] = [
    ("Abs", (2, 3), [], {}),
    ("Add", PLANES, [_numbers(6, 1, 1)], {}),
    ("AveragePool", PLANES, [], {"kernel_shape": [3, 3], "strides": [2, 2]}),
    ("AveragePool", PLANES, [], {"kernel_shape": [2, 2], "pads": [1, 1, 1, 1], "count_include_pad": 1}),
    ("BatchNormalization", PLANES, [_numbers(6), _numbers(6), _numbers(6), abs(_numbers(6)) + 1], {"epsilon": 2e-5}),
    ("Cast", (2, 3), [], {"to": TensorProto.FLOAT}),
    ("Clip", (2, 3), [np.float32(-0.2), np.float32(0.3)], {}),
    ("Concat", PLANES, [_numbers(2, 1, 7, 7)], {"axis": 1}),
    ("Conv", PLANES, [_numbers(5, 6, 3, 3), _numbers(5)], {"pads": [1, 1, 1, 1]}),
    ("Conv", PLANES, [_numbers(5, 6, 3, 3)], {"strides": [2, 2], "pads": [0, 0, 1, 1]}),
    ("Conv", PLANES, [_numbers(5, 6, 3, 3)], {"dilations": [2, 2], "pads": [2, 1, 0, 1]}),
    ("Conv", PLANES, [_numbers(6, 1, 3, 3), _numbers(6)], {"group": 6, "strides": [2, 2]}),
    ("Conv", PLANES, [_numbers(12, 1, 7, 7)], {"group": 6}),
    ("Conv", PLANES, [_numbers(6, 3, 3, 3), _numbers(6)], {"group": 2, "strides": [1, 2]}),
    ("Div", (2, 3), [np.float32(7)], {}),
    ("Dropout", (2, 3), [], {}),
    ("Flatten", PLANES, [], {"axis": 1}),
    ("Gather", (2, 4, 4, 3), [_whole(2, 1, 0)], {"axis": 3}),
    ("Gemm", (2, 4), [_numbers(4, 3), _numbers(3)], {"alpha": 0.5, "beta": 2.0}),
    ("Gemm", (2, 4), [_numbers(3, 4)], {"transB": 1}),
    ("GlobalAveragePool", PLANES, [], {}),
    ("Identity", (2, 3), [], {}),
    ("LeakyRelu", (2, 3), [], {"alpha": 0.2}),
    ("MatMul", (2, 4), [_numbers(4, 3)], {}),
    ("Max", (2, 3), [np.float32(0.1)], {}),
    ("MaxPool", PLANES, [], {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    ("Mul", (2, 3), [_numbers(3)], {}),
    ("PRelu", PLANES, [_numbers(6, 1, 1)], {}),
    ("Pad", PLANES, [_whole(0, 0, 1, 2, 0, 3, 0, 1), np.float32(0.5)], {}),
    ("ReduceL2", (2, 5), [], {"axes": [1], "keepdims": 0}),
    ("ReduceMean", PLANES, [], {"axes": [1, 2, 3]}),
    ("Relu", (2, 3), [], {}),
    ("Reshape", PLANES, [_whole(0, -1)], {}),
    ("Reshape", PLANES, [_whole(2, 3, 98)], {}),
    ("Sigmoid", (2, 3), [], {}),
    ("Sqrt", (2, 3), [], {}),
    ("Squeeze", (2, 6, 1, 1), [_whole(2, 3)], {}),
    ("Sub", (2, 3), [np.float32(0.5)], {}),
    ("Transpose", PLANES, [], {"perm": [0, 3, 1, 2]}),
]


def untested() -> list[str]:
    """The operations that are in no case."""
    return sorted(set(operations.OPERATIONS) - {kind for kind, *_ in CASES})


def differences() -> dict[str, float]:
    """By operation, the largest difference between TensorFlow and ONNX Runtime; infinite for other shapes."""
    found: dict[str, float] = {}
    for kind, shape, others, attributes in CASES:
        values = abs(_numbers(*shape)) if kind == "Sqrt" else _numbers(*shape)
        content = _model(kind, values, others, attributes)
        [theirs] = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"]).run(None, {"in": values})
        ours = operations.run(load_model_from_string(content), {"in": tf.constant(values)}, "out").numpy()
        difference = float(np.abs(ours - theirs).max()) if ours.shape == theirs.shape else float("inf")
        found[kind] = max(found.get(kind, 0.0), difference)
    return found


def refused() -> dict[str, str]:
    """What is said of operations and forms that are not exported."""
    cases: dict[str, tuple[str, dict[str, Any]]] = {
        "Tanh": ("Tanh", {}),
        "ceiling": ("MaxPool", {"kernel_shape": [2, 2], "ceil_mode": 1}),
        "border": ("AveragePool", {"kernel_shape": [2, 2], "pads": [1, 1, 1, 1]}),
        "automatic": ("MaxPool", {"kernel_shape": [2, 2], "auto_pad": "SAME_UPPER"}),
        "rows": ("Flatten", {"axis": 2}),
    }
    said: dict[str, str] = {}
    for name, (kind, attributes) in cases.items():
        values = _numbers(*PLANES)
        try:
            operations.run(
                load_model_from_string(_model(kind, values, [], attributes)), {"in": tf.constant(values)}, "out"
            )
        except operations.UnknownOperation as error:
            said[name] = str(error)
    return said


def _model(kind: str, values: NDArray[Any], others: Constants, attributes: dict[str, Any]) -> bytes:
    names = [f"constant_{number}" for number in range(len(others))]
    graph = helper.make_graph(
        [helper.make_node(kind, ["in", *names], ["out"], **attributes)],
        "one",
        [helper.make_tensor_value_info("in", TensorProto.FLOAT, values.shape)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(other), name) for other, name in zip(others, names, strict=True)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())
