"""Faceplugin's passive liveness network, changed to take a batch of crops as they are cut."""

from __future__ import annotations

SIDE = 128  # pixels of a crop


def liveness_graph(content: bytes) -> bytes:
    """The graph of `fr_liveness.onnx`: `crops` (n, 128, 128, 3) uint8 RGB to `probabilities` (n, 3), of which the first
    is that of a live person.

    The file takes one image, though nothing in it depends on that. Raises `ValueError` for a file that holds no such
    network.
    """
    import numpy as np
    from onnx import TensorProto, helper, load_model_from_string, numpy_helper

    try:
        graph = (model := load_model_from_string(content)).graph
    except Exception as error:  # of protobuf, which has no types
        raise ValueError("the file is no ONNX model") from error
    if [value.name for value in (*graph.input, *graph.output)] != ["input", "output"]:
        raise ValueError("the network has other inputs and outputs")
    graph.initializer.append(numpy_helper.from_array(np.array([2, 1, 0], np.int64), "blue_green_red"))
    before = [
        helper.make_node("Cast", ["crops"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["numbers"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Gather", ["planes", "blue_green_red"], ["input"], axis=1),
    ]
    after = helper.make_node("Softmax", ["output"], ["probabilities"], axis=1)
    nodes = [*before, *graph.node, after]
    for field in (graph.node, graph.input, graph.output, graph.value_info):
        del field[:]
    graph.node.extend(nodes)
    graph.input.append(helper.make_tensor_value_info("crops", TensorProto.UINT8, ["n", SIDE, SIDE, 3]))
    graph.output.append(helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 3]))
    encoded: bytes = model.SerializeToString()
    return encoded
