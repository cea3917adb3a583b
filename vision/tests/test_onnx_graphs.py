"""What the ONNX writer writes, judged by the official package: its parser, its checker and its inference of shapes."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from vision.engines import weights
from vision.engines.dlib_onnx import dat, networks
from vision.engines.dlib_onnx.graph import IR_VERSION, OPSET, Graph
from vision.engines.weights import WeightFile


def network(file: WeightFile) -> dat.Network:
    spec = find_spec(file.package)
    assert spec is not None and spec.origin is not None
    return dat.read(Path(spec.origin).parent / "models" / file.name)


def checked(encoded: bytes) -> onnx.ModelProto:
    model = onnx.load_model_from_string(encoded)
    onnx.checker.check_model(model, full_check=True)
    assert (model.ir_version, model.opset_import[0].version) == (IR_VERSION, OPSET)
    return model


def shape_of(value: onnx.ValueInfoProto) -> list[int | str]:
    return [size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim]


@pytest.mark.parametrize(
    ("file", "build", "taken", "given"),
    [
        (weights.DLIB_RESNET, networks.descriptor_graph, ["n", 150, 150, 3], ["n", 128]),
        (weights.DLIB_MMOD, networks.features_graph, [1, 3, "height", "width"], [1, 32, "rows", "columns"]),
        (weights.DLIB_MMOD, networks.scores_graph, [1, 32, "rows", "columns"], [1, 1, "rows", "columns"]),
    ],
)
def test_the_graphs_of_dlibs_networks_are_valid(
    file: WeightFile, build: object, taken: list[int | str], given: list[int | str]
) -> None:
    graph = checked(build(network(file))).graph  # type: ignore[operator]
    assert [shape_of(value) for value in graph.input] == [taken]
    assert [shape_of(value) for value in graph.output] == [given]


def test_every_kind_of_value_is_written_as_the_format_wants() -> None:
    graph = Graph("small")
    images = graph.input("images", np.uint8, ("n", 2, 300))
    numbers = graph.node("Cast", images, to=1)
    padding = graph.constant(np.array([0, 0, 0, 0, 1, 200], np.int64))
    wider = graph.node("Pad", numbers, padding, graph.constant(np.array(-0.5, np.float32)), mode="constant")
    turned = graph.node("Transpose", wider, perm=(0, 2, 1))
    graph.output(turned, np.float32, ("n", 500, 3))
    encoded = graph.encode()
    model = checked(encoded)
    assert model.SerializeToString() == encoded
    assert [onnx.helper.get_attribute_value(node.attribute[0]) for node in model.graph.node] == [
        1, b"constant", [0, 2, 1],
    ]  # fmt: skip
    values = np.arange(600, dtype=np.uint8).reshape(1, 2, 300)
    (answer,) = onnxruntime.InferenceSession(encoded).run(None, {"images": values})
    expected = np.pad(values.astype(np.float32), ((0, 0), (0, 1), (0, 200)), constant_values=-0.5)
    np.testing.assert_array_equal(answer, expected.transpose(0, 2, 1))
