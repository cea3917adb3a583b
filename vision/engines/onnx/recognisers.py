"""Recognition networks as one ONNX graph each: aligned chips in, unit vectors and the recognisability of each face out.

`fr512` is the network `fr_feature.onnx`, `mobilefacenet192` is `MobileFaceNet.tflite`, and `pair128` runs both,
concatenates their unit vectors and projects the 704 numbers to 128 with a fixed matrix (docs/engines.md, "The pair").
`fr512` runs in every graph, because the length of its raw vector tells whether a face can be recognised at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.engines import graphs, runtime, weights
from vision.engines.onnx import fitted, tflite
from vision.engines.onnx.composition import Composition
from vision.exceptions import EngineUnavailable
from vision.types import Image

SIDE = 112  # pixels of a chip
MEAN, SCALE = 127.5, 128.0  # of the pixels that both networks were trained with
OPSET, IR_VERSION = 13, 8
VERSION = 3  # of the graphs; raise it with every change to what is built
BATCH = 4  # faces of one run: more are slower on a processor, whose cache they leave
BATCH_OF_CARD = 32
FR_FEATURE, MOBILEFACENET = weights.FR_FEATURE.name, weights.MOBILEFACENET.name
FILES = {
    "fr512": (weights.FR_FEATURE,),
    "mobilefacenet192": (weights.FR_FEATURE, weights.MOBILEFACENET),
    "pair128": (weights.FR_FEATURE, weights.MOBILEFACENET),
}
DIMENSIONS = {"fr512": 512, "mobilefacenet192": 192, "pair128": 128}


class Recogniser:
    """The recogniser called `name`. Safe for several threads. Raises `EngineUnavailable` without usable weights."""

    def __init__(self, name: str) -> None:
        self._dimensions = DIMENSIONS[name]
        hashes = [file.sha256[:16] for file in FILES[name]]
        if name == "pair128":
            hashes.append(fitted.projection_digest()[:16])
        stem = ".".join((name, *hashes, f"v{VERSION}"))
        self._session = graphs.session(stem, lambda: _build(name), arena=False)

    def __call__(self, chips: Sequence[Image]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Unit vectors (n, dimensions) of aligned RGB faces (112, 112, 3), and the raw length (n,) of `fr512`'s."""
        if not chips:
            return np.empty((0, self._dimensions), np.float32), np.empty(0, np.float32)
        size = BATCH if runtime.device().is_processor else BATCH_OF_CARD
        parts = [np.stack(chips[start : start + size]) for start in range(0, len(chips), size)]
        answers = [self._session.run(["embeddings", "lengths"], {"chips": part}) for part in parts]
        embeddings, lengths = (np.concatenate(rows) for rows in zip(*answers, strict=True))
        return embeddings, lengths


def _build(name: str) -> bytes:
    weights.verify(FILES[name])
    try:
        return recogniser_graph(name, {file.name: file.path.read_bytes() for file in FILES[name]})
    except (ValueError, tflite.TfLiteError) as error:
        names = " or ".join(file.name for file in FILES[name])
        raise EngineUnavailable(f"{names} cannot be used: {error}.", code="engine.weights_broken") from error


def recogniser_graph(name: str, files: Mapping[str, bytes], *, projection: NDArray[np.float32] | None = None) -> bytes:
    """The graph of a recogniser: `chips` (n, 112, 112, 3) uint8 RGB to `embeddings` (n, dimensions) of unit length and
    `lengths` (n,), how long the raw vector of `fr512` is.

    `files` holds the contents of `FR_FEATURE` and, but for `fr512`, of `MOBILEFACENET`. Raises `ValueError` or
    `TfLiteError` for files that hold no such networks.
    """
    from onnx import TensorProto, helper, load_model_from_string

    graph = Composition()
    pixels = graph.add("Cast", graph.add("Transpose", "chips", perm=[0, 3, 1, 2]), to=TensorProto.FLOAT)
    pixels = graph.add("Div", graph.add("Sub", pixels, graph.constant(MEAN)), graph.constant(SCALE))
    raw = graph.include(free_batch(load_model_from_string(files[FR_FEATURE])), "fr_", pixels)
    lengths = graph.add("ReduceL2", raw, axes=[1], keepdims=0)
    embeddings = graph.unit(raw)
    if name != "fr512":
        other = graph.unit(graph.include(tflite.to_onnx(files[MOBILEFACENET], name="mobilefacenet"), "mf_", pixels))
        if name == "mobilefacenet192":
            embeddings = other
        else:
            matrix = fitted.projection() if projection is None else projection
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
