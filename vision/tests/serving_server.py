"""A small server of SavedModels that speaks TensorFlow Serving's REST and gRPC interfaces, for tests.

`python -m vision.tests.serving_server FOLDER` serves FOLDER/NAME/VERSION. As TensorFlow Serving does, it looks for new
versions, loads the newest before it drops the one before, and lets calls that run end. It prints the ports as JSON when
every model is there. The messages of gRPC are the published ones (package tensorflow-serving-api).
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

LOOK_SECONDS = 0.05
PATH = re.compile(r"/v1/models/(?P<name>[^/:]+)(/versions/(?P<version>\d+))?(?P<rest>:predict|/metadata)?")


class Refusal(Exception):
    """`status` of HTTP and of gRPC."""

    def __init__(self, http: int, rpc: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.http, self.rpc = http, rpc


class Models:
    """The newest version of each model below `folder`; `dropped` lists versions that made way."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loaded: dict[str, tuple[int, Any]] = {}
        self.dropped: list[str] = []

    def look(self) -> None:
        for path in self._folder.glob("*"):
            versions = [int(one.name) for one in path.glob("*") if one.name.isdecimal()]
            if versions and self._loaded.get(path.name, (0,))[0] != (newest := max(versions)):
                model = tf.saved_model.load(str(path / str(newest)))
                if old := self._loaded.get(path.name):
                    self.dropped.append(f"{path.name}/{old[0]}")
                self._loaded[path.name] = newest, model

    def keep_looking(self) -> None:
        while True:
            self.look()
            time.sleep(LOOK_SECONDS)

    def version(self, name: str, version: int | None) -> tuple[int, Any]:
        number, model = self._loaded.get(name, (0, None))
        if model is None or version not in (None, number):
            raise Refusal(404, grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {name} {version}")
        return number, model

    def signature(self, name: str, version: int | None, signature: str) -> tuple[int, Any]:
        number, model = self.version(name, version)
        if signature not in model.signatures:
            raise Refusal(400, grpc.StatusCode.INVALID_ARGUMENT, f"Serving signature key {signature!r} not found.")
        return number, model.signatures[signature]

    def predict(self, name: str, version: int | None, signature: str, inputs: dict[str, Any]) -> tuple[int, Any]:
        number, function = self.signature(name, version, signature)
        wanted = function.structured_input_signature[1]
        if set(inputs) != set(wanted):
            raise Refusal(400, grpc.StatusCode.INVALID_ARGUMENT, f"input tensor alias not found: {set(inputs)}")
        try:
            tensors = {key: tf.constant(values, wanted[key].dtype) for key, values in inputs.items()}
            answer = function(**tensors)
        except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
            raise Refusal(400, grpc.StatusCode.INVALID_ARGUMENT, str(error)[:200]) from error
        return number, {key: value.numpy() for key, value in answer.items()}


class Rest(BaseHTTPRequestHandler):
    """REST of one `Models`."""

    models: Models
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer(self._describe)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(lambda found: self._predict(found, json.loads(body)))

    def _predict(self, found: re.Match[str], asked: Any) -> Any:
        version = found["version"] and int(found["version"])
        _, outputs = self.models.predict(
            found["name"], version, asked.get("signature_name", "serving_default"), asked["inputs"]
        )
        plain = {key: _plain(values) for key, values in outputs.items()}
        return {"outputs": plain if len(plain) > 1 else next(iter(plain.values()))}

    def _describe(self, found: re.Match[str]) -> Any:
        version = found["version"] and int(found["version"])
        if found["rest"] != "/metadata":
            number, _ = self.models.version(found["name"], version)
            status = {"version": str(number), "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
            return {"model_version_status": [status], "dropped": self.models.dropped}
        number, function = self.models.signature(found["name"], version, "serving_default")
        spec = {"name": found["name"], "signature_name": "", "version": str(number)}
        inputs = {key: _described(one) for key, one in function.structured_input_signature[1].items()}
        outputs = {key: _described(one) for key, one in function.structured_outputs.items()}
        signature = {"inputs": inputs, "outputs": outputs, "method_name": "tensorflow/serving/predict"}
        return {"model_spec": spec, "metadata": {"signature_def": {"signature_def": {"serving_default": signature}}}}

    def _answer(self, make: Any) -> None:
        try:
            found = PATH.fullmatch(self.path)
            if found is None:
                raise Refusal(404, grpc.StatusCode.NOT_FOUND, "Malformed request")
            status, answer = 200, make(found)
        except Refusal as refusal:
            status, answer = refusal.http, {"error": str(refusal)}
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        pass


def _plain(values: Any) -> Any:
    return [text.decode() for text in values] if values.dtype == object else values.tolist()


def _described(spec: Any) -> Any:
    sizes = [{"size": str(-1 if size is None else size), "name": ""} for size in spec.shape]
    shape = {"dim": sizes, "unknown_rank": False}
    return {"dtype": f"DT_{spec.dtype.name.upper()}", "tensor_shape": shape, "name": spec.name}


class Rpc(prediction_service_pb2_grpc.PredictionServiceServicer):  # type: ignore[misc]
    """gRPC of one `Models`; outputs are written as fields, which is TensorFlow Serving's default."""

    def __init__(self, models: Models) -> None:
        self._models = models

    def Predict(self, request: Any, context: Any) -> Any:
        spec = request.model_spec
        version = spec.version.value if spec.HasField("version") else None
        signature = spec.signature_name or "serving_default"
        inputs = {key: tf.make_ndarray(tensor) for key, tensor in request.inputs.items()}
        try:
            number, outputs = self._models.predict(spec.name, version, signature, inputs)
        except Refusal as refusal:
            context.abort(refusal.rpc, str(refusal))
        answer = predict_pb2.PredictResponse()
        answer.model_spec.name, answer.model_spec.version.value = spec.name, number
        for key, values in outputs.items():
            tensor = answer.outputs[key]
            tensor.dtype = tf.as_dtype(values.dtype).as_datatype_enum
            tensor.tensor_shape.CopyFrom(tf.TensorShape(values.shape).as_proto())
            (tensor.string_val if values.dtype == object else tensor.float_val).extend(np.ravel(values))
        return answer


def main() -> None:
    models = Models(Path(sys.argv[1]))
    models.look()
    Rest.models = models
    rest = ThreadingHTTPServer(("127.0.0.1", 0), Rest)
    rpc = grpc.server(ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", -1)])
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Rpc(models), rpc)
    port = rpc.add_insecure_port("127.0.0.1:0")
    rpc.start()
    threading.Thread(target=models.keep_looking, daemon=True).start()
    print(json.dumps({"rest": rest.server_port, "grpc": port}), flush=True)  # noqa: T201
    rest.serve_forever()


if __name__ == "__main__":
    main()
