"""The operations of ONNX graphs by those of TensorFlow, as far as recognition networks have them.

Convolutions and pools run on channels last, the only form that TensorFlow has on processors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

Attributes = Mapping[str, Any]
Operation = Callable[[list[Any], Attributes], Any]
TYPES = {1: tf.float32, 6: tf.int32, 7: tf.int64, 10: tf.float16, 11: tf.float64}  # of onnx.TensorProto.DataType


class UnknownOperation(ValueError):
    """An operation, or a form of one, that is not exported."""


def run(model: Any, inputs: Mapping[str, Any], output: str) -> Any:
    """The `output` of an ONNX model for tensors by the names of its inputs. Raises `UnknownOperation`."""
    from onnx import helper, numpy_helper

    values: dict[str, Any] = {constant.name: numpy_helper.to_array(constant) for constant in model.graph.initializer}
    values |= inputs
    for node in model.graph.node:
        if node.op_type not in OPERATIONS or node.domain not in ("", "ai.onnx"):
            raise UnknownOperation(f"the operation {node.op_type} is not known")
        attributes = {one.name: helper.get_attribute_value(one) for one in node.attribute}
        given = [values[name] if name else None for name in node.input]
        values[node.output[0]] = OPERATIONS[node.op_type](given, attributes)
    return values[output]


def _last(planes: Any) -> Any:
    return tf.transpose(planes, [0, 2, 3, 1])


def _first(planes: Any) -> Any:
    return tf.transpose(planes, [0, 3, 1, 2])


def _pads(attributes: Attributes) -> list[int]:
    """Top, left, bottom and right."""
    if attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        raise UnknownOperation("automatic padding is not known")
    return list(attributes.get("pads", [0, 0, 0, 0]))


def _padded(planes: Any, pads: list[int], value: float = 0.0) -> Any:
    if not any(pads):
        return planes
    top, left, bottom, right = pads
    return tf.pad(planes, [[0, 0], [top, bottom], [left, right], [0, 0]], constant_values=value)


def conv(given: list[Any], attributes: Attributes) -> Any:
    """Cross-correlation, in groups of channels; filters are (out, in / groups, height, width)."""
    planes, filters, groups = _padded(_last(given[0]), _pads(attributes)), given[1], attributes.get("group", 1)
    strides, dilations = list(attributes.get("strides", [1, 1])), list(attributes.get("dilations", [1, 1]))
    kernel = np.transpose(filters, [2, 3, 1, 0])  # height, width, in / groups, out
    if groups == 1:
        answer = tf.nn.conv2d(planes, kernel, strides, "VALID", dilations=dilations)
    elif kernel.shape[2] == 1 and strides[0] == strides[1]:
        each = kernel.shape[3] // groups
        of_channels = kernel.reshape(*kernel.shape[:2], groups, each)
        answer = tf.nn.depthwise_conv2d(planes, of_channels, [1, *strides, 1], "VALID", dilations=dilations)
    else:
        parts = zip(tf.split(planes, groups, axis=3), np.split(kernel, groups, axis=3), strict=True)
        answer = tf.concat([tf.nn.conv2d(*part, strides, "VALID", dilations=dilations) for part in parts], axis=3)
    return _first(answer if len(given) < 3 or given[2] is None else answer + given[2])


def max_pool(given: list[Any], attributes: Attributes) -> Any:
    planes = _padded(_last(given[0]), _pads(attributes), float("-inf"))
    return _first(tf.nn.max_pool2d(planes, *_window(attributes), "VALID"))


def average_pool(given: list[Any], attributes: Attributes) -> Any:
    pads = _pads(attributes)
    if any(pads) and not attributes.get("count_include_pad", 0):
        raise UnknownOperation("averages that leave the border out are not known")
    return _first(tf.nn.avg_pool2d(_padded(_last(given[0]), pads), *_window(attributes), "VALID"))


def _window(attributes: Attributes) -> tuple[list[int], list[int]]:
    if attributes.get("ceil_mode", 0):
        raise UnknownOperation("pools that reach beyond the border are not known")
    kernel = list(attributes["kernel_shape"])
    return kernel, list(attributes.get("strides", [1] * len(kernel)))


def batch_normalization(given: list[Any], attributes: Attributes) -> Any:
    values, scale, bias, mean, variance = given
    factor = scale / np.sqrt(variance + attributes.get("epsilon", 1e-5))
    shape = [1, -1] + [1] * (len(values.shape) - 2)
    return values * factor.reshape(shape) + (bias - mean * factor).reshape(shape)


def prelu(given: list[Any], _: Attributes) -> Any:
    return tf.maximum(given[0], 0) + given[1] * tf.minimum(given[0], 0)


def pad(given: list[Any], attributes: Attributes) -> Any:
    if attributes.get("mode", b"constant") != b"constant":
        raise UnknownOperation("only constant padding is known")
    pads = given[1] if len(given) > 1 else np.array(attributes["pads"])
    value = float(given[2]) if len(given) > 2 and given[2] is not None else attributes.get("value", 0.0)
    half = len(pads) // 2
    return tf.pad(given[0], np.stack([pads[:half], pads[half:]], axis=1), constant_values=value)


def gemm(given: list[Any], attributes: Attributes) -> Any:
    product = tf.matmul(
        given[0],
        given[1],
        transpose_a=bool(attributes.get("transA", 0)),
        transpose_b=bool(attributes.get("transB", 0)),
    ) * attributes.get("alpha", 1.0)
    return product if len(given) < 3 else product + given[2] * attributes.get("beta", 1.0)


def reshape(given: list[Any], attributes: Attributes) -> Any:
    """0 keeps a size; the first of a batch is never fixed."""
    wanted = [int(size) for size in np.ravel(given[1])]
    sizes = tf.shape(given[0])
    kept = [sizes[place] if size == 0 else size for place, size in enumerate(wanted)]
    if wanted and wanted[0] == 1 and wanted[1:] == [-1]:  # a network for one face at a time
        return _rows(given[0])
    return tf.reshape(given[0], kept)


def flatten(given: list[Any], attributes: Attributes) -> Any:
    if attributes.get("axis", 1) != 1:
        raise UnknownOperation("flattening other than by rows is not known")
    return _rows(given[0])


def _rows(values: Any) -> Any:
    """One row for each of the batch, whose size is known if that of the values is."""
    size = values.shape[1:].num_elements()
    return tf.reshape(values, [tf.shape(values)[0], -1] if size is None else [-1, size])


def reduction(reduce: Callable[..., Any]) -> Operation:
    def reduced(given: list[Any], attributes: Attributes) -> Any:
        axes = np.ravel(given[1]).tolist() if len(given) > 1 and given[1] is not None else attributes.get("axes")
        return reduce(given[0], axis=axes and list(axes), keepdims=bool(attributes.get("keepdims", 1)))

    return reduced


def squeeze(given: list[Any], attributes: Attributes) -> Any:
    axes = np.ravel(given[1]).tolist() if len(given) > 1 else attributes.get("axes")
    return tf.squeeze(given[0], axis=axes and list(axes))


def clip(given: list[Any], attributes: Attributes) -> Any:
    low = given[1] if len(given) > 1 and given[1] is not None else attributes.get("min", float("-inf"))
    high = given[2] if len(given) > 2 and given[2] is not None else attributes.get("max", float("inf"))
    return tf.minimum(tf.maximum(given[0], low), high)


OPERATIONS: dict[str, Operation] = {
    "Abs": lambda given, _: tf.abs(given[0]),
    "Add": lambda given, _: given[0] + given[1],
    "AveragePool": average_pool,
    "BatchNormalization": batch_normalization,
    "Cast": lambda given, attributes: tf.cast(given[0], TYPES[attributes["to"]]),
    "Clip": clip,
    "Concat": lambda given, attributes: tf.concat(given, axis=attributes["axis"]),
    "Conv": conv,
    "Div": lambda given, _: given[0] / given[1],
    "Dropout": lambda given, _: given[0],
    "Flatten": flatten,
    "Gather": lambda given, attributes: tf.gather(given[0], given[1], axis=attributes.get("axis", 0)),
    "Gemm": gemm,
    "GlobalAveragePool": lambda given, _: tf.reduce_mean(given[0], axis=[2, 3], keepdims=True),
    "Identity": lambda given, _: given[0],
    "LeakyRelu": lambda given, attributes: tf.nn.leaky_relu(given[0], attributes.get("alpha", 0.01)),
    "MatMul": lambda given, _: tf.matmul(given[0], given[1]),
    "Max": lambda given, _: tf.maximum(given[0], given[1]) if len(given) > 1 else given[0],
    "MaxPool": max_pool,
    "Mul": lambda given, _: given[0] * given[1],
    "PRelu": prelu,
    "Pad": pad,
    "ReduceL2": reduction(lambda values, **how: tf.sqrt(tf.reduce_sum(tf.square(values), **how))),
    "ReduceMean": reduction(tf.reduce_mean),
    "Relu": lambda given, _: tf.nn.relu(given[0]),
    "Reshape": reshape,
    "Sigmoid": lambda given, _: tf.sigmoid(given[0]),
    "Sqrt": lambda given, _: tf.sqrt(given[0]),
    "Squeeze": squeeze,
    "Sub": lambda given, _: given[0] - given[1],
    "Transpose": lambda given, attributes: tf.transpose(given[0], attributes.get("perm")),
}
