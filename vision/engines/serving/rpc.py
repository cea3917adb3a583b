"""TensorFlow Serving's gRPC interface: PredictionService.Predict."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import grpc
from numpy.typing import NDArray

from vision.engines.networks.served import Endpoint, Served
from vision.engines.serving import messages
from vision.engines.serving.replicas import ANSWER, AWAY, CERTIFICATE, REFUSED, TIMEOUT, Answer, Replica, ReplicaFailed

OPTIONS = [
    ("grpc.max_receive_message_length", 64 * 2**20),
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.initial_reconnect_backoff_ms", 200),  # a server that is back is asked again soon
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5000),
]
CODES = {
    grpc.StatusCode.UNAVAILABLE: AWAY, grpc.StatusCode.RESOURCE_EXHAUSTED: AWAY, grpc.StatusCode.ABORTED: AWAY,
    grpc.StatusCode.CANCELLED: AWAY, grpc.StatusCode.DEADLINE_EXCEEDED: TIMEOUT,
    grpc.StatusCode.INVALID_ARGUMENT: REFUSED, grpc.StatusCode.FAILED_PRECONDITION: REFUSED,
    grpc.StatusCode.NOT_FOUND: REFUSED, grpc.StatusCode.PERMISSION_DENIED: REFUSED,
    grpc.StatusCode.UNAUTHENTICATED: REFUSED,
}  # fmt: skip
OF_THE_CALL = {grpc.StatusCode.INVALID_ARGUMENT}  # every server would say the same
OF_CERTIFICATES = ("certificate", "hostname verification", "handshake")
OTHER_SERVERS = ("http1.x", "content-type", "http2 header", "settings frame")


class RpcReplica(Replica):
    """One server over gRPC, with or without TLS."""

    def __init__(self, endpoint: Endpoint, served: Served) -> None:
        super().__init__(endpoint)
        if endpoint.secure:
            trusted = Path(served.ca).read_bytes() if served.ca else _system_certificates()
            credentials = grpc.ssl_channel_credentials(root_certificates=trusted)
            self._channel = grpc.secure_channel(endpoint.address, credentials, OPTIONS)
        else:
            self._channel = grpc.insecure_channel(endpoint.address, OPTIONS)
        self._served = served
        self._predict = self._channel.unary_unary(messages.PREDICT)  # bytes in, bytes out

    def predict(self, values: NDArray[Any], *, seconds: float) -> Answer:
        served = self._served
        content = messages.request(
            model=served.model, version=served.version, signature=served.signature, inputs={served.input: values}
        )
        try:
            return messages.outputs(self._predict(content, timeout=seconds))
        except messages.UnreadableTensor as error:
            raise ReplicaFailed(ANSWER) from error
        except grpc.RpcError as error:
            raise ReplicaFailed(_code(error), elsewhere=error.code() not in OF_THE_CALL) from None


def _code(error: grpc.RpcError) -> str:
    details = str(error.details() or "").lower()
    if error.code() == grpc.StatusCode.UNAVAILABLE and any(word in details for word in OF_CERTIFICATES):
        return CERTIFICATE
    if any(words in details for words in OTHER_SERVERS):
        return ANSWER
    return CODES.get(error.code(), ANSWER)


def _system_certificates() -> bytes | None:
    """Those that OpenSSL trusts; None leaves the choice to gRPC."""
    file = ssl.get_default_verify_paths().cafile
    return Path(file).read_bytes() if file else None
