"""The graph of a described network: bytes of aligned RGB faces in, vectors of unit length out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vision.engines import weights
from vision.engines.networks.described import Network
from vision.engines.onnx.composition import Composition
from vision.exceptions import EngineUnavailable

VERSION = 1  # of the graphs; raise it with every change to what is built
AXES_ARE_INPUTS = 18  # from this opset on
CHIPS, EMBEDDINGS = "chips", "embeddings"
LOWEST_OPSET = 8


class UnfitNetwork(ValueError):
    """The file does not hold the network that is described."""


def build(network: Network) -> bytes:
    """`network_graph` of the file, whose hash is checked. Raises `EngineUnavailable` (`engine.weights_*`)."""
    from google.protobuf.message import DecodeError

    file = network.model.files[0]
    weights.verify([file])
    try:
        return network_graph(network, file.path.read_bytes())
    except (UnfitNetwork, DecodeError) as error:
        reason = str(error) if isinstance(error, UnfitNetwork) else "it is no ONNX file"
        raise EngineUnavailable(f"{file.name} cannot be used: {reason}.", code="engine.weights_broken") from error


def network_graph(network: Network, content: bytes) -> bytes:
    """`chips` (n, height, width, 3) uint8 RGB to `embeddings` (n, dimensions) float32 of unit length.

    n is 1 where the network takes no other number. Raises `UnfitNetwork` for a file that is not as it is described.
    """
    from onnx import TensorProto, helper, load_model_from_string

    model = load_model_from_string(content)
    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)
    if opset < LOWEST_OPSET:
        raise UnfitNetwork(f"its operations are of version {opset}, and {LOWEST_OPSET} is the oldest that is read")
    batch = _check_input(network, model)
    _keep_output(network, model)
    graph = Composition(axes_are_inputs=opset >= AXES_ARE_INPUTS)
    pixels = prepare(graph, network)
    raw = graph.include(model, "network_", pixels)
    flat = graph.add("Flatten", raw, axis=1)
    answer = graph.unit(flat)
    width, height = network.model.alignment.size
    whole = helper.make_graph(
        [*graph.nodes, helper.make_node("Identity", [answer], [EMBEDDINGS])],
        network.name,
        [helper.make_tensor_value_info(CHIPS, TensorProto.UINT8, [batch, height, width, 3])],
        [helper.make_tensor_value_info(EMBEDDINGS, TensorProto.FLOAT, [batch, network.model.dimensions])],
        graph.constants,
    )
    made = helper.make_model(whole, opset_imports=list(model.opset_import), ir_version=model.ir_version)
    written: bytes = made.SerializeToString()
    return written


def prepare(graph: Composition, network: Network) -> str:
    """The values that a network sees of `chips`; their name is returned."""
    from onnx import TensorProto

    how, (width, height) = network.preprocessing, network.model.alignment.size
    pixels = graph.add("Cast", CHIPS, to=TensorProto.FLOAT)
    if how.colours == "bgr":
        pixels = graph.add("Gather", pixels, graph.numbers([2, 1, 0]), axis=3)
    if how.whiten:
        pixels = _whitened(graph, pixels, 1 / math.sqrt(3 * width * height))
    else:
        pixels = graph.add("Sub", pixels, graph.constant(np.array(how.mean, np.float32)))
        pixels = graph.add("Div", pixels, graph.constant(np.array(how.scale, np.float32)))
    return graph.add("Transpose", pixels, perm=[0, 3, 1, 2]) if how.layout == "nchw" else pixels


def _whitened(graph: Composition, pixels: str, least: float) -> str:
    """Each chip with the mean 0 and the standard deviation 1, as facenet's `prewhiten` does; `least` is divided by."""
    centred = graph.add("Sub", pixels, graph.reduce("ReduceMean", pixels, axes=[1, 2, 3]))
    variance = graph.reduce("ReduceMean", graph.add("Mul", centred, centred), axes=[1, 2, 3])
    deviation = graph.add("Max", graph.add("Sqrt", variance), graph.constant(least))
    return graph.add("Div", centred, deviation)


def _check_input(network: Network, model: Any) -> int | str:
    """The number of faces that the network takes at a time: 1 or `n`."""
    constants = {constant.name for constant in model.graph.initializer}
    entries = [value for value in model.graph.input if value.name not in constants]
    if len(entries) != 1:
        raise UnfitNetwork(f"it has {len(entries)} inputs, and one is expected")
    shape = [dimension.dim_value or None for dimension in entries[0].type.tensor_type.shape.dim]
    width, height = network.model.alignment.size
    wanted = [3, height, width] if network.preprocessing.layout == "nchw" else [height, width, 3]
    if len(shape) != 4 or any(found not in (None, want) for found, want in zip(shape[1:], wanted, strict=True)):
        raise UnfitNetwork(f"it takes {_written(shape)}, and {_written([None, *wanted])} is described")
    if shape[0] not in (None, 1):
        raise UnfitNetwork(f"it takes exactly {shape[0]} faces at a time")
    return 1 if shape[0] == 1 else "n"


def _keep_output(network: Network, model: Any) -> None:
    """Leave the one output that is described, whose size must be right."""
    named = {value.name: value for value in model.graph.output}
    if network.output and network.output not in named:
        raise UnfitNetwork(f"it has no output {network.output!r}; there are {', '.join(named)}")
    output = named[network.output] if network.output else model.graph.output[0]
    shape = [dimension.dim_value or None for dimension in output.type.tensor_type.shape.dim]
    sizes = [size for size in shape[1:] if size != 1]
    if None not in sizes and shape and sizes != [network.model.dimensions]:
        raise UnfitNetwork(f"it answers {_written(shape)}, and {network.model.dimensions} dimensions are described")
    kept = type(output)()
    kept.CopyFrom(output)
    del model.graph.output[:]
    model.graph.output.append(kept)


def _written(shape: list[int | None]) -> str:
    return " x ".join(str(size or "n") for size in shape)
