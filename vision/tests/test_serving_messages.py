"""Our messages of TensorFlow Serving are the published ones, which are read without importing TensorFlow."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, wrappers_pb2

from vision.engines.serving import messages

PUBLISHED = (
    ("tensorflow_serving", "apis/predict_pb2.py"),
    ("tensorflow_serving", "apis/model_pb2.py"),
    ("tensorflow", "core/framework/tensor_pb2.py"),
    ("tensorflow", "core/framework/tensor_shape_pb2.py"),
)
TYPES = {14: messages.INT32}  # an enumeration is a number on the wire
NAMES = {"InputsEntry": "Entry", "OutputsEntry": "Entry"}


def published() -> dict[str, descriptor_pb2.DescriptorProto]:
    """The published messages by name, those inside of others included."""
    found: dict[str, descriptor_pb2.DescriptorProto] = {}
    for package, name in PUBLISHED:
        spec = find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            pytest.skip(f"missing package: {package}")
        text = (Path(spec.submodule_search_locations[0]) / name).read_text()
        [content] = [
            node.args[0].value
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("AddSerializedFile")
            if isinstance(node.args[0], ast.Constant)
        ]
        waiting = list(descriptor_pb2.FileDescriptorProto.FromString(content).message_type)
        while waiting:
            message = waiting.pop()
            found[message.name] = message
            waiting.extend(message.nested_type)
    wrapped = found["Int64Value"] = descriptor_pb2.DescriptorProto()
    wrappers_pb2.Int64Value.DESCRIPTOR.CopyToProto(wrapped)
    return found


def test_every_field_has_the_published_number_and_type() -> None:
    theirs, compared = published(), set()
    for name, message in theirs.items():
        compared.add(ours := NAMES.get(name, name))
        fields = {field.name: field for field in message.field}
        for field, number, kind, label, of in messages.MESSAGES.get(ours, []):
            other = fields[field]
            inner = other.type_name.rsplit(".", 1)[-1] if kind == messages.MESSAGE else ""
            assert (other.number, TYPES.get(other.type, other.type), other.label) == (number, kind, label), (
                name,
                field,
            )
            assert NAMES.get(inner, inner) == of, (name, field)
    assert set(messages.MESSAGES) <= compared


def test_tensors_survive_both_ways_of_writing_them() -> None:
    response = messages._classes()["PredictResponse"]()
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    for name, fields in {
        "content": {"tensor_content": values.tobytes()},
        "fields": {"float_val": values.ravel().tolist()},
    }.items():
        entry = response.outputs.add(key=name)
        entry.value.dtype = messages.DT_FLOAT
        for size in values.shape:
            entry.value.tensor_shape.dim.add(size=size)
        for field, value in fields.items():
            setattr(entry.value, field, value) if isinstance(value, bytes) else entry.value.float_val.extend(value)
    texts = response.outputs.add(key="texts")
    texts.value.dtype = messages.DT_STRING
    texts.value.tensor_shape.dim.add(size=2)
    texts.value.string_val.extend([b"a", "ü".encode()])
    response.outputs.add(key="whole").value.dtype = 9  # DT_INT64
    read = messages.outputs(response.SerializeToString())
    assert set(read) == {"content", "fields", "texts"} and list(read["texts"]) == ["a", "ü"]
    np.testing.assert_array_equal(read["content"], values)
    np.testing.assert_array_equal(read["fields"], values)
    response.outputs[0].value.tensor_shape.dim[0].size = 7
    for content in (response.SerializeToString(), b"<html>", b"\xff" * 20):
        with pytest.raises(messages.UnreadableTensor):
            messages.outputs(content)


def test_a_request_holds_bytes_and_floats_as_they_are() -> None:
    chips = np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3)
    content = messages.request(
        model="m", version=3, signature="s", inputs={"chips": chips, "more": chips.astype(np.float32)[:, ::-1]}
    )
    read = messages._classes()["PredictRequest"].FromString(content)
    assert (read.model_spec.name, read.model_spec.version.value, read.model_spec.signature_name) == ("m", 3, "s")
    first, second = read.inputs
    assert first.value.dtype == messages.DT_UINT8 and first.value.tensor_content == chips.tobytes()
    assert [dim.size for dim in second.value.tensor_shape.dim] == [2, 2, 2, 3]
    assert second.value.tensor_content == np.ascontiguousarray(chips.astype(np.float32)[:, ::-1]).tobytes()
