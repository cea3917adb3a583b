"""Builds ONNX graphs from dlib's layers: the ResNet of the descriptor and the mmod detector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from vision.engines.dlib_onnx.dat import Add, Affine, Conv, DatError, Layer, Linear, Network, Pool, Relu, Tag, Weights
from vision.engines.dlib_onnx.graph import Graph

VERSION = 1  # of what these builders write; increase it with every change, so that stored graphs are rebuilt
BLOCK = 16  # channels that ONNX Runtime's fast convolutions take at a time
PIXEL_SCALE = 256.0
Shape = tuple[int, int, int]  # channels, rows, columns


def descriptor_graph(network: Network) -> bytes:
    """Takes `images` (n, side, side, 3) uint8 RGB, gives descriptors (n, outputs) float32. Raises `DatError`."""
    layers = fold_affine(network.layers)
    if not network.side or not isinstance(layers[0], Conv):
        raise DatError("the network is not a descriptor")
    graph = Graph("descriptor")
    images = graph.input("images", np.uint8, ("n", network.side, network.side, 3))
    planes = graph.node("Transpose", graph.node("Cast", images, to=1), perm=(0, 3, 1, 2))
    walk = _Walk(graph, planes, (3, network.side, network.side))
    for layer in [fold_input(layers[0], network.average), *layers[1:]]:
        walk.pass_through(layer)
    graph.output(walk.value, np.float32, ("n", walk.shape[0]))
    return graph.encode()


def split_detector(network: Network) -> tuple[list[Layer], list[Layer]]:
    """The layers that need no padding, which strips of an image can pass one by one, and the rest."""
    layers = fold_affine(network.layers)
    start = next((i for i, layer in enumerate(layers) if isinstance(layer, Conv) and layer.padding), 0)
    last = layers[-1]
    if not (start and network.window and isinstance(last, Conv) and last.stride == 1 and len(last.weights) == 1):
        raise DatError("the network is not a detector")
    return layers[:start], layers[start:]


def features_graph(network: Network) -> bytes:
    """Takes normalised `planes` (1, 3, height, width), gives features (1, channels, rows, columns)."""
    graph = Graph("features")
    value = graph.input("planes", np.float32, (1, 3, "height", "width"))
    value, channels = _plain(graph, value, split_detector(network)[0], 3)
    graph.output(value, np.float32, (1, channels, "rows", "columns"))
    return graph.encode()


def scores_graph(network: Network) -> bytes:
    """Takes `features` (1, channels, rows, columns), gives scores (1, 1, rows, columns)."""
    first, (*layers, last) = split_detector(network)
    inputs = _blocks([len(layer.weights) for layer in first if isinstance(layer, Conv)][-1])
    graph = Graph("scores")
    value = graph.input("features", np.float32, (1, inputs, "rows", "columns"))
    value, channels = _plain(graph, value, layers, inputs)
    # The last convolution has one channel: as the transposed convolution of the turned kernel it is six times faster.
    conv = widened(cast(Conv, last), channels, outputs=1)
    if conv.weights.shape[2:] != (2 * conv.padding + 1,) * 2:
        raise DatError("the last convolution changes the size")
    kernel = _single(graph, conv.weights[:, :, ::-1, ::-1].transpose(1, 0, 2, 3))
    scores = graph.node("ConvTranspose", value, kernel, _single(graph, conv.bias), pads=(conv.padding,) * 4)
    graph.output(scores, np.float32, (1, 1, "rows", "columns"))
    return graph.encode()


def _plain(graph: Graph, value: str, layers: Sequence[Layer], channels: int) -> tuple[str, int]:
    """Convolutions and what follows each of them; the value and how many channels it has."""
    for layer in layers:
        if isinstance(layer, Conv):
            layer = widened(layer, channels)
            channels = len(layer.weights)
            value = _conv(graph, value, layer)
        elif isinstance(layer, Relu):
            value = graph.node("Relu", value)
        else:
            raise DatError("the detector has a layer that is unknown there")
    return value, channels


def fold_affine(layers: Sequence[Layer]) -> list[Layer]:
    """Each affine layer multiplied into the convolution before it."""
    folded: list[Layer] = []
    for layer in layers:
        if not isinstance(layer, Affine):
            folded.append(layer)
            continue
        before = folded.pop() if folded else None
        if not isinstance(before, Conv) or len(before.bias) != len(layer.gain):
            raise DatError("an affine layer does not follow a convolution")
        weights = before.weights * layer.gain[:, None, None, None]
        folded.append(replace(before, weights=weights, bias=before.bias * layer.gain + layer.offset))
    return folded


def fold_input(conv: Conv, average: Sequence[float]) -> Conv:
    """(x - average) / 256 multiplied into an unpadded first convolution."""
    if conv.padding or conv.weights.shape[1] != len(average):
        raise DatError("the first convolution is padded")
    weights = conv.weights / PIXEL_SCALE
    return replace(conv, weights=weights, bias=conv.bias - np.einsum("oikl,i->o", weights, average))


def widened(conv: Conv, inputs: int, outputs: int = 0) -> Conv:
    """With channels of zeros added: `inputs` as given, the outputs up to a whole number of blocks or to `outputs`."""
    filters, channels = conv.weights.shape[:2]
    outputs = outputs or _blocks(filters)
    if inputs < channels:
        raise DatError("a convolution has more channels than there are")
    weights = np.pad(conv.weights, ((0, outputs - filters), (0, inputs - channels), (0, 0), (0, 0)))
    return replace(conv, weights=weights, bias=np.pad(conv.bias, (0, outputs - filters)))


def _blocks(channels: int) -> int:
    return -(-channels // BLOCK) * BLOCK


def _single(graph: Graph, values: Weights) -> str:
    return graph.constant(np.ascontiguousarray(values, np.float32))


def _conv(graph: Graph, value: str, conv: Conv) -> str:
    pads, strides = (conv.padding,) * 4, (conv.stride,) * 2
    return graph.node(
        "Conv", value, _single(graph, conv.weights), _single(graph, conv.bias), pads=pads, strides=strides
    )


class _Walk:
    """Follows the layers of a residual network and knows the shape of each value.

    A tag alone keeps the value. Two in a row keep the value, then go back to the one kept before it, of which a
    shortcut is taken. `Add` adds what was kept last.
    """

    def __init__(self, graph: Graph, value: str, shape: Shape) -> None:
        self._graph = graph
        self.value, self.shape = value, shape
        self._kept = self._kept_before = (value, shape)
        self._tagged = False

    def pass_through(self, layer: Layer) -> None:
        tagged, self._tagged = self._tagged, isinstance(layer, Tag)
        if isinstance(layer, Tag) and tagged:
            self.value, self.shape = self._kept_before
        elif isinstance(layer, Tag):
            self._kept_before, self._kept = self._kept, (self.value, self.shape)
        elif isinstance(layer, Add):
            self._add()
        elif isinstance(layer, Conv):
            self._conv(layer)
        elif isinstance(layer, Pool):
            self._pool(layer)
        elif isinstance(layer, Linear):
            self._linear(layer)
        elif isinstance(layer, Relu):
            self.value = self._graph.node("Relu", self.value)

    def _add(self) -> None:
        """dlib fills up the smaller one with zeros: after the last channel, at the bottom and on the right."""
        kept, kept_shape = self._kept
        shape = tuple(max(sizes) for sizes in zip(self.shape, kept_shape, strict=True))
        terms = (self._filled(self.value, self.shape, shape), self._filled(kept, kept_shape, shape))
        self.value, self.shape = self._graph.node("Add", *terms), (shape[0], shape[1], shape[2])

    def _filled(self, value: str, shape: Shape, wanted: Sequence[int]) -> str:
        if shape == tuple(wanted):
            return value
        more = [b - a for a, b in zip(shape, wanted, strict=True)]
        return self._graph.node("Pad", value, self._graph.constant(np.array([0] * 5 + more, np.int64)), mode="constant")

    def _conv(self, layer: Conv) -> None:
        filters, channels, rows, columns = layer.weights.shape
        if channels != self.shape[0]:
            raise DatError("a convolution has another number of channels than its input")
        self.value = _conv(self._graph, self.value, layer)
        height, width = (n + 2 * layer.padding for n in self.shape[1:])
        self.shape = (filters, _length(height, rows, layer.stride), _length(width, columns, layer.stride))

    def _pool(self, layer: Pool) -> None:
        channels, height, width = self.shape
        if not layer.size:
            self.value, self.shape = self._graph.node("GlobalAveragePool", self.value), (channels, 1, 1)
            return
        operator = "MaxPool" if layer.kind == "max" else "AveragePool"
        size, strides = (layer.size,) * 2, (layer.stride,) * 2
        self.value = self._graph.node(operator, self.value, kernel_shape=size, strides=strides)
        self.shape = (channels, _length(height, layer.size, layer.stride), _length(width, layer.size, layer.stride))

    def _linear(self, layer: Linear) -> None:
        inputs, outputs = layer.weights.shape
        if inputs != self.shape[0] * self.shape[1] * self.shape[2]:
            raise DatError("a fully connected layer has another number of inputs than its input")
        flat = self._graph.node("Flatten", self.value, axis=1)
        self.value, self.shape = self._graph.node("MatMul", flat, _single(self._graph, layer.weights)), (outputs, 1, 1)


def _length(size: int, window: int, stride: int) -> int:
    """How often a window fits into `size`."""
    if window > size:
        raise DatError("a window is larger than what it is laid on")
    return 1 + (size - window) // stride
