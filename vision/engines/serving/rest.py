"""TensorFlow Serving's REST interface: POST /v1/models/NAME:predict."""

from __future__ import annotations

import json
import ssl
import time
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from vision.engines.networks.served import Endpoint, Served
from vision.engines.serving.replicas import ANSWER, AWAY, CERTIFICATE, REFUSED, TIMEOUT, Answer, Replica, ReplicaFailed

MOST_BYTES = 64 * 2**20  # of an answer
MISSING = {401, 403, 404}  # another server may have what this one lacks
AT_ONCE = httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=30)


class RestReplica(Replica):
    """One server over HTTP or HTTPS. Proxies of the environment are not used: faces go where the file says."""

    def __init__(self, endpoint: Endpoint, served: Served) -> None:
        super().__init__(endpoint)
        version = f"/versions/{served.version}" if served.version is not None else ""
        scheme = "https" if endpoint.secure else "http"
        self._url = f"{scheme}://{endpoint.address}/v1/models/{served.model}{version}:predict"
        self._served = served
        context = ssl.create_default_context(cafile=served.ca or None) if endpoint.secure else False
        self._client = httpx.Client(verify=context, trust_env=False, limits=AT_ONCE, follow_redirects=False)

    def predict(self, values: NDArray[Any], *, seconds: float) -> Answer:
        body = {"signature_name": self._served.signature, "inputs": {self._served.input: values.tolist()}}
        content = json.dumps(body, separators=(",", ":")).encode()
        try:
            status, text = self._post(content, deadline=time.monotonic() + seconds, seconds=seconds)
        except httpx.TimeoutException as error:
            raise ReplicaFailed(TIMEOUT) from error
        except httpx.HTTPError as error:
            raise ReplicaFailed(CERTIFICATE if _is_of_certificate(error) else AWAY) from None
        if status != 200:
            raise _refusal(status, text)
        return self._read(text)

    def _post(self, content: bytes, *, deadline: float, seconds: float) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json"}
        received = bytearray()
        with self._client.stream("POST", self._url, content=content, headers=headers, timeout=seconds) as answer:
            for part in answer.iter_bytes():
                received += part
                if time.monotonic() > deadline:
                    raise ReplicaFailed(TIMEOUT)
                if len(received) > MOST_BYTES:
                    raise ReplicaFailed(ANSWER)
        return answer.status_code, bytes(received)

    def _read(self, text: bytes) -> Answer:
        """The outputs by name; a model with one output answers its values alone."""
        try:
            found = json.loads(text)["outputs"]
            named = found if isinstance(found, dict) else {self._served.output: found}
            return {name: _array(values) for name, values in named.items()}
        except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
            raise ReplicaFailed(ANSWER) from error


def _array(values: Any) -> NDArray[Any]:
    first = values
    while isinstance(first, list) and first:
        first = first[0]
    return np.array(values, object if isinstance(first, str) else np.float32)


def _refusal(status: int, text: bytes) -> ReplicaFailed:
    """What a status that is no success means; only TensorFlow Serving explains itself in JSON."""
    try:
        explained = "error" in json.loads(text)
    except (ValueError, TypeError, RecursionError):
        explained = False
    if not explained:
        return ReplicaFailed(AWAY if status in (502, 503, 504) else ANSWER)
    if status == 504:
        return ReplicaFailed(TIMEOUT)
    if status >= 500:
        return ReplicaFailed(AWAY)
    return ReplicaFailed(REFUSED, elsewhere=status in MISSING)


def _is_of_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
