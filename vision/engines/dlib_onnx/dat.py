"""Reads dlib's serialised networks (.dat) into plain layers, to the last byte.

dlib's stream names each layer's kind and version but not the C++ type that nests them; what it holds is enough to
recover the networks of `face_recognition_models`. Any kind or version that is not known here is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float64]
SPECIAL = {32000: float("inf"), 32001: float("-inf"), 32002: float("nan")}  # exponents that stand for a value
NEGATIVE, COUNT = 0x80, 0x0F  # of an integer's first byte: its sign, and how many bytes follow


class DatError(ValueError):
    """The file is cut off, damaged, or of an unknown kind."""


@dataclass(frozen=True)
class Conv:
    """`weights` (filters, channels, rows, columns) and `bias` (filters); cross-correlation, zeros around."""

    weights: Weights
    bias: Weights
    stride: int
    padding: int


@dataclass(frozen=True)
class Affine:
    """y = gain * x + offset, for each channel."""

    gain: Weights
    offset: Weights


@dataclass(frozen=True)
class Pool:
    """Windows of `size` without padding; a size of 0 is the whole plane."""

    kind: str  # max or avg
    size: int
    stride: int


@dataclass(frozen=True)
class Linear:
    """y = x @ weights; (inputs, outputs)."""

    weights: Weights


@dataclass(frozen=True)
class Relu:
    """max(x, 0)."""


@dataclass(frozen=True)
class Add:
    """Adds what a tag has kept; of two sizes the smaller is filled up with zeros."""


@dataclass(frozen=True)
class Tag:
    """Keeps a value or goes back to one; the stream does not say which."""


Layer = Conv | Affine | Pool | Linear | Relu | Add | Tag


@dataclass(frozen=True)
class Window:
    """The sliding window of an mmod detector and how it drops overlapping answers."""

    width: int
    height: int
    overlap: float  # largest share of the intersection in the box around both
    covered: float  # largest share of the intersection in either


@dataclass(frozen=True)
class Network:
    """Layers from the input to the output. `average` is subtracted from each of R, G, B before division by 256."""

    layers: list[Layer]
    average: tuple[float, ...]
    side: int = 0  # of the only image size that the network takes; 0: any
    padding: tuple[int, int] = (10, 11)  # between the images of a pyramid, and around them
    window: Window | None = None


def parse(data: bytes) -> Network:
    """The network in `data`. Raises `DatError`."""
    try:
        return _Parser(data).network()
    except DatError:
        raise
    except (OverflowError, ValueError) as error:
        raise DatError("the numbers in the file are invalid") from error


def read(path: Path) -> Network:
    """The network in a file. Raises `DatError` or `OSError`."""
    return parse(path.read_bytes())


class Stream:
    """dlib's primitives. Raises `DatError` where the data end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def raw(self, count: int) -> bytes:
        if count < 0 or self._at + count > len(self._data):
            raise DatError("the file ends too early")
        self._at += count
        return self._data[self._at - count : self._at]

    def integer(self) -> int:
        head = self.raw(1)[0]
        if not 1 <= head & COUNT <= 8 or head & ~(NEGATIVE | COUNT):
            raise DatError("a number is damaged")
        value = int.from_bytes(self.raw(head & COUNT), "little")
        return -value if head & NEGATIVE else value

    def integers(self, count: int) -> list[int]:
        return [self.integer() for _ in range(count)]

    def real(self) -> float:
        mantissa, exponent = self.integer(), self.integer()
        return SPECIAL[exponent] if exponent in SPECIAL else mantissa * 2.0**exponent

    def reals(self, count: int) -> list[float]:
        return [self.real() for _ in range(count)]

    def boolean(self) -> bool:
        value = self.raw(1)
        if value not in (b"0", b"1"):
            raise DatError("a truth value is damaged")
        return value == b"1"

    def string(self) -> str:
        return self.raw(self.integer()).decode("ascii")

    def expect(self, what: str, *versions: int) -> int:
        version = self.integer()
        if version not in versions:
            raise DatError(f"{what} has the unknown version {version}")
        return version

    def tensor(self) -> Weights:
        self.expect("a tensor", 2)
        shape = self.integers(4)
        if min(shape) < 0:
            raise DatError("a tensor has a negative size")
        values = np.frombuffer(self.raw(4 * int(np.prod(shape, dtype=object))), "<f4")
        if not np.isfinite(values).all():
            raise DatError("a tensor holds a value that is not a number")
        return values.astype(float).reshape(shape)

    def alias(self) -> list[int]:
        """The shape of a part of a tensor."""
        self.expect("an alias tensor", 1)
        return self.integers(4)

    def at_string(self, start: str) -> bool:
        """Whether a string that begins so comes next; reads nothing."""
        kept = self._at
        try:
            return self.string().startswith(start)
        except (DatError, UnicodeDecodeError):
            return False
        finally:
            self._at = kept

    def end(self) -> None:
        if self._at != len(self._data):
            raise DatError("the file goes on after its end")


@dataclass
class _Parser:
    """One network. The stream has its loss, the wrappers' versions from the outermost in, the input, the layers out."""

    data: bytes
    stream: Stream = field(init=False)

    def __post_init__(self) -> None:
        self.stream = Stream(self.data)

    def network(self) -> Network:
        self.stream.expect("the network", 1)
        window = self._loss()
        wrappers = self._wrappers()
        average, side, padding = self._input()
        layers = [self._layer(wrapper, first=i == 0) for i, wrapper in enumerate(reversed(wrappers))]
        self.stream.end()
        return Network(layers, average, side, padding, window)

    def _loss(self) -> Window | None:
        kind = self.stream.string()
        if kind == "loss_metric_2":
            self.stream.reals(2)  # margin and threshold, used in training only
            return None
        if kind != "loss_mmod_":
            raise DatError(f"the loss {kind!r} is not known")
        self.stream.expect("loss_mmod_", 1)
        width, height = self.stream.integers(2)
        self.stream.reals(3)  # losses and overlap of the training
        overlap, covered = self.stream.reals(2)
        self.stream.reals(2)  # what the training ignored
        return Window(width, height, overlap, covered)

    def _wrappers(self) -> list[int]:
        versions: list[int] = []
        while not self.stream.at_string("input"):
            versions.append(self.stream.expect("a layer", 1, 2, 3))
        if not versions or versions[-1] != 3 or 3 in versions[:-1]:
            raise DatError("the layers are nested in an unknown way")
        return versions

    def _input(self) -> tuple[tuple[float, ...], int, tuple[int, int]]:
        kind, average = self.stream.string(), tuple(self.stream.reals(3))
        if kind == "input_rgb_image_sized":
            rows, columns = self.stream.integers(2)
            if rows != columns or rows < 1:
                raise DatError("the input is not square")
            return average, rows, (0, 0)
        if kind == "input_rgb_image_pyramid":
            return average, 0, (10, 11)
        raise DatError(f"the input {kind!r} is not known")

    def _layer(self, wrapper: int, *, first: bool) -> Layer:
        if wrapper == 1:
            return Tag()
        kind = self.stream.string()
        if kind not in READERS:
            raise DatError(f"the layer {kind!r} is not known")
        layer = READERS[kind](self.stream)
        for _ in range(3):  # set up, gradient stale, output disabled
            self.stream.boolean()
        for _ in range(3):  # gradients and cached output
            self.stream.tensor()
        if first:
            self.stream.integer()  # sample expansion factor
        return layer


def _conv(stream: Stream) -> Layer:
    params = stream.tensor().ravel()
    filters, rows, columns, stride_y, stride_x, padding_y, padding_x = stream.integers(7)
    shape, bias = stream.alias(), stream.alias()
    stream.reals(4)
    if stride_y != stride_x or padding_y != padding_x or stride_y < 1 or padding_y < 0:
        raise DatError("a convolution is not symmetric")
    if [shape[0], shape[2], shape[3]] != [filters, rows, columns] or int(np.prod(bias)) != filters:
        raise DatError("a convolution contradicts itself")
    if params.size != int(np.prod(shape)) + filters:
        raise DatError("a convolution has a wrong number of weights")
    return Conv(params[:-filters].reshape(shape), params[-filters:], stride_y, padding_y)


def _gain_and_offset(stream: Stream) -> tuple[Weights, Weights]:
    params, gain, offset = stream.tensor().ravel(), stream.alias(), stream.alias()
    if gain != offset or params.size != 2 * int(np.prod(gain)):
        raise DatError("an affine layer has a wrong number of weights")
    return params[: params.size // 2], params[params.size // 2 :]


def _affine(stream: Stream) -> Layer:
    gain, offset = _gain_and_offset(stream)
    if stream.integer() != 0:
        raise DatError("an affine layer does not work by channels")
    return Affine(gain, offset)


def _batch_norm(stream: Stream) -> Layer:
    """Batch normalisation as it works after the training: by the running statistics."""
    gain, offset = _gain_and_offset(stream)
    stream.tensor(), stream.tensor()  # statistics of the last batch
    mean, variance = stream.tensor().ravel(), stream.tensor().ravel()
    stream.integers(2)
    stream.reals(4)
    eps = stream.real()
    if mean.size != gain.size or variance.size != gain.size or not (variance + eps > 0).all():
        raise DatError("a batch normalisation contradicts itself")
    gain = gain / np.sqrt(variance + eps)
    return Affine(gain, offset - gain * mean)


def _pool(kind: str) -> Callable[[Stream], Layer]:
    def read_pool(stream: Stream) -> Layer:
        rows, columns, stride_y, stride_x, *padding = stream.integers(6)
        if rows != columns or stride_y != stride_x or any(padding) or stride_y < 1 or rows < 0:
            raise DatError("a pooling layer is not symmetric")
        return Pool(kind, rows, stride_y)

    return read_pool


def _linear(stream: Stream) -> Layer:
    outputs, inputs = stream.integers(2)
    params = stream.tensor()
    shape = stream.alias()
    stream.alias()
    if stream.integer() != 1:
        raise DatError("a fully connected layer has a bias, which is not known here")
    stream.reals(4)
    if params.size != inputs * outputs or int(np.prod(shape)) != params.size:
        raise DatError("a fully connected layer has a wrong number of weights")
    return Linear(cast(Weights, params.reshape(inputs, outputs)))


READERS: dict[str, Callable[[Stream], Layer]] = {
    "con_4": _conv,
    "affine_": _affine,
    "bn_con2": _batch_norm,
    "relu_": lambda stream: Relu(),
    "add_prev_": lambda stream: Add(),
    "max_pool_2": _pool("max"),
    "avg_pool_2": _pool("avg"),
    "fc_2": _linear,
}
