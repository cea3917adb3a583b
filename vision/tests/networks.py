"""Small networks of the shapes that recognisers have, whose answers can be computed by hand."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from vision.engines import weights

CELLS = 4  # a side of a chip is divided into


def cells_network(
    *,
    size: tuple[int, int] = (112, 112),
    layout: str = "nchw",
    dimensions: int = 512,
    batch: int | str = "n",
    opset: int = 13,
    bias: float = 0.0,
    operation: str = "Add",
) -> bytes:
    """The mean of each channel in each of 4 x 4 cells, row by row, channel by channel, and zeros up to `dimensions`.

    `bias` is added to every mean, or what else `operation` does with both.
    """  # fmt: skip
    width, height = size
    shape = [batch, 3, height, width] if layout == "nchw" else [batch, height, width, 3]
    cell = [height // CELLS, width // CELLS]
    matrix = np.zeros((3 * CELLS * CELLS, dimensions), np.float32)
    np.fill_diagonal(matrix, 1)
    nodes = [] if layout == "nchw" else [helper.make_node("Transpose", ["in"], ["planes"], perm=[0, 3, 1, 2])]
    nodes += [
        helper.make_node(
            "AveragePool", ["in" if layout == "nchw" else "planes"], ["means"], kernel_shape=cell, strides=cell
        ),
        helper.make_node("Flatten", ["means"], ["flat"], axis=1),
        helper.make_node(operation, ["flat", "bias"], ["moved"]),
        helper.make_node("MatMul", ["moved", "matrix"], ["out"]),
    ]
    graph = helper.make_graph(
        nodes,
        "cells",
        [helper.make_tensor_value_info("in", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [batch, dimensions])],
        [numpy_helper.from_array(matrix, "matrix"), numpy_helper.from_array(np.array([bias], np.float32), "bias")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return bytes(model.SerializeToString())


def installed(name: str, content: bytes, **entry: Any) -> dict[str, Mapping[str, Any]]:
    """Put a network's file in place, and describe it as FACEAPP_NETWORKS does; `entry` has what it says besides."""
    weights.folder().mkdir(parents=True, exist_ok=True)
    (weights.folder() / f"{name}.onnx").write_bytes(content)
    described = {
        "preset": "insightface", "file": f"{name}.onnx", "sha256": sha256(content).hexdigest(), "threshold": 0.5,
        "licence": "MIT", "source": "made for a test",
    }  # fmt: skip
    return {name: described | entry}


def means_of_cells(chip: NDArray[Any]) -> NDArray[np.float64]:
    """(4, 4, 3): the mean of each channel in each cell of a chip."""
    height, width = chip.shape[0] // CELLS, chip.shape[1] // CELLS
    return np.array([
        [chip[y * height : (y + 1) * height, x * width : (x + 1) * width].mean(axis=(0, 1)) for x in range(CELLS)]
        for y in range(CELLS)
    ])  # fmt: skip
