"""Makes one ONNX graph of others, with operations around them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SHORTEST = 1e-12  # length of a vector that is divided by its own


class Composition:
    """Nodes and constants of a graph that is made of others. `axes_are_inputs`: of reductions, as from opset 18 on."""

    def __init__(self, *, axes_are_inputs: bool = False) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._axes_are_inputs = axes_are_inputs

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        from onnx import helper

        name = f"joined_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, values: float | NDArray[np.float32]) -> str:
        return self._kept(np.asarray(values, np.float32))

    def numbers(self, values: list[int]) -> str:
        """A constant of whole numbers."""
        return self._kept(np.array(values, np.int64))

    def _kept(self, values: NDArray[Any]) -> str:
        from onnx import numpy_helper

        name = f"joined_constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def reduce(self, kind: str, values: str, *, axes: list[int], keepdims: int = 1) -> str:
        """`ReduceMean` and its like."""
        if self._axes_are_inputs:
            return self.add(kind, values, self.numbers(axes), keepdims=keepdims)
        return self.add(kind, values, axes=axes, keepdims=keepdims)

    def unit(self, vectors: str) -> str:
        """The vectors at unit length, by operations that cards have too; a vector of zeros stays one."""
        lengths = self.reduce("ReduceL2", vectors, axes=[1])
        return self.add("Div", vectors, self.add("Max", lengths, self.constant(SHORTEST)))

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
