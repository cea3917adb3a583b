"""The servers of TensorFlow Serving that run a network, as an entry's table `serving` names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from vision.engines.networks.fields import Fields, NetworkError

SCHEMES = ("http", "https", "grpc", "grpcs")


@dataclass(frozen=True)
class Endpoint:
    """One server. `secure`: over TLS; `rest`: its REST interface, otherwise gRPC."""

    host: str
    port: int
    secure: bool
    rest: bool

    @property
    def address(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def label(self) -> str:
        """For logs."""
        scheme = ("https" if self.secure else "http") if self.rest else ("grpcs" if self.secure else "grpc")
        return f"{scheme}://{self.address}"


@dataclass(frozen=True)
class Served:
    """A model on servers that are equal: any of them may be asked.

    `version`: the only one that may answer; None: the newest, which the servers choose and which must name its space.
    `seconds`: for one call, all tries together; `batch`: faces of one request; `ca`: a file of certificates to trust
    instead of the system's.
    """

    endpoints: tuple[Endpoint, ...]
    model: str
    version: int | None
    signature: str
    input: str
    output: str
    seconds: float
    batch: int
    ca: str


def read_served(name: str, table: Any) -> Served:
    """The table `serving` of the entry `name`. Raises `NetworkError`."""
    if not isinstance(table, Mapping):
        raise NetworkError(name, "serving", "a table is needed")
    fields = Fields(f"{name}.serving", dict(table))
    endpoints = [_read_endpoint(fields, text) for text in fields.texts("endpoints")]
    if not endpoints:
        raise fields.wrong("endpoints", "name at least one")
    read = Served(
        endpoints=tuple(endpoints),
        model=fields.text("model", default=name),
        version=fields.whole("version", least=1, most=2**62) if "version" in fields else None,
        signature=fields.text("signature", default="serving_default"),
        input=fields.text("input", default="chips"),
        output=fields.text("output", default="embeddings"),
        seconds=fields.number("seconds", default=10.0, above=0, below=600),
        batch=fields.whole("batch", least=1, most=1024, default=32),
        ca=fields.text("ca", default=""),
    )
    fields.finish()
    return read


def _read_endpoint(fields: Fields, text: str) -> Endpoint:
    parts = urlsplit(text)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme not in SCHEMES or not parts.hostname or not port:
        raise fields.wrong("endpoints", f"{', '.join(SCHEMES)} are known, as in grpc://tf1:8500 or https://tf1:8501")
    if parts.username or parts.path not in ("", "/") or parts.query:
        raise fields.wrong("endpoints", "scheme, host and port are enough, such as grpc://tf1:8500")
    return Endpoint(
        parts.hostname, port, secure=parts.scheme in ("https", "grpcs"), rest=parts.scheme in ("http", "https")
    )
