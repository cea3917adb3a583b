"""Recognition networks as one ONNX graph each: aligned chips in, unit vectors and the recognisability of each face out.

`fr512` is the network `fr_feature.onnx`, `mobilefacenet192` is `MobileFaceNet.tflite`, and `pair128` runs both,
concatenates their unit vectors and projects the 704 numbers to 128 with a fixed matrix (docs/engines.md, "The pair").
`fr512` runs in every graph, because the length of its raw vector tells whether a face can be recognised at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.engines.onnx import tflite

SIDE = 112  # pixels of a chip
MEAN, SCALE = 127.5, 128.0  # of the pixels that both networks were trained with
OPSET, IR_VERSION = 13, 8
PROJECTION = Path(__file__).with_name("pair128.npy")  # (704, 128) float32
FR_FEATURE, MOBILEFACENET = "fr_feature.onnx", "MobileFaceNet.tflite"
DIMENSIONS = {"fr512": 512, "mobilefacenet192": 192, "pair128": 128}


def recogniser_graph(name: str, files: Mapping[str, bytes], *, projection: NDArray[np.float32] | None = None) -> bytes:
    """The graph of a recogniser: `chips` (n, 112, 112, 3) uint8 RGB to `embeddings` (n, dimensions) of unit length and
    `lengths` (n,), how long the raw vector of `fr512` is.

    `files` holds the contents of `FR_FEATURE` and, but for `fr512`, of `MOBILEFACENET`. Raises `ValueError` or
    `TfLiteError` for files that hold no such networks.
    """
    from onnx import TensorProto, helper, load_model_from_string

    graph = _Composition()
    pixels = graph.add("Transpose", graph.add("Cast", "chips", to=TensorProto.FLOAT), perm=[0, 3, 1, 2])
    pixels = graph.add("Div", graph.add("Sub", pixels, graph.constant(MEAN)), graph.constant(SCALE))
    raw = graph.include(free_batch(load_model_from_string(files[FR_FEATURE])), "fr_", pixels)
    lengths = graph.add("ReduceL2", raw, axes=[1], keepdims=0)
    embeddings = graph.unit(raw)
    if name != "fr512":
        other = graph.unit(graph.include(tflite.to_onnx(files[MOBILEFACENET], name="mobilefacenet"), "mf_", pixels))
        if name == "mobilefacenet192":
            embeddings = other
        else:
            matrix = np.load(PROJECTION) if projection is None else projection
            both = graph.add("Concat", embeddings, other, axis=1)
            embeddings = graph.unit(graph.add("MatMul", both, graph.constant(matrix)))
    nodes = [
        *graph.nodes,
        helper.make_node("Identity", [embeddings], ["embeddings"]),
        helper.make_node("Identity", [lengths], ["lengths"]),
    ]
    whole = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("chips", TensorProto.UINT8, ["n", SIDE, SIDE, 3])],
        [
            helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["n", DIMENSIONS[name]]),
            helper.make_tensor_value_info("lengths", TensorProto.FLOAT, ["n"]),
        ],
        graph.constants,
    )
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    content: bytes = model.SerializeToString()
    return content


def free_batch(model: Any) -> Any:
    """The model with its last reshape, to one row, made one to a row for each image. Raises `ValueError`."""
    from onnx import numpy_helper

    last = model.graph.node[-1]
    if last.op_type != "Reshape":
        raise ValueError("the network does not end in a reshape")
    [shape] = [constant for constant in model.graph.initializer if constant.name == last.input[1]]
    if numpy_helper.to_array(shape).tolist() != [1, -1]:
        raise ValueError("the network does not answer one row")
    shape.CopyFrom(numpy_helper.from_array(np.array([0, -1], np.int64), shape.name))  # as many rows as images
    return model


class _Composition:
    """Nodes and constants of a graph that is made of others."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        from onnx import helper

        name = f"joined_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, values: float | NDArray[np.float32]) -> str:
        from onnx import numpy_helper

        name = f"joined_constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, np.float32), name))
        return name

    def unit(self, vectors: str) -> str:
        """The vectors at unit length."""
        return self.add("LpNormalization", vectors, axis=1, p=2)

    def include(self, model: Any, prefix: str, pixels: str) -> str:
        """All of a network with one input, which reads `pixels`, and one output, whose name is returned."""
        from onnx import compose

        named = compose.add_prefix(model, prefix).graph
        known = {constant.name for constant in named.initializer}
        [entry] = [value.name for value in named.input if value.name not in known]
        for node in named.node:
            node.input[:] = [pixels if name == entry else name for name in node.input]
        self.nodes.extend(named.node)
        self.constants.extend(named.initializer)
        return str(named.output[0].name)
