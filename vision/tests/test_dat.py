"""dlib's files are read to the last byte, and what is cut off, damaged or unknown is refused."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from vision.engines import weights
from vision.engines.dlib_onnx import dat, networks
from vision.engines.dlib_onnx.dat import Conv, DatError, Stream
from vision.engines.weights import WeightFile


def packaged(file: WeightFile) -> bytes:
    spec = find_spec(file.package)
    assert spec and spec.origin
    return (Path(spec.origin).parent / "models" / file.name).read_bytes()


@pytest.fixture(scope="module")
def mmod() -> bytes:
    return packaged(weights.DLIB_MMOD)


def test_the_detector_is_read(mmod: bytes) -> None:
    network = dat.parse(mmod)
    convolutions = [layer for layer in network.layers if isinstance(layer, Conv)]
    assert [layer.weights.shape[0] for layer in convolutions] == [16, 32, 32, 45, 45, 45, 1]
    assert [(layer.stride, layer.padding) for layer in convolutions] == [(2, 0)] * 3 + [(1, 2)] * 3 + [(1, 4)]
    assert network.window and (network.window.width, network.window.height) == (80, 80)
    assert network.window.overlap == pytest.approx(0.33827613)
    assert network.average == pytest.approx((122.782, 117.001, 104.298)) and network.padding == (10, 11)


def test_the_descriptor_is_read() -> None:
    network = dat.parse(packaged(weights.DLIB_RESNET))
    assert len(network.layers) == 130 and network.side == 150 and network.window is None
    assert sum(isinstance(layer, Conv) for layer in network.layers) == 29


def test_a_file_that_is_cut_off_anywhere_is_refused(mmod: bytes) -> None:
    ends = [*range(200), *range(200, len(mmod), 9973), len(mmod) - 1]
    for end in ends:
        with pytest.raises(DatError):
            dat.parse(mmod[:end])


def test_a_file_that_goes_on_is_refused(mmod: bytes) -> None:
    with pytest.raises(DatError, match="goes on"):
        dat.parse(mmod + b"\0")


def test_damage_is_refused_or_only_changes_weights(mmod: bytes) -> None:
    """Any other error than `DatError`, or memory for what a damaged number promises, would fail here."""
    layers = len(dat.parse(mmod).layers)
    random = np.random.default_rng(5)
    places = np.concatenate([np.arange(400), random.integers(0, len(mmod), 300)])
    refused = 0
    for place in places:
        broken = bytearray(mmod)
        broken[place] ^= 1 << int(random.integers(8))
        try:
            assert len(dat.parse(bytes(broken)).layers) == layers
        except DatError:
            refused += 1
    assert refused > 60


@pytest.mark.parametrize("data", [b"", b"\x01", b"not a network", b"\x01\x01" + b"\xff" * 100, bytes(5000)])
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(DatError):
        dat.parse(data)


def test_unknown_kinds_and_versions_are_named(mmod: bytes) -> None:
    with pytest.raises(DatError, match="con_9"):
        dat.parse(mmod.replace(b"con_4", b"con_9", 1))
    with pytest.raises(DatError, match="loss_mmox_"):
        dat.parse(mmod.replace(b"loss_mmod_", b"loss_mmox_", 1))


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\x01\x00", 0),
        (b"\x01\x01", 1),
        (b"\x81\x04", -4),
        (b"\x02\x00\x01", 256),
        (b"\x84\xff\xff\xff\x7f", -(2**31) + 1),
    ],
)
def test_integers(data: bytes, value: int) -> None:
    assert Stream(data).integer() == value


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\x01\x10\x81\x04", 1.0),
        (b"\x01\x00\x01\x0b", 0.0),
        (b"\x81\x03\x81\x01", -1.5),
        (b"\x01\x00\x02\x01\x7d", -np.inf),
    ],
)
def test_reals(data: bytes, value: float) -> None:
    assert Stream(data).real() == value


def test_a_network_is_not_built_as_the_other_one(mmod: bytes) -> None:
    with pytest.raises(DatError, match="not a descriptor"):
        networks.descriptor_graph(dat.parse(mmod))
    with pytest.raises(DatError, match="not a detector"):
        networks.scores_graph(dat.parse(packaged(weights.DLIB_RESNET)))
