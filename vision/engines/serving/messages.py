"""The messages of TensorFlow Serving's PredictionService, without TensorFlow.

The published modules (package tensorflow-serving-api) import all of TensorFlow, which is kept out of our processes. The
messages have the published names and numbers of the fields that are used (tensorflow_serving/apis/predict.proto and
model.proto, tensorflow/core/framework/tensor.proto and tensor_shape.proto); others are skipped, as in every reader of
protocol buffers. `vision/tests/test_serving_messages.py` compares them with the published ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

PREDICT = "/tensorflow.serving.PredictionService/Predict"
OPTIONAL, REPEATED = 1, 3  # labels of FieldDescriptorProto, and its types
FLOAT, INT64, INT32, BOOL, STRING, MESSAGE, BYTES = 2, 3, 5, 8, 9, 11, 12
DT_FLOAT, DT_UINT8, DT_STRING = 1, 4, 7  # of tensorflow.DataType
PACKAGE = "faceapp.serving"
Field = tuple[str, int, int, int, str]  # name, number, type, label, message

MESSAGES: dict[str, list[Field]] = {
    "Dim": [("size", 1, INT64, OPTIONAL, "")],
    "TensorShapeProto": [("dim", 2, MESSAGE, REPEATED, "Dim")],
    "TensorProto": [
        ("dtype", 1, INT32, OPTIONAL, ""),
        ("tensor_shape", 2, MESSAGE, OPTIONAL, "TensorShapeProto"),
        ("tensor_content", 4, BYTES, OPTIONAL, ""),
        ("float_val", 5, FLOAT, REPEATED, ""),
        ("string_val", 8, BYTES, REPEATED, ""),
    ],
    "Int64Value": [("value", 1, INT64, OPTIONAL, "")],
    "ModelSpec": [
        ("name", 1, STRING, OPTIONAL, ""),
        ("version", 2, MESSAGE, OPTIONAL, "Int64Value"),
        ("signature_name", 3, STRING, OPTIONAL, ""),
    ],
    # A map is a list of entries on the wire.
    "Entry": [("key", 1, STRING, OPTIONAL, ""), ("value", 2, MESSAGE, OPTIONAL, "TensorProto")],
    "PredictRequest": [
        ("model_spec", 1, MESSAGE, OPTIONAL, "ModelSpec"),
        ("inputs", 2, MESSAGE, REPEATED, "Entry"),
    ],
    "PredictResponse": [("outputs", 1, MESSAGE, REPEATED, "Entry"), ("model_spec", 2, MESSAGE, OPTIONAL, "ModelSpec")],
}


class UnreadableTensor(ValueError):
    """A tensor of a kind or shape that no embedding has."""


def request(*, model: str, version: int | None, signature: str, inputs: Mapping[str, NDArray[Any]]) -> bytes:
    """A PredictRequest with tensors of float32 or uint8."""
    sent = _classes()["PredictRequest"]()
    sent.model_spec.name, sent.model_spec.signature_name = model, signature
    if version is not None:
        sent.model_spec.version.value = version
    for name, values in inputs.items():
        entry = sent.inputs.add(key=name)
        entry.value.dtype = DT_UINT8 if values.dtype == np.uint8 else DT_FLOAT
        for size in values.shape:
            entry.value.tensor_shape.dim.add(size=size)
        entry.value.tensor_content = np.ascontiguousarray(values).tobytes()
    content: bytes = sent.SerializeToString()
    return content


def outputs(content: bytes) -> dict[str, NDArray[Any]]:
    """The tensors of a PredictResponse by name: float32, or object arrays of texts; others are left out.

    Raises `UnreadableTensor`.
    """
    answer = _classes()["PredictResponse"]()
    try:
        answer.ParseFromString(content)
    except DecodeError as error:
        raise UnreadableTensor("no PredictResponse") from error
    kinds = (DT_FLOAT, DT_STRING)
    return {entry.key: _values(entry.value) for entry in answer.outputs if entry.value.dtype in kinds}


def _values(tensor: Any) -> NDArray[Any]:
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    try:
        if tensor.dtype == DT_STRING:
            texts = [text.decode() for text in tensor.string_val]
            return np.array(texts, object).reshape(shape)
        if tensor.tensor_content:
            return np.frombuffer(tensor.tensor_content, "<f4").reshape(shape)
        return np.array(tensor.float_val, np.float32).reshape(shape)
    except ValueError as error:  # of shapes, or of UTF-8
        raise UnreadableTensor("a tensor that does not have its shape") from error


@lru_cache(maxsize=1)
def _classes() -> dict[str, Any]:
    """The message classes by name, in a pool of their own: TensorFlow's may be in the same process."""
    file = descriptor_pb2.FileDescriptorProto(name="faceapp/serving.proto", package=PACKAGE, syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind, label, of in fields:
            added = message.field.add(name=field, number=number, type=kind, label=label)
            if of:
                added.type_name = f".{PACKAGE}.{of}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file) if hasattr(pool, "Add") else pool.AddSerializedFile(file.SerializeToString())
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in MESSAGES}
