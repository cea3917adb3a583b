"""The YuNet face detector (Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector", 2023) on ONNX Runtime.

Its authors compiled the weights into their library `libfacedetection`, which is read here as data and never loaded.
The arrays lie one after the other as float32, from the last layer to the first, for each convolution the bias before
the filters. Values are rounded to three significant digits, which moves a box by up to one hundredth of the face.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from vision.engines import graphs, weights
from vision.engines.dlib_onnx.graph import Graph
from vision.exceptions import EngineUnavailable
from vision.types import Box, Detection, Image, Landmarks

FIRST_BYTE, LAST_BYTE = 70_208, 283_520  # of the weights in the library for x86-64
PADDED_FILTER = 32  # floats of a filter of the first layer, 27 of them used
STAGES = ((3, 16, 16), (16, 16, 32), (32, 32, 64), (64, 64, 64), (64, 64, 64), (64, 64, 64))  # channels
POOLED = {0, 2, 3, 4}  # stages after which the picture is halved
HEADS = (1, 4, 1, 10)  # numbers of class, box, object and points, in the order of the file
CELL = sum(HEADS)  # numbers of a cell
CLASS, BOX, OBJECT, POINTS = 0, slice(1, 5), 5, slice(6, 16)  # where they are
STRIDES = (8, 16, 32)  # pixels between two cells of each output
MULTIPLE = STRIDES[-1]  # height and width of an input are multiples of it
VERSION = 4  # of the graph; raise it with every change to what is built
NMS_OVERLAP = 0.3  # intersection over union from which the weaker of two boxes goes, as in OpenCV's FaceDetectorYN

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Convolution:
    """Filters (out, in / group, rows, columns) and bias (out,)."""

    filters: Array
    bias: Array

    @property
    def is_depthwise(self) -> bool:
        return self.filters.shape[1:] == (1, 3, 3)


class WeightReader:
    """Takes arrays off the library in the order of the file. The compiler aligned each by its size."""

    def __init__(self, library: bytes) -> None:
        self._library, self._position = library, FIRST_BYTE

    def take(self, *shape: int) -> Array:
        """The next array. Raises `ValueError` where the file holds no weights there."""
        size = 4 * int(np.prod(shape))
        alignment = 32 if size >= 32 else 16 if size >= 16 else 4
        start = -(-self._position // alignment) * alignment
        self._position = start + size
        values = np.frombuffer(self._library[start : start + size], "<f4")
        if values.nbytes != size or not np.isfinite(values).all() or np.abs(values).max() > 100:
            raise ValueError("there are no weights where they should be")
        return values.reshape(shape).astype(np.float32)

    def pointwise(self, inputs: int, outputs: int) -> Convolution:
        """A convolution of 1 x 1."""
        bias = self.take(outputs)
        return Convolution(self.take(outputs, inputs)[:, :, None, None], bias)

    def depthwise(self, channels: int) -> Convolution:
        """A convolution of 3 x 3, each channel for itself."""
        bias = self.take(channels)
        return Convolution(self.take(3, 3, channels).transpose(2, 0, 1)[:, None], bias)

    def first(self, outputs: int) -> Convolution:
        """The convolution of 3 x 3 over blue, green and red, turned to red, green and blue."""
        bias = self.take(outputs)
        filters = self.take(outputs, PADDED_FILTER)[:, :27].reshape(outputs, 3, 3, 3)
        return Convolution(np.ascontiguousarray(filters.transpose(0, 3, 1, 2)[:, ::-1]), bias)


Pair = tuple[Convolution, Convolution]  # of 1 x 1, and of 3 x 3 each channel for itself


@dataclass(frozen=True)
class Network:
    """The convolutions by part: `stages` of the backbone, `laterals` of the neck for each stride, and `heads`, those of
    HEADS for each stride.
    """

    stages: tuple[tuple[Convolution, ...], ...]
    laterals: tuple[Pair, ...]
    heads: tuple[tuple[Pair, ...], ...]


def read_network(library: bytes) -> Network:
    """The network in the bytes of `libfacedetection.so`. Raises `ValueError` for another file."""
    reader = WeightReader(library)

    def pair(inputs: int, outputs: int) -> Pair:
        depthwise = reader.depthwise(outputs)
        return reader.pointwise(inputs, outputs), depthwise

    by_kind = [[pair(64, channels) for _ in STRIDES][::-1] for channels in reversed(HEADS)][::-1]
    heads = tuple(zip(*by_kind, strict=True))
    laterals = tuple(pair(64, 64) for _ in STRIDES)[::-1]
    stages: list[tuple[Convolution, ...]] = []
    for inputs, middle, outputs in reversed(STAGES[1:]):
        second = pair(middle, outputs)
        stages.append((*pair(inputs, middle), *second))
    _, middle, outputs = STAGES[0]
    second = pair(middle, outputs)
    stages.append((reader.first(middle), *second))
    if reader._position != LAST_BYTE:
        raise ValueError("the weights end elsewhere")
    return Network(tuple(reversed(stages)), laterals, heads)


def detector_graph(library: bytes) -> bytes:
    """The network as ONNX: `image` (n, height, width, 3) uint8 RGB, sides multiples of 32, to 16 numbers a cell (class,
    four of the box, object, ten of the points; class and object as logits) for each stride: `cells_8`, `cells_16`,
    `cells_32`, each (n, 16, rows, columns).
    """
    network, graph = read_network(library), Graph("yunet")
    x = _first_layer(graph, graph.input("image", np.uint8, ("n", "height", "width", 3)), network.stages[0][0])
    features = []
    for number, stage in enumerate(network.stages):
        pairs = (stage[1:],) if number == 0 else (stage[:2], stage[2:])
        for pointwise, depthwise in pairs:
            x = _unit(graph, x, pointwise, depthwise)
        if number >= 3:
            features.append(x)
        if number in POOLED:
            x = graph.node("MaxPool", x, kernel_shape=(2, 2), strides=(2, 2))
    doubled = graph.constant(np.array([1, 1, 2, 2], np.float32))
    levels: list[str] = []
    for feature, lateral in zip(reversed(features), reversed(network.laterals), strict=True):
        if levels:
            larger = graph.node(
                "Resize", levels[0], "", doubled,
                mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor",
            )  # fmt: skip
            feature = graph.node("Add", feature, larger)
        levels.insert(0, _unit(graph, feature, *lateral))
    for level, (x, stride) in enumerate(zip(levels, STRIDES, strict=True)):
        pointwise, depthwise = (_joined(layers) for layers in zip(*network.heads[level], strict=True))
        cells = _convolve(graph, _convolve(graph, x, pointwise), depthwise)
        graph.output(graph.named("Identity", f"cells_{stride}", cells), np.float32, ("n", CELL, "rows", "columns"))
    return graph.encode()


def _first_layer(graph: Graph, image: str, layer: Convolution) -> str:
    """The first convolution over the bytes as they lie, red, green and blue by turns: one plane, three times as wide.

    Taking the colours apart first would take as long as the convolution.
    """
    plane = graph.node("Unsqueeze", graph.node("Reshape", image, _numbers(graph, 0, 0, -1)), _numbers(graph, 1))
    filters = layer.filters.transpose(0, 2, 3, 1).reshape(-1, 1, 3, 9)
    floats = graph.node("Cast", plane, to=1)  # bytes move faster than floats
    return graph.node("Relu", _convolve(graph, floats, Convolution(filters, layer.bias), strides=(2, 6)))


def _numbers(graph: Graph, *values: int) -> str:
    return graph.constant(np.array(values, np.int64))


def _joined(layers: Sequence[Convolution]) -> Convolution:
    """Convolutions of one kind as one, their outputs one after the other."""
    filters, biases = zip(*((layer.filters, layer.bias) for layer in layers), strict=True)
    return Convolution(np.concatenate(filters), np.concatenate(biases))


def _unit(graph: Graph, x: str, pointwise: Convolution, depthwise: Convolution) -> str:
    return graph.node("Relu", _convolve(graph, _convolve(graph, x, pointwise), depthwise))


def _convolve(graph: Graph, x: str, layer: Convolution, *, strides: tuple[int, int] = (1, 1)) -> str:
    rows, columns = layer.filters.shape[2:]
    constants = graph.constant(np.ascontiguousarray(layer.filters)), graph.constant(layer.bias)
    return graph.node(
        "Conv", x, *constants,
        kernel_shape=(rows, columns),
        pads=(rows // 3, columns // 3) * 2,  # one pixel around filters of three, nothing around others
        strides=strides,
        group=len(layer.filters) if layer.is_depthwise else 1,
    )  # fmt: skip


def load() -> YuNet:
    """The detector of the installed weights. Raises `EngineUnavailable`."""
    file = weights.LIBFACEDETECTION
    return YuNet(graphs.session(f"yunet.{file.sha256[:16]}.v{VERSION}", lambda: _build(file)))


def _build(file: weights.WeightFile) -> bytes:
    weights.verify([file])
    try:
        return detector_graph(file.path.read_bytes())
    except ValueError as error:
        raise EngineUnavailable(f"{file.name} cannot be used: {error}.", code="engine.weights_broken") from error


class YuNet:
    """The detector on a session of `detector_graph`. Safe for several threads."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def __call__(self, image: Image, *, threshold: float) -> list[Detection]:
        """Faces of an RGB image that score `threshold` (0 to 1) and more, the surest first, boxes not clipped."""
        grids = self._session.run(None, {"image": _padded(image)[None]})
        found = _decode(grids, threshold)
        return [_detection(row) for row in found[_without_overlap(found)]]


def _padded(image: Image) -> Image:
    """With black to the right and below, as far as the next multiple of 32."""
    import cv2

    below, right = (-side % MULTIPLE for side in image.shape[:2])
    if not below and not right:
        return image
    return cast(Image, cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_CONSTANT))


def _decode(grids: Sequence[Array], threshold: float) -> Array:
    """(n, 15): score, left, top, width, height and five points of the cells that score enough.

    `grids`: (1, 16, rows, columns) for each stride. The score is the root of two probabilities, each of which is
    therefore at least the square of the threshold.
    """
    least = np.log(threshold**2 / (1 - threshold**2))
    likely = [np.nonzero((grid[CLASS] >= least) & (grid[OBJECT] >= least)) for (grid,) in grids]
    cell = np.concatenate([grid[:, y, x] for (grid,), (y, x) in zip(grids, likely, strict=True)], axis=1).T
    corner = np.concatenate([(x, y) for y, x in likely], axis=1).T
    stride = np.repeat(np.array(STRIDES, np.float32), [len(x) for _, x in likely])[:, None]
    scores = 1 / np.sqrt((1 + np.exp(-cell[:, CLASS])) * (1 + np.exp(-cell[:, OBJECT])))
    offset, size = cell[:, BOX][:, :2], np.exp(cell[:, BOX][:, 2:]) * stride
    middle = (corner + offset) * stride
    points = (cell[:, POINTS] + np.tile(corner, 5)) * stride
    rows: Array = np.concatenate([scores[:, None], middle - size / 2, size, points], axis=1)
    return rows.compress(scores >= threshold, axis=0)


def _without_overlap(rows: Array) -> list[int]:
    """Indices of the rows whose boxes overlap no surer one's, the surest first."""
    import cv2

    return [int(index) for index in cv2.dnn.NMSBoxes(rows[:, 1:5].tolist(), rows[:, 0].tolist(), 0.0, NMS_OVERLAP)]


def _detection(row: Array) -> Detection:
    x, y, w, h = (round(float(value)) for value in row[1:5])
    right_eye, left_eye, nose, right, left = ((float(px), float(py)) for px, py in row[5:].reshape(5, 2))
    points = Landmarks(left_eye=left_eye, right_eye=right_eye, nose=nose, mouth_left=left, mouth_right=right)
    return Detection(Box(x, y, w, h), confidence=float(row[0]), landmarks=points)
